import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Engine

private let minute: Microseconds = 60 * 1_000_000

/// What a source can repeat is counted once (DESIGN.md, "Duplicate").
@Suite struct DuplicateTests {
  private static let body = AuditTextSamples.body

  @Test func aBodyCountsOnceForTenMinutes() {
    var bench = Workbench()
    #expect(bench.push(Self.body) == .accepted)
    let once = bench.outcome(input: 2)
    for _ in 0..<10 {
      bench.arrival += minute
      #expect(bench.push(Self.body) == .accepted)
    }
    #expect(bench.outcome(input: 2).counted == once.counted)
    #expect(bench.outcome(input: 2).duplicate == 10 * once.received)
  }

  @Test func afterTenMinutesItCountsAgain() {
    var bench = Workbench()
    bench.push(Self.body)
    let once = bench.outcome(input: 2)
    bench.arrival += 10 * minute + 1
    bench.push(Self.body)
    #expect(bench.outcome(input: 2) == once + once)
    // And is remembered once more.
    bench.arrival += 10 * minute
    bench.push(Self.body)
    #expect(bench.outcome(input: 2).duplicate == once.received)
  }

  /// Arrival times of different connections are not in order.
  @Test func aLaterArrivalBeforeAnEarlierOneForgetsNothing() {
    var bench = Workbench()
    bench.arrival += minute
    bench.push("I0304 text\n", to: "/webhook/other")
    bench.arrival -= minute
    bench.push(Self.body)
    let once = bench.outcome(input: 2)
    // Forgotten, and counted again: the first memory of it must not take the second with it.
    bench.arrival += 10 * minute + 1
    bench.push(Self.body)
    bench.arrival += minute
    bench.push("I0304 more text\n", to: "/webhook/other")
    bench.push(Self.body)
    let all = bench.outcome(input: 2)
    #expect(all.counted == 2 * once.counted)
    #expect(all.duplicate == once.received - 1)
  }

  @Test func pathsAndContentsTellBodiesApart() {
    var bench = Workbench()
    let paths = ["/webhook", "/webhook/", "/webhook/a", "/webhook/b"]
    for path in paths { bench.push(Self.body, to: path) }
    bench.push(Self.body + " ")
    let one = bench.outcome(input: 2).counted / 5
    #expect(one > 0)
    #expect(bench.outcome(input: 2).duplicate == 0)
    for path in paths { bench.push(Self.body, to: path) }
    #expect(bench.outcome(input: 2).counted == 5 * one)
    #expect(bench.outcome(input: 2).duplicate > 0)
  }

  /// What a body ends with and what the path begins with cannot be traded.
  @Test func aRefusedBodyIsRefusedAgain() {
    var bench = Workbench()
    for _ in 0..<3 { #expect(bench.push("{\"kind\":") == .nothingReadable) }
    #expect(bench.outcome(input: 2) == Outcome(duplicate: 2, rejected: 1))
  }

  @Test func theTableIsBoundedAndTheOldestLeavesFirst() {
    var table = Redeliveries()
    let limit = UInt64(Redeliveries.Kind.bodies.limit)
    var evicted: UInt64 = 0
    for n in 0..<limit + 100 { evicted += table.remember(digest(n), .init(events: n, isReadable: true), at: 0) }
    #expect(evicted == 100)
    #expect(table.delivery(of: digest(99), at: 0) == nil)
    #expect(table.delivery(of: digest(100), at: 0)?.events == 100)
    #expect(table.delivery(of: digest(limit + 99), at: 0)?.events == limit + 99)
    // A new day: everything is forgotten without being evicted.
    #expect(table.remember(digest(limit + 100), .init(events: 1, isReadable: false), at: 1440 * minute) == 0)
    #expect(table.delivery(of: digest(limit + 99), at: 1440 * minute) == nil)
  }

  /// What had to be forgotten is seen, at the input that brought too much: from then on it could count twice.
  @Test func evictionsAreCounted() {
    var engine = Engine(Workbench.settings, key: Workbench.key, rememberedBodies: 10, rememberedEvents: 5)
    func evicted(_ input: Int) -> Int { engine.readings(at: AuditText.now).sum(.digestsEvicted, input: input) }
    func push(_ text: String, input: Int) {
      engine.count(Workbench.batch(text.utf8, .body(path: "/webhook"), input: input))
    }
    #expect(engine.readings(at: AuditText.now)[.digestsEvicted].rows.count == Workbench.inputs.count)
    for n in 0..<10 { push("text \(n)\n", input: 2) }
    #expect(evicted(2) == 0)
    for n in 0..<3 { push("more \(n)\n", input: 2) }
    push("of another\n", input: 1)
    #expect(evicted(2) == 3 && evicted(1) == 1 && evicted(0) == 0)
    // Events that two categories may repeat: two generations of five, and the older of them gives way twice.
    for n in 0..<20 {
      let event = AuditText.escaped(EventFields(serial: n).ordered)
      let record = "{\"category\":\"kube-audit\",\"properties\":{\"log\":\"\(event)\"}}\n"
      engine.count(Workbench.batch(record.utf8, .stream(id: 1), input: 0))
    }
    #expect(evicted(0) == 10 && evicted(1) == 1 && evicted(2) == 3)
    #expect(engine.readings(at: AuditText.now).isBalanced)
  }

  /// The table against a list of what was delivered when.
  @Test(arguments: 0..<20) func theTableAgreesWithAList(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    var table = Redeliveries()
    var list: [UInt64: Microseconds] = [:]
    var now: Microseconds = AuditText.now
    for _ in 0..<4_000 {
      now += Microseconds(random.pick(0...30)) * 1_000_000
      let n = UInt64(random.pick(0...60))
      let expected = list[n].map { now - $0 <= Redeliveries.Kind.bodies.horizon } ?? false
      #expect((table.delivery(of: digest(n), at: now) != nil) == expected)
      guard !expected else { continue }
      list[n] = now
      #expect(table.remember(digest(n), .init(events: n, isReadable: true), at: now) == 0)
    }
  }

  private func digest(_ n: UInt64) -> Digest { Digest((low: n, high: ~n)) }
}

extension Outcome {
  static func + (left: Outcome, right: Outcome) -> Outcome {
    var sum = left
    sum += right
    return sum
  }
}

enum AuditTextSamples {
  /// Three whole events and a line of another log.
  static let body: String = {
    var text = AuditText(seed: 42)
    return (0..<3).map { _ in text.event().text }.joined() + "other text\n"
  }()
}
