import Concurrency
import Counting
import Diagnostics
import Metrics
import State
import TestSupport
import Testing

@testable import Engine

/// Nothing is answered or shown before it is durable; while the store fails, nothing is lost, and all of it heals.
@Suite struct CommitTests {
  @Test func nothingIsToldBeforeTheCommit() throws {
    let bench = try CommitBench()
    #expect(bench.read()?.sum(.eventsReceived) == 0)
    bench.store.behave(.hang)
    let attempts = bench.store.record.withLock { $0.attempts }
    #expect(bench.push(1))
    #expect(bench.store.record.wait(milliseconds: 60_000) { $0.attempts > attempts ? true : nil } == true)
    let reading = Monitor<Int?>(nil)
    #expect(bench.queue.ask(.read { readings in reading.update { $0 = readings.sum(.eventsReceived) } }))
    // The engine counts on and tells what it has, but not as committed.
    #expect(bench.readNow()?.sum(.eventsReceived) == 1)
    #expect(bench.answers.withLock { $0 }.isEmpty)
    #expect(reading.withLock { $0 } == nil)
    bench.store.behave(.succeed)
    #expect(bench.answer(to: 1) == .accepted)
    #expect(reading.wait(milliseconds: 60_000) { $0 } == 1)
    bench.stop()
    #expect(bench.store.record.withLock { $0.isClosed })
  }

  /// What was committed at the moment of an answer holds what is answered.
  @Test func theAnswerFollowsTheCommitThatHoldsIt() throws {
    let bench = try CommitBench()
    for serial in 1...50 {
      #expect(bench.push(serial))
      #expect(bench.answer(to: serial) == .accepted)
      let committed = bench.store.committed
      #expect(committed.accounts.first { $0.kind == "received" }?.value == UInt64(serial))
      #expect(committed.digests.reduce(0) { $0 + $1.data.count } == 32 * serial)
    }
    bench.stop()
  }

  @Test func whileItFailsCountersStandStillAndGaugesMove() throws {
    let bench = try CommitBench()
    #expect(bench.push(1))
    #expect(bench.answer(to: 1) == .accepted)
    #expect(bench.read()?.sum(.eventsReceived) == 1)
    #expect(bench.status.admitsPushes)
    bench.store.behave(.fail)
    #expect(bench.push(2))
    #expect(bench.answer(to: 2) == .unavailable)
    #expect(!bench.status.admitsPushes)
    var settings = Workbench.settings
    settings.expectedClusters = ["new"]
    #expect(bench.queue.ask(.apply(settings)))
    let shown = try #require(bench.read())
    #expect(shown.sum(.eventsReceived) == 1 && shown.sum(.requests) == 1, "a counter that is not committed")
    #expect(shown.sum(.clusterExpected) == 1, "a gauge is as it is now")
    #expect(shown.isBalanced)
    // A duplicate of what is not durable is no more durable.
    #expect(bench.push(2))
    #expect(bench.answer(to: 2, count: 2) == .unavailable)
    bench.store.behave(.succeed)
    #expect(bench.waitForStatus { !$0.isFailing })
    #expect(bench.status.admitsPushes)
    #expect(bench.push(2))
    #expect(bench.answer(to: 2, count: 3) == .accepted)
    let healed = try #require(bench.read())
    #expect(healed.sum(.eventsReceived) == 4 && healed.sum(.eventsDuplicate) == 2 && healed.sum(.requests) == 2)
    bench.stop()
    let events = bench.events.withLock { $0 }
    #expect(events.first == "failed state_full 1" && events.last == "recovered")
    #expect(bench.status.snapshot.errors == UInt64(events.count - 1))
    #expect(bench.status.snapshot.durations.count > bench.status.snapshot.errors)
  }

