import Crypto
import Metrics
import TestSupport
import Testing

@testable import Counting

/// Label values chosen to fall on each other in a table: they do where its key is known, and nowhere else.
@Suite struct HashFloodTests {
  private static let count = 1_500

  private static func labels(_ number: Int) -> LabelBuffer {
    var labels = LabelBuffer()
    labels.append(Array("k8s_cluster=\"default\",user=\"u\(number)\",source_ip=\"203.0.113.66\"".utf8))
    return labels
  }

  /// How far the series of a table keyed so stand from where their hash wants them, on average.
  private static func distance(_ rows: [LabelBuffer], key: SipKey) -> Double {
    var table = SeriesTable(windowCount: 0, key: key)
    for row in rows { _ = table.insert(row, table.hash(row), cluster: 0, state: .live) }
    let mask = table.index.count - 1
    var sum = 0
    for at in table.index.indices where table.index[at] != 0 { sum += (at - Int(table.index[at] >> 32)) & mask }
    return Double(sum) / Double(rows.count)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func chosenLabelsFallTogetherOnlyUnderTheKeyTheyWereChosenFor(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let (guessed, real) = (SipKey(random.next(), random.next()), SipKey(random.next(), random.next()))
    let chooser = SeriesTable(windowCount: 0, key: guessed)
    let chosen = (0...).lazy.map(Self.labels).filter { chooser.hash($0) & 0xFF == 0 }.prefix(Self.count)
    let rows = Array(chosen)
    #expect(Self.distance(rows, key: guessed) > 20, "or this test shows nothing")
    #expect(Self.distance(rows, key: real) < 2)
    #expect(Self.distance((0..<Self.count).map(Self.labels), key: real) < 2)
  }

  /// The words of a program's life have the same distances as random numbers would: no sign of a pattern in the tables of the
  /// owners, which take the hashes as they are.
  @Test func ownersOfChosenValuesSpread() {
    var random = SplitMix64(seed: 4)
    let key = SipKey(random.next(), random.next())
    var buckets = [Int](repeating: 0, count: 1_024)
    for number in 0..<20_480 { buckets[Int(Self.labels(number << 10).hash(key: key) & 1_023)] += 1 }
    // Of 1,024 places with 20 each on average, the fullest has above 60 once in 10^9 times.
    #expect(buckets.allSatisfy { $0 < 60 })
  }
}
