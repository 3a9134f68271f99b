import AuditEvents
import Metrics
import TestSupport
import Testing

@testable import Engine

/// What streams leave unfinished is bounded over all of them, and nothing of it is lost in silence.
@Suite struct UnfinishedTests {
  /// An event over several lines, cut after one of them, `length` bytes up to there.
  private func halves(_ serial: Int, length: Int) -> (begin: String, end: String) {
    let event = EventFields(serial: serial).ordered
    let begin = "{\n\"padding\":\"\",\n"
    let padding = String(repeating: "x", count: max(0, length - begin.utf8.count))
    return ("{\n\"padding\":\"\(padding)\",\n", event.dropFirst() + "\n")
  }

  private func engine(eventBytes: Int) -> Engine {
    var settings = Workbench.settings
    settings.decoding.eventBytes = eventBytes
    return Engine(settings, key: Workbench.key)
  }

  private func batch(_ text: String, stream: UInt64) -> Batch {
    Workbench.batch(text.utf8, .stream(id: stream), input: Int(stream % 2))
  }

  @Test func theLongestGoesWhenThereIsTooMuch() {
    var engine = engine(eventBytes: 4_000)
    let lengths = [1_000, 3_500, 1_500, 3_000, 500, 1_200]
    let all = lengths.enumerated().map { halves($0.offset, length: $0.element) }
    for (n, half) in all.enumerated() { engine.count(batch(half.begin, stream: UInt64(n))) }
    // 8,000 bytes fit: the fourth makes the second one go, and no other has to.
    var readings = engine.readings(at: AuditText.now)
    #expect(readings.outcome(input: 0) == Outcome())
    #expect(readings.outcome(input: 1) == Outcome(dropped: 1))
    for (n, half) in all.enumerated() where n != 1 { engine.count(batch(half.end, stream: UInt64(n))) }
    readings = engine.readings(at: AuditText.now)
    #expect(readings.sum(.eventsCounted) == 5 && readings.sum(.eventsDropped) == 1 && readings.isBalanced)
    let set = readings[.eventsDropped]
    let reasons = set.rows.filter { $0.value > 0 }.map { set.value(of: .reason, in: $0) }
    #expect(reasons == ["unfinished"])
  }

  /// Inputs number their streams each for itself: standard input's and the first file's have one number, and nothing else.
  @Test func streamsOfTwoInputsStayApart() {
    var engine = engine(eventBytes: 4_000)
    let all = (0..<2).map { halves($0, length: 100) }
    for (n, half) in all.enumerated() { engine.count(Workbench.batch(half.begin.utf8, .stream(id: 0), input: n)) }
    for (n, half) in all.enumerated() { engine.count(Workbench.batch(half.end.utf8, .stream(id: 0), input: n)) }
    let readings = engine.readings(at: AuditText.now)
    for n in 0..<2 { #expect(readings.outcome(input: n) == Outcome(counted: 1), "input \(n)") }
  }

  /// Any order of beginnings and ends: the bound holds, and every event is counted or dropped.
  @Test(arguments: 0..<20 as Range<UInt64>) func theBoundHolds(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var records = UnfinishedRecords(limitBytes: 1_000)
    var kept: [UInt64: Int] = [:]
    for _ in 0..<2_000 {
      let id = UInt64(random.below(30))
      #expect(records.take(.init(input: 7, id: id))?.count == kept.removeValue(forKey: id))
      guard random.chance(70) else { continue }
      let length = random.below(random.chance(10) ? 1_500 : 200)
      let dropped = records.keep(
        ByteBuffer([UInt8](repeating: 1, count: length)), of: .init(input: 7, id: id), canReturn: false)
      kept[id] = length
      var expected = 0
      while kept.values.reduce(0, +) > 1_000, let longest = kept.values.max() {
        // Of several that are as long, either may go: see which.
        let candidates = kept.filter { $0.value == longest }.map(\.key)
        for id in candidates {
          guard let bytes = records.take(.init(input: 7, id: id)) else {
            kept[id] = nil
            expected += 1
            continue
          }
          #expect(records.keep(bytes, of: .init(input: 7, id: id), canReturn: false).isEmpty)
        }
      }
      #expect(dropped == [Int](repeating: 7, count: expected))
      #expect(records.count == kept.values.reduce(0, +) && records.count <= 1_000)
    }
    #expect(records.removeAll().count == kept.count && records.count == 0)
  }
}
