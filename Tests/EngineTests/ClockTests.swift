import Concurrency
import Diagnostics
import Metrics
import State
import TestSupport
import Testing

@testable import Engine

private let second: Microseconds = 1_000_000

/// The system's clock is set while the engine runs: totals and duplicates stay right, and windows come back.
@Suite struct ClockTests {
  private static let body = AuditTextSamples.body

  /// A clock that is set far forward must not make a redelivery look new, nor one that is set back.
  @Test(arguments: [3_600, 31_536_000, -3_600, -31_536_000, 100, -100])
  func aRedeliveryIsKnownWhateverTheClockShows(stepSeconds: Int64) {
    var bench = Workbench()
    _ = bench.engine.keepTime(bench.arrival, steady: 0)
    #expect(bench.push(Self.body) == .accepted)
    let once = bench.outcome(input: 2)
    bench.arrival += stepSeconds * second + 5 * second
    let step = bench.engine.keepTime(bench.arrival, steady: 5 * second)
    switch stepSeconds {
    case 120...: #expect(step == .forward)
    case ..<(-120): #expect(step == .back(by: -stepSeconds * second - 5 * second))
    default: #expect(step == nil)
    }
    #expect(bench.push(Self.body) == .accepted)
    #expect(bench.outcome(input: 2).counted == once.counted)
    #expect(bench.outcome(input: 2).duplicate == once.received)
    // Ten minutes of real time later it is forgotten.
    _ = bench.engine.keepTime(bench.arrival, steady: 607 * second)
    bench.push(Self.body)
    #expect(bench.outcome(input: 2).counted == 2 * once.counted)
  }

  /// A suspend: the steady clock stands, the other one goes on.
  @Test func asleepIsForward() {
    var bench = Workbench()
    #expect(bench.engine.keepTime(bench.arrival, steady: 0) == nil)
    #expect(bench.engine.keepTime(bench.arrival + 8 * 3_600 * second, steady: 1) == .forward)
    #expect(bench.engine.keepTime(bench.arrival + 8 * 3_600 * second + 1, steady: 2) == nil)
    #expect(bench.readings().sum(.clockSteps) == 1)
  }

  /// What waited in the queue while the clock was set back is not of the future.
  @Test func whatWasStampedByTheWrongClockCountsNow() {
    var bench = Workbench()
    let right = bench.arrival
    _ = bench.engine.keepTime(right, steady: 0)
    _ = bench.engine.keepTime(right + 31_536_000 * second, steady: second)
    bench.arrival = right + 31_536_000 * second
    bench.push(Self.body, to: "/webhook/a")
    _ = bench.engine.readings(at: bench.arrival)
    #expect(bench.engine.keepTime(right + second, steady: 2 * second) == .back(by: 31_536_000 * second - second))
    // Stamped a year ahead.
    bench.push(Self.body, to: "/webhook/b")
    let next = bench.engine.keepTime(right + 2 * second, steady: 3 * second)
    #expect(next == nil, "the windows' clock did not follow the stamp")
    let readings = bench.engine.readings(at: right + 2 * second)
    #expect(readings.isBalanced)
    let inWindow = readings[.windowRequests].rows.reduce(0) { $0 + $1.value }
    #expect(inWindow > 0, "windows count again at once")
  }

  /// A state that a wrong clock wrote does not keep windows shut after a restart.
  @Test func aRestartWithTheRightClockHeals() throws {
    let right = AuditText.now
    let store = try StateStore(.memory)
    var first = try Engine(Workbench.settings, restoring: try store.load())
    _ = first.keepTime(right + 31_536_000 * second, steady: 0)
    first.count(Workbench.batch(Self.body.utf8, .body(path: "/a"), input: 2, arrival: right + 31_536_000 * second))
    _ = first.readings(at: right + 31_536_000 * second)
    try store.commit(first.takeChange())
    var second = try Engine(Workbench.settings, restoring: try store.load())
    #expect(second.keepTime(right, steady: 9) == .back(by: 31_536_000_000_000))
    try store.commit(second.takeChange())
    var third = try Engine(Workbench.settings, restoring: try store.load())
    #expect(third.keepTime(right, steady: 9) == nil, "that it was set back is kept")
    third.count(Workbench.batch(Self.body.utf8, .body(path: "/b"), input: 2, arrival: right))
    let readings = third.readings(at: right)
    #expect(readings.isBalanced)
    #expect(readings[.windowRequests].rows.contains { $0.value > 0 })
    // The first push is still known.
    let duplicates = readings.sum(.eventsDuplicate)
    third.count(Workbench.batch(Self.body.utf8, .body(path: "/a"), input: 2, arrival: right))
    #expect(third.readings(at: right).sum(.eventsDuplicate) > duplicates)
  }
}
