internal import Metrics

/// What the engine did since the last epoch, sealed: plain values on their way to the commit thread.
///
/// Nothing that an epoch holds is visible outside before it is committed: not an answer to a sender, not a reading.
struct Epoch: Sendable {
  /// Answers to those who wait for what this epoch counted.
  var answers: [(reply: PushReply, answer: PushAnswer)] = []
  /// The readings at its end, and who asked for them.
  var readings: Readings?
  var readers: [@Sendable (Readings) -> Void] = []
  /// Somebody who reads draws trends.
  var wantsTrends = false

  /// Whether committing it would change anything that somebody waits for.
  var isEmpty: Bool { answers.isEmpty && readers.isEmpty }
}
