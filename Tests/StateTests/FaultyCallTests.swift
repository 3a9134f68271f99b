import Diagnostics
import FaultyCalls
import Glibc
import TestSupport
import Testing

@testable import State

/// Every system call of the store fails, or writes and reads a byte only: once, thrice, or from some call on. While it does the
/// store may refuse; the state is always that after some commit, and no earlier one than the last that was acknowledged; and
/// when calls succeed again, so does the next commit.
@Suite struct FaultyCallTests {
  struct Plan: Sendable, CustomTestStringConvertible {
    let mode: faulty_calls_mode
    /// 0 for short transfers.
    let error: Int32
    var testDescription: String { "mode \(mode.rawValue), error \(error)" }
  }

  static let plans = [CALLS_ONCE, CALLS_THRICE, CALLS_FROM_THEN_ON].flatMap { mode in
    [ENOSPC, EIO, EMFILE, EINTR, 0].compactMap { error in
      // A call that is interrupted for ever is none that can be made.
      error == EINTR && mode == CALLS_FROM_THEN_ON ? nil : Plan(mode: mode, error: error)
    }
  }

  @Test(arguments: plans) func everySystemCallMayFail(plan: Plan) throws {
    let calls = try run(plan, failingAt: .max)
    // Fewer would mean that the run does nothing.
    try #require(calls > 100, "\(calls) calls")
    let tried = min(calls, Campaign.size("calls", short: 30))
    let first = Campaign.seed % max(1, calls / tried)
    for number in 0..<tried { try run(plan, failingAt: 1 + first + number * calls / tried) }
    Campaign.report("calls", "\(plan): \(tried) of \(calls) system calls of the store failed in turn")
  }

  /// One run. Answers how many calls it made.
  @discardableResult
  private func run(_ plan: Plan, failingAt n: Int) throws -> Int {
    try Files.withTemporaryFolder(in: Files.fastPlace) { folder in
      var maker = ChangeMaker(seed: 23)
      // The state after so many changes.
      var states = [maker.model]
      var pending = StateChange()
      var acknowledged = 0
      faulty_calls_arm(n, plan.mode, plan.error)
      var store = try? StateStore(.directory(folder))
      // The exporter does not start, and is started again.
      for _ in 0..<3 where store == nil { store = try? StateStore(.directory(folder)) }
      for _ in 0..<6 {
        faulty_calls_pause()
        pending.merge(maker.next(size: 6))
        states.append(maker.model)
        faulty_calls_resume()
        guard let store, (try? store.commit(pending)) != nil else { continue }
        pending = StateChange()
        acknowledged = states.count - 1
      }
      let calls = faulty_calls_disarm()
      if let store {
        try store.commit(pending)
        acknowledged = states.count - 1
        store.close()
      }
      let again = try StateStore(.directory(folder))
      let found = StateModel(try again.load())
      again.close()
      let isKnown = states[acknowledged...].contains(found)
      #expect(isKnown, "call \(n): a state that never was, or an old one")
      return calls
    }
  }
}
