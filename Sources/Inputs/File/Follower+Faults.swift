internal import Concurrency
public import Diagnostics
internal import Engine
internal import Logging
import Glibc

extension Failure.Reason {
  /// A configured path leads nowhere.
  public static let fileMissing = Failure.Reason("file_missing")
  /// The system does not let us read it.
  public static let permissionDenied = Failure.Reason("permission_denied")
  /// A directory, a device or a pipe where a file should be.
  public static let notAFile = Failure.Reason("not_a_file")
  /// Any other error of reading.
  public static let readFailed = Failure.Reason("read_failed")
  /// A file that begins like gzip and cannot be decompressed to its end.
  public static let badGzip = Failure.Reason("bad_gzip")
}

/// The paths that cannot be read now: each is counted and logged when it begins, and once more when it is over.
struct FaultBook {
  /// The most paths remembered; further ones are counted each time.
  static let pathsLimit = 1024

  private var entries: [String: (reason: Failure.Reason, scan: UInt32)] = [:]

  var isEmpty: Bool { entries.isEmpty }

  /// Whether this is news.
  mutating func begin(_ path: String, _ reason: Failure.Reason, scan: UInt32) -> Bool {
    let isNews = entries[path]?.reason != reason
    if entries[path] != nil || entries.count < Self.pathsLimit { entries[path] = (reason, scan) }
    return isNews
  }

  /// Whether there was something to end.
  mutating func end(_ path: String) -> Bool { !entries.isEmpty && entries.removeValue(forKey: path) != nil }

  /// Forgets what did not show itself again since an earlier scan: the path is gone.
  mutating func forget(before scan: UInt32) {
    guard !entries.isEmpty else { return }
    entries = entries.filter { $0.value.scan &+ 1 >= scan }
  }
}

extension Follower {
  /// How long a path may lead nowhere before that is a fault: between two steps of a rotation it does.
  private static let missingMicroseconds: Microseconds = 5_000_000
  /// The most lines on the page.
  private static let sourcesLimit = 100

  func fault(_ path: String, _ error: SystemError) {
    fault(path, error.code == EACCES || error.code == EPERM ? .permissionDenied : .readFailed, error.text)
  }

  func fault(_ path: String, _ reason: Failure.Reason, _ text: String) {
    guard faults.begin(path, reason, scan: scan) else { return }
    status.failed(reason)
    logger.warning("cannot read", metadata: ["path": "\(path)", "reason": "\(reason.label)", "error": "\(text)"])
  }

  func recovered(_ path: String) {
    guard faults.end(path) else { return }
    logger.info("readable again", metadata: ["path": "\(path)"])
  }

  func missing(_ path: String, _ pattern: FilePattern, _ now: Microseconds) {
    guard pattern.isLiteral else { return _ = faults.end(path) }
    let since = missingSince[path] ?? (hasScannedOnce ? now : now - Self.missingMicroseconds)
    missingSince[path] = since
    if now - since >= Self.missingMicroseconds { fault(path, .fileMissing, "it is read as soon as it appears") }
  }

  /// Has it counted, together with the positions, that bytes are known to be lost at the source.
  func lose(_ bytes: Int) {
    if bytes > 0 { positionChanges.append(.lost(bytes: bytes)) }
  }

  /// Shows how things are.
  func publish() {
    let isUp = faults.isEmpty
    let now = clock.now
    let shown = open.sorted { $0.path < $1.path }.prefix(Self.sourcesLimit)
    var sources = shown.map { generation in
      let total = max(generation.seenSize, generation.source.position.offset)
      return InputStatus.Source(
        name: generation.path, readBytes: UInt64(generation.source.position.offset), totalBytes: UInt64(total))
    }
    let others = known.count - shown.count
    if others > 0 { sources.append(.init(name: "\(others) more files", readBytes: 0, totalBytes: nil)) }
    status.update { [sources] in
      $0.isUp = isUp
      if isUp { $0.lastSuccess = now }
      $0.sources = sources
    }
  }
}
