internal import Concurrency
public import Diagnostics

/// What is known of all clusters now: written by the threads that ask, read by a scrape at any time.
public final class PostureStatus: Sendable {
  /// The reports at one instant.
  public struct Snapshot: Sendable {
    /// In the order of the targets, of each in the order of its regions.
    public var regions: [RegionReport] = []
    /// Whether every target's every cluster was listed at the last round, so that one which is not there is in none.
    public var isWhole = false

    public init() {}
  }

  /// Clusters of all targets together; further ones are left out, and their regions are not whole.
  public static let clustersLimit = 1_000

  private let state: Lock<[[RegionReport]?]>

  /// - Parameter targets: how many there are.
  public init(targets: Int) { state = Lock([[RegionReport]?](repeating: nil, count: targets)) }

  public var snapshot: Snapshot {
    state.withLock { reports in
      var snapshot = Snapshot()
      snapshot.regions = reports.flatMap { $0 ?? [] }
      snapshot.isWhole = reports.allSatisfy { $0 != nil } && snapshot.regions.allSatisfy { $0.doubt == nil }
      return snapshot
    }
  }

  /// What a target's regions were found to be; nil before its first round was over.
  func reports(of target: Int) -> [RegionReport]? { state.withLock { $0[target] } }

  /// Shows a target's round.
  func show(_ reports: [RegionReport], of target: Int) {
    state.withLock { state in
      let others = state.indices.filter { $0 != target }.flatMap { state[$0] ?? [] }
      var room = Self.clustersLimit - others.reduce(0) { $0 + $1.clusters.count }
      state[target] = reports.map { report in
        defer { room -= min(room, report.clusters.count) }
        guard report.clusters.count > room else { return report }
        var cut = report
        cut.clusters = Array(report.clusters.prefix(room))
        cut.fail(.clustersLimit, "of \(report.clusters.count) clusters \(room) are looked at")
        return cut
      }
    }
  }
}

/// What arrival says of a cluster whose audit log is said to be on.
public struct Arrival: Sendable {
  /// How long nothing may come; 0 where events are not to come here at all.
  public let silentAfterSeconds: Int64

  public init(silentAfterSeconds: Int64) { self.silentAfterSeconds = silentAfterSeconds }

  /// Whether events are expected here.
  public var isExpected: Bool { silentAfterSeconds > 0 }

  /// Whether events should have come and did not.
  ///
  /// - Parameters:
  ///   - auditSince: since when the audit log is known to be on; nil where it is not.
  ///   - lastEvent: when the newest event happened; nil where there was none.
  public func isSilent(auditSince: Microseconds?, lastEvent: Microseconds?, at now: Microseconds) -> Bool {
    guard isExpected, let auditSince else { return false }
    return now - max(auditSince, lastEvent ?? .min) > silentAfterSeconds * 1_000_000
  }

  /// Whether a cluster that nobody lists is heard now.
  public func isHeard(lastEvent: Microseconds, at now: Microseconds) -> Bool {
    isExpected && now - lastEvent <= silentAfterSeconds * 1_000_000
  }
}
