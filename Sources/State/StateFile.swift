internal import Concurrency
internal import Diagnostics
import Glibc

/// The file that holds the state: found or made, and judged before SQLite sees it, which would change a foreign one.
struct StateFile: Sendable {
  /// Its name in the directory of `--storage.path`.
  static let name = "kube-audit-exporter.db"

  let directory: String
  var path: String { directory + "/" + Self.name }

  /// Makes what is missing: the last directory of the path, for the exporter's user alone, and an empty file.
  func create() throws(Failure) {
    while unsafe mkdir(directory, 0o700) != 0, errno != EEXIST {
      if errno != EINTR { throw StateFailure.of(.last, directory) }
    }
    var descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    while descriptor < 0, errno == EINTR { descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
    guard descriptor >= 0 else { throw StateFailure.of(.last, path) }
    // Before SQLite opens it: closing a descriptor gives up the process's locks on the file.
    close(descriptor)
  }

  /// Which file the path leads to; nil when there is none.
  ///
  /// - Errors: it cannot be told now.
  func key() throws(Failure) -> FileKey? {
    do throws(SystemError) { return try FileFacts(path: path).key } catch {
      if error.code == ENOENT { return nil }
      throw StateFailure.of(error, path)
    }
  }

  /// Bytes of the file and of what was written and not yet moved into it.
  var sizeBytes: UInt64 {
    [path, path + "-wal"].reduce(0) { $0 + UInt64((try? FileFacts(path: $1))?.size ?? 0) }
  }

  /// Bytes that we may still write to its file system; nil when that cannot be told.
  var availableBytes: UInt64? {
    var facts = statvfs()
    guard unsafe statvfs(directory, &facts) == 0 else { return nil }
    return UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
  }

  /// Refuses what is no state of ours, by the first bytes of the file. An empty file is a new one.
  ///
  /// - Source: the database header of SQLite's file format, sqlite.org/fileformat2.html.
  func judge(_ schema: Schema) throws(Failure) {
    let header: [UInt8]
    let size: Int
    do throws(SystemError) {
      let file = try FileDescriptor.open(reading: path)
      let facts = try file.facts
      guard facts.isRegular else { throw SystemError(code: EISDIR) }
      size = facts.size
      header = try file.bytes(at: 0, count: 100)
    } catch { throw StateFailure.of(error, path) }
    if size == 0 { return }
    guard header.count == 100, header.starts(with: "SQLite format 3\0".utf8) else {
      throw StateFailure.notOurs(path, "no database")
    }
    guard Self.number(header, at: 68) == Schema.applicationID else {
      throw StateFailure.notOurs(path, "another program's database")
    }
    let version = Self.number(header, at: 60)
    if version > schema.version { throw StateFailure.newer(path, version: version, known: schema.version) }
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int64 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int64($1) }
  }
}
