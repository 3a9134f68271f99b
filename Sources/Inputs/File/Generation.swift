internal import Concurrency
internal import Diagnostics

/// One file from its beginning to its end, whatever it is called meanwhile: the lines of one writer, one stream.
final class Generation {
  enum Phase: Equatable {
    /// A configured name leads to it.
    case live
    /// Rotated away, deleted, or found aside: it is read to its end, and ends when nothing came for the grace period.
    case leaving
    /// Its last piece waits for room in the queue.
    case ending
  }

  var key: FileKey
  /// Where it was last found.
  var path: String
  /// The configured path that it was written under: its rotated siblings are named after that.
  let base: String
  let cluster: String
  let stream: UInt64
  var source: FileSource
  var cutter: LineCutter
  var phase = Phase.live
  var isAtEnd = false
  /// When the last byte came, or when it began to leave.
  var quietSince: Microseconds
  var seenSize: Int
  var seenModified: Int64
  /// Whether its file no longer holds what was read, or cannot be read on.
  var isAbandoned = false
  /// Whether the last read failed.
  var isFaulty = false
  /// The file's size when its content was last found to be as before.
  var trustedSize: Int
  /// Whether the engine knows the stream.
  var hasSent: Bool
  /// Whether the engine keeps a position of it.
  var isSaved = false

  init(
    _ facts: FileFacts, path: String, base: String, cluster: String, stream: UInt64, source: consuming FileSource,
    cutter: LineCutter, now: Microseconds
  ) {
    key = facts.key
    self.path = path
    self.base = base
    self.cluster = cluster
    self.stream = stream
    self.source = source
    self.cutter = cutter
    quietSince = now
    seenSize = facts.size
    seenModified = facts.modified
    trustedSize = facts.size
    hasSent = false
  }

  /// Takes note of how the file looks now. Answers whether that changed, so that there may be something to read.
  func note(_ facts: FileFacts) -> Bool {
    guard facts.size != seenSize || facts.modified != seenModified else { return false }
    seenSize = facts.size
    seenModified = facts.modified
    isAtEnd = false
    return true
  }

  /// Bytes that are there and were not read, as far as it was last seen.
  var unreadBytes: Int { max(0, seenSize - source.position.offset) }

  /// What to remember when it is closed.
  var record: FileRecord {
    let position = source.position
    var record = FileRecord()
    record.offset = position.offset
    record.tail = Fingerprint.of(position.tail)
    record.head = position.head
    record.contentBytes = position.contentBytes
    record.seenSize = seenSize
    record.seenModified = seenModified
    record.stream = stream
    record.isGzip = source.isGzip
    record.isSkipping = cutter.isSkipping
    record.isFragment = position.contentBytes <= cutter.carriedBytes
    record.isSaved = isSaved
    return record
  }

  /// Where the last whole line ended: everything before was handed over.
  func savedPosition() -> SavedPosition {
    var record = self.record
    let carried = cutter.carriedBytes
    // Of a file that cannot be read now less of its content is kept, but where it was is kept in any case: its lines are
    // counted.
    let position = (try? source.position(before: carried)) ?? source.roughPosition(before: carried)
    record.offset = position.offset
    record.contentBytes = position.contentBytes
    record.tail = Fingerprint.of(position.tail)
    record.head = position.head
    return SavedPosition(key: key, record: record, base: base)
  }
}
