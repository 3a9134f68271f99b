internal import Metrics
internal import State

/// What the engine did since the last epoch, sealed: plain values on their way to the commit thread.
///
/// Nothing that an epoch holds is visible outside before it is committed: not an answer to a sender, not a reading.
struct Epoch: Sendable {
  /// What it changed, as absolute values.
  var change = StateChange()
  /// Answers to those who wait for what this epoch counted.
  var answers: [(reply: PushReply, answer: PushAnswer)] = []
  /// The readings at its end, and who asked for them.
  var readings: Readings?
  var readers: [@Sendable (Readings) -> Void] = []
  /// Somebody who reads draws trends.
  var wantsTrends = false

  /// Whether somebody waits for it.
  var isAwaited: Bool { !answers.isEmpty || !readers.isEmpty }
}
