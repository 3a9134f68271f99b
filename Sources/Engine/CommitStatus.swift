internal import Concurrency
public import Diagnostics
public import Metrics

/// How the commits are doing: written by the commit thread, read by scrapes and by those who take pushes.
public final class CommitStatus: Sendable {
  /// The values at one instant.
  public struct Snapshot: Sendable {
    /// Of every attempt, seconds.
    public var durations = Histogram(bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5])
    /// Attempts that failed.
    public var errors: UInt64 = 0
    /// When everything that had been counted was durable.
    public var lastCommit: Microseconds?
    /// Whether the last attempt failed.
    public var isFailing = false
    /// Since when an attempt is under way, on the clock that never steps.
    var attemptSince: Microseconds?
  }

  /// An attempt that takes longer is taken for one that fails.
  static let patience: Microseconds = 5_000_000

  private let state = Lock(Snapshot())

  public init() {}

  public var snapshot: Snapshot { state.withLock { $0 } }

  /// Whether what is pushed now is likely to be answered in time. If not, it is better refused before it is counted.
  public var admitsPushes: Bool { admitsPushes(at: Clock.monotonic) }

  /// The same at a time of the clock that never steps.
  func admitsPushes(at now: Microseconds) -> Bool {
    state.withLock { !$0.isFailing && now - ($0.attemptSince ?? now) < Self.patience }
  }

  func begin() { state.withLock { $0.attemptSince = Clock.monotonic } }

  /// An attempt ended; `time` is that of the system's clock when it succeeded.
  func end(succeededAt time: Microseconds?) {
    let now = Clock.monotonic
    state.withLock { state in
      state.durations.observe(Double(now - (state.attemptSince ?? now)) / 1e6)
      state.attemptSince = nil
      state.isFailing = time == nil
      if let time { state.lastCommit = time } else { state.errors += 1 }
    }
  }

  /// There was nothing to write.
  func unchanged(at time: Microseconds) { state.withLock { $0.lastCommit = time } }
}

/// What the log is told of the commits.
public enum CommitEvent: Sendable {
  /// An attempt failed, the so many-th in a row. It is tried again.
  case failed(Failure, attempt: Int)
  /// After so many failures one succeeded: nothing was lost.
  case recovered(failures: Int)
  /// The exporter stops, and what was counted since the last commit is not durable.
  case abandoned(Failure)
}
