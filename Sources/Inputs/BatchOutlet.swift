public import Engine

/// Where a pull input's bytes go: the queue with its budget, or a test.
public protocol BatchOutlet: Sendable {
  /// Takes `bytes` of the budget, or refuses at once.
  func reserve(_ bytes: Int) -> Bool
  /// Gives back what was reserved and not handed in.
  func release(_ bytes: Int)
  /// Hands a batch in. False when nothing more is taken: the caller keeps its reservation.
  func put(_ batch: Batch) -> Bool
}

extension BatchQueue: BatchOutlet {}
