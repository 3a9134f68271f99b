import TestSupport
import Testing

@testable import Metrics

@Suite struct SampleQueryTests {
  @Test func isWrittenAsPromQL() {
    let query = SampleQuery(
      .max, by: [.cluster, .user], .windowDeniedRequests,
      [.equals(.window, "5m"), .differs(.user, "a"), .isOneOf(.code, ["401", "403"])], scrapersLabels: ["instance"])
    #expect(
      query.promQL == """
        max by (instance, k8s_cluster, user) (kube_audit_window_denied_requests{window="5m", user!="a", code=~"401|403"})
        """)
    #expect(SampleQuery(.sum, by: [], .queueBytes).promQL == "sum by () (kube_audit_queue_bytes)")
  }

  private static let values = [
    "a", "b", "a\"b", "a\\", "\\\"", "line\nbreak", "user=\"a\"", ",code=\"403\"", "", "{}", "é", "\\n",
  ]

  /// Against labels taken apart one by one: values that look like other labels, prefixes, labels that are not there.
  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func agreesWithBruteForce(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var arena = LabelArena()
    let seeds = (0..<20).map { _ in row(&random) }
    var shared = SampleSet()
    for seed in seeds { shared.append(seed, 0) }
    var refs: [LabelArena.Ref] = []
    shared.forEach { _, labels, _ in refs.append(arena.append(labels)) }
    var set = SampleSet(sharing: arena, prefixes: [Array("window=\"5m\",".utf8), Array("window=\"1h\",".utf8)])
    for _ in 0..<30 {
      if random.oneIn(2) {
        set.append(random.pick(refs), Double(random.pick(-5...5)), prefix: random.pick(0...2))
      } else {
        set.append(row(&random), Double(random.pick(-5...5)))
      }
    }
    var readings = Readings()
    readings[.windowDeniedRequests] = set
    let query = query(&random)
    var expected: [[String]: [Double]] = [:]
    for row in set.rows {
      let labels = Dictionary(set.labels(of: row).map { ($0.label, $0.value) }) { $1 }
      guard query.matchers.allSatisfy({ matches($0, labels) }) else { continue }
      expected[query.labels.map { labels[$0] ?? "" }, default: []].append(row.value)
    }
    let groups = query.groups(in: readings)
    let got = Dictionary(groups.map { ($0.values, $0.value) }) { a, _ in a }
    #expect(got.count == groups.count, "no group twice")
    let wanted = expected.mapValues { values in
      switch query.operation {
      case .sum: values.reduce(0, +)
      case .max: values.max() ?? 0
      case .min: values.min() ?? 0
      }
    }
    #expect(got == wanted, "\(query.promQL)")
    expectRanking(query, groups.map { ($0.values, $0.value) }, limit: random.pick(0...5), readings)
  }

  /// Where each series is a group of its own, its labels are read only when it may be among the largest.
  @Test(arguments: 1...100 as ClosedRange<UInt64>)
  func seriesRankAsGroupsDo(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let labels = Families.family(.deniedRequests).labels.shuffled(using: &random)
    var rows: [[String]: Double] = [:]
    for _ in 0..<random.pick(0...40) {
      rows[labels.map { _ in random.pick(Self.values) }] = Double(random.pick(-2...3))
    }
    var set = SampleSet()
    for (values, value) in rows { set.append(Array(zip(labels, values)), value) }
    var readings = Readings()
    readings[.deniedRequests] = set
    let query = SampleQuery(.sum, by: labels, .deniedRequests)
    expectRanking(query, rows.map { ($0.key, $0.value) }, limit: random.pick(0...45), readings)
  }

  private func expectRanking(
    _ query: SampleQuery, _ groups: [(values: [String], value: Double)], limit: Int, _ readings: Readings
  ) {
    let ranking = query.largest(limit, in: readings)
    let wanted = groups.filter { $0.value != 0 }.sorted {
      $0.value != $1.value ? $0.value > $1.value : $0.values.lexicographicallyPrecedes($1.values)
    }
    #expect(ranking.groups.map(\.values) == wanted.prefix(limit).map(\.values))
    #expect(ranking.groups.map(\.value) == wanted.prefix(limit).map(\.value))
    #expect(ranking.othersCount == max(0, wanted.count - limit))
    #expect(ranking.othersSum == wanted.dropFirst(limit).reduce(0) { $0 + $1.value })
  }

  private func row(_ random: inout SplitMix64) -> [(Label, String)] {
    var labels: [(Label, String)] = [(.cluster, random.pick(Self.values))]
    for label in [Label.code, .user, .sourceIP] where !random.oneIn(5) {
      labels.append((label, random.pick(Self.values)))
    }
    return labels
  }

  private func query(_ random: inout SplitMix64) -> SampleQuery {
    let labels = [Label.cluster, .user, .sourceIP, .window].filter { _ in random.oneIn(2) }
    let matchers = [Label.window, .user, .code, .user].compactMap { label -> SampleQuery.Matcher? in
      let value = label == .window ? "5m" : random.pick(Self.values)
      let starts = [value, random.pick(Self.values)].map { String($0.prefix(random.pick(1...3))) }
      switch random.pick(0...6) {
      case 0: return .equals(label, value)
      case 1: return .differs(label, value)
      case 2: return .isOneOf(label, [value, random.pick(Self.values)])
      case 3: return .begins(label, with: starts)
      case 4: return .beginsOtherwise(label, than: starts)
      default: return nil
      }
    }
    return SampleQuery(random.pick([.sum, .max, .min]), by: labels, .windowDeniedRequests, matchers)
  }

  private func matches(_ matcher: SampleQuery.Matcher, _ labels: [Label: String]) -> Bool {
    switch matcher {
    case .equals(let label, let value): labels[label] ?? "" == value
    case .differs(let label, let value): labels[label] ?? "" != value
    case .isOneOf(let label, let values): values.contains(labels[label] ?? "")
    case .begins(let label, let starts): starts.contains { Array((labels[label] ?? "").utf8).starts(with: $0.utf8) }
    case .beginsOtherwise(let label, let starts):
      !starts.contains { Array((labels[label] ?? "").utf8).starts(with: $0.utf8) }
    }
  }
}