  /// It is tried again although nothing new happens, and what is written then is everything.
  @Test func itHealsByItselfAndLosesNothing() throws {
    let bench = try CommitBench()
    bench.store.behave(.fail)
    for serial in 1...20 { #expect(bench.push(serial)) }
    for serial in 1...20 { #expect(bench.answer(to: serial) == .unavailable) }
    let attempts = bench.store.record.withLock { $0.attempts }
    #expect(bench.store.record.wait(milliseconds: 60_000) { $0.attempts >= attempts + 2 ? true : nil } == true)
    bench.store.behave(.succeed)
    #expect(bench.waitForStatus { !$0.isFailing && $0.lastCommit != nil })
    bench.stop()
    let committed = bench.store.committed
    #expect(committed.accounts.first { $0.kind == "received" }?.value == 20)
    #expect(committed.digests.reduce(0) { $0 + $1.data.count } == 32 * 20)
    // A restart knows them all.
    let again = try CommitBench(restoring: Self.saved(committed))
    #expect(again.read()?.sum(.eventsReceived) == 20)
    #expect(again.push(7))
    #expect(again.answer(to: 7) == .accepted)
    #expect(again.read()?.sum(.eventsDuplicate) == 1)
    again.stop()
  }

  /// What was restored is durable: it is shown from the start, whatever becomes of the first commit.
  @Test func whatWasRestoredIsShownAtOnce() throws {
    let first = try CommitBench()
    for serial in 1...3 { #expect(first.push(serial)) }
    #expect(first.answer(to: 3) == .accepted)
    first.stop()
    let second = try CommitBench(restoring: Self.saved(first.store.committed))
    second.store.behave(.fail)
    #expect(second.push(4))
    #expect(second.answer(to: 4) == .unavailable)
    let shown = try #require(second.read())
    #expect(shown.sum(.eventsReceived) == 3 && shown.sum(.requests) == 3)
    second.stop()
    #expect(second.events.withLock { $0.last } == "abandoned")
  }

  /// Nobody waits: a change is committed after a second, and nothing is written while nothing changes.
  @Test func aChangeIsCommittedWithinASecond() throws {
    let bench = try CommitBench()
    _ = bench.read()
    let before = bench.store.record.withLock { $0.changes.count }
    #expect(bench.queue.put(Workbench.batch((EventFields(serial: 1).ordered + "\n").utf8, .stream(id: 1))))
    let received = bench.store.record.wait(milliseconds: 60_000) { record in
      record.changes.dropFirst(before).flatMap(\.accounts).first { $0.kind == "received" }?.value
    }
    #expect(received == 1)
    let count = bench.store.record.withLock { $0.changes.count }
    bench.stop()
    #expect(bench.store.record.withLock { $0.changes.count } <= count + 1)
  }

  @Test func aHungCommitIsTakenForAFailure() {
    let status = CommitStatus()
    #expect(status.admitsPushes)
    let before = Clock.monotonic
    status.begin()
    let now = Clock.monotonic
    #expect(status.admitsPushes(at: before + CommitStatus.patience - 1))
    #expect(!status.admitsPushes(at: now + CommitStatus.patience + 1))
    status.end(succeededAt: 7)
    #expect(status.admitsPushes(at: now + 10 * CommitStatus.patience))
    #expect(status.snapshot.lastCommit == 7)
  }

  private static func saved(_ change: StateChange) throws -> SavedState {
    let store = try StateStore(.memory)
    try store.commit(change)
    let saved = try store.load()
    var state = SavedState(key: Workbench.key)
    (state.counting, state.accounts, state.digests) = (saved.counting, saved.accounts, saved.digests)
    state.positions = saved.positions
    return state
  }

  /// While a commit hangs, questions for evidence wait, as many as may; further ones are refused at once. All are answered.
  @Test func questionsWaitForTheCommit() throws {
    let bench = try CommitBench()
    bench.store.behave(.hang)
    #expect(bench.push(1))
    #expect(bench.store.record.wait(milliseconds: 60_000) { $0.attempts > 0 ? true : nil } == true)
    let told = Monitor<[Bool]>([])
    for _ in 0..<20 { bench.askForEvidence(told) }
    #expect(told.withLock { $0 } == [false, false, false, false], "sixteen wait")
    bench.store.behave(.succeed)
    #expect(told.wait(milliseconds: 60_000) { $0.count == 20 ? true : nil } == true)
    #expect(told.withLock { $0.count { $0 } } == 16)
    bench.stop()
    bench.askForEvidence(told)
    #expect(told.withLock { $0.last } == false, "nobody is left to answer")
  }
}
