internal import Concurrency
internal import Diagnostics

/// Things to do later, on one thread of their own: deadlines of connections and of answers.
///
/// - Shape: one entry each until it fires or is cancelled; whoever schedules bounds their number.
/// - Units: milliseconds of the monotonic clock; an action is never early and runs some milliseconds late.
/// - Rule: an action is short and does not wait; it runs without a lock held, so it may race with `cancel`.
final class Timers: Sendable {
  struct Token: Hashable, Sendable { fileprivate let id: UInt64 }

  private struct Entry {
    let due: Microseconds
    let action: @Sendable () -> Void
  }
  private struct State {
    var entries: [UInt64: Entry] = [:]
    var nextID: UInt64 = 0
    /// When the thread wakes by itself.
    var wake = Microseconds.max
    var isStopped = false
  }
  private enum Step { case run([@Sendable () -> Void]), plan, stop }

  private let state: Monitor<State>
  private let thread: NamedThread

  init() throws(Failure) {
    let state = Monitor(State())
    self.state = state
    thread = try NamedThread("timers", stackBytes: 256 << 10) { Self.run(state) }
  }

  /// Runs `action` after `milliseconds`, unless cancelled before. After `stop` nothing is taken.
  @discardableResult
  func schedule(after milliseconds: Int, _ action: @escaping @Sendable () -> Void) -> Token {
    let due = Clock.monotonic + Microseconds(milliseconds) * 1_000
    let (token, isEarlier) = state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      if !state.isStopped { state.entries[id] = Entry(due: due, action: action) }
      return (Token(id: id), due < state.wake)
    }
    if isEarlier { state.update { _ in } }
    return token
  }

  func cancel(_ token: Token) { _ = state.withLock { $0.entries.removeValue(forKey: token.id) } }

  /// Forgets everything and ends the thread. Call it once, not from an action.
  func stop() {
    state.update {
      $0.isStopped = true
      $0.entries = [:]
    }
    thread.join()
  }

  private static func run(_ monitor: Monitor<State>) {
    while true {
      let delay = monitor.withLock { state -> Int? in
        state.wake = state.entries.values.lazy.map(\.due).min() ?? .max
        if state.wake == .max { return nil }
        return max(0, Int((state.wake - Clock.monotonic + 999) / 1_000))
      }
      let step = monitor.wait(milliseconds: delay) { state -> Step? in
        if state.isStopped { return .stop }
        let now = Clock.monotonic
        let due = state.entries.filter { $0.value.due <= now }
        for id in due.keys { state.entries[id] = nil }
        if !due.isEmpty { return .run(due.values.sorted { $0.due < $1.due }.map(\.action)) }
        return state.entries.values.contains { $0.due < state.wake } ? .plan : nil
      }
      switch step {
      case .stop: return
      case .run(let actions): for action in actions { action() }
      case .plan, nil: continue
      }
    }
  }
}
