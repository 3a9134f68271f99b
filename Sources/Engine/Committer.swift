internal import Concurrency
internal import Diagnostics

/// Makes epochs final, one after another, on a thread of its own: only then are senders answered and readings shown.
///
/// At most one epoch is in flight; the engine counts on into the next one meanwhile.
final class Committer: Sendable {
  private struct State {
    var epoch: Epoch?
    var isCommitting = false
    var isClosed = false
  }
  private let state = Monitor(State())
  /// Called after every commit, so that the engine can seal the next epoch.
  private let whenIdle: @Sendable () -> Void

  init(whenIdle: @escaping @Sendable () -> Void) { self.whenIdle = whenIdle }

  /// Whether an epoch can be handed in now.
  var isIdle: Bool { state.withLock { $0.epoch == nil && !$0.isCommitting } }

  /// Waits until an epoch can be handed in.
  func waitUntilIdle() {
    _ = state.wait { $0.epoch == nil && !$0.isCommitting ? true : nil }
  }

  /// Hands in a sealed epoch. Only when idle.
  func commit(_ epoch: Epoch) {
    state.update { state in
      precondition(state.epoch == nil, "one epoch at most is in flight")
      state.epoch = epoch
    }
  }

  /// Returns once everything handed in is committed; the loop ends.
  func close() { state.update { $0.isClosed = true } }

  /// The body of the commit thread: until closed and empty.
  func run() {
    while let epoch = next() {
      for item in epoch.answers { item.reply(item.answer) }
      if let readings = epoch.readings {
        for reader in epoch.readers { reader(readings) }
      }
      state.update { $0.isCommitting = false }
      whenIdle()
    }
  }

  private func next() -> Epoch? {
    state.wait { state -> Epoch?? in
      if let epoch = state.epoch {
        state.epoch = nil
        state.isCommitting = true
        return .some(epoch)
      }
      return state.isClosed ? .some(nil) : nil
    } ?? nil
  }
}
