internal import AWS
internal import Diagnostics
internal import Engine

/// One log group that is read, and when it is its turn.
struct GroupReading {
  let name: String
  /// Account, region and name: what positions are kept under.
  let key: String
  let cluster: String
  /// The number of its stream of batches.
  let stream: UInt64
  var reader: LogGroupReader
  /// When it is to be asked next, and when its query began; of the clock that never steps.
  var due: Microseconds
  var begun: Microseconds = 0
  /// What the query under way asks for; milliseconds since the epoch, by CloudWatch's clock.
  var asked: ClosedRange<Int64>?
  /// All that CloudWatch had up to then is read; the same clock.
  var readUntil: Int64
  /// In a row.
  var failures = 0
  var readBytes: UInt64 = 0
  /// Since when listings lack it; nil while they have it.
  var missingSince: Microseconds?

  var isFailing: Bool { failures > 0 }

  /// A group's cluster, from `/aws/eks/<cluster>/cluster`; nil for groups of anything else.
  static func cluster(ofGroup name: String) -> String? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0].isEmpty, parts[1] == "aws", parts[2] == "eks", !parts[3].isEmpty,
      parts[4] == "cluster"
    else { return nil }
    return String(parts[3])
  }

  /// When it is asked again after so many failures in a row.
  static func pause(afterFailures failures: Int, poll: Microseconds) -> Microseconds {
    let limit: Microseconds = 300_000_000
    return max(poll, min(limit, poll << Int64(min(max(0, failures - 1), 6))))
  }
}
