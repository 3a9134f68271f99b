internal import Concurrency
public import Counting
public import Diagnostics

/// Keeps the state of the exporter over restarts and crashes: one SQLite file, one transaction for each change.
///
/// - Durability: write-ahead log with `synchronous=FULL`: when `commit` returns, the change survives the loss of power; when
///   it throws, the outcome is unknown, and the change has to be written again, together with what follows.
/// - Lock: the file is locked as long as the store is open; the system gives the lock up when the process ends.
/// - Errors: a `Failure` for people. A file that is not ours, newer, damaged or in use is left as it is.
// Unchecked: used by one thread at a time: by the one that opens it, then by the commit thread, whose start hands it over.
@safe public final class StateStore: @unchecked Sendable {
  /// Where the state is kept.
  public enum Location: Sendable, Equatable {
    /// In a file in this directory, whose last part is made when it is missing.
    case directory(String)
    /// In memory, for as long as the process lives.
    case memory
  }

  public let location: Location
  private let evidenceBytesLimit: Int
  private let file: StateFile?
  private let schema: Schema
  private let vfs: String?
  /// Nil after a failure: the file is opened anew before the next commit.
  private var connection: StateConnection?
  /// Which file was opened first: no other one may take its place.
  private var key: FileKey?

  /// Opens the state, or makes it.
  ///
  /// - Parameter evidenceBytesLimit: labels of evidence that are kept, one half for each kind of subject.
  public convenience init(_ location: Location, evidenceBytesLimit: Int = 4 << 20) throws(Failure) {
    try self.init(location, schema: .current, evidenceBytesLimit: evidenceBytesLimit)
  }

  init(
    _ location: Location, schema: Schema, vfs: String? = nil, evidenceBytesLimit: Int = 4 << 20
  ) throws(Failure) {
    self.location = location
    self.evidenceBytesLimit = evidenceBytesLimit
    self.schema = schema
    self.vfs = vfs
    switch location {
    case .memory: file = nil
    case .directory(let path): file = StateFile(directory: path)
    }
    try file?.create()
    connection = try open(isFirst: true)
    key = try file?.key()
  }

  /// The file's path, for people.
  public var place: String { file?.path ?? "memory" }

  /// Whether what is committed outlives the process.
  public var isDurable: Bool { file != nil }

  /// Bytes of the files now; nil in memory. May be asked for by any thread.
  public var sizeBytes: UInt64? { file?.sizeBytes }

  /// Bytes that may still be written to the file system of the state; nil in memory. May be asked for by any thread.
  public var availableBytes: UInt64? { file?.availableBytes }

  /// Everything that was committed. Call it before the first commit.
  public func load() throws(Failure) -> SavedState {
    guard let connection else { throw StateFailure.replaced(place) }
    do throws(DatabaseError) { return try connection.load() } catch { throw StateFailure.of(error, place) }
  }

  /// Makes a change durable, all of it or nothing.
  public func commit(_ change: StateChange) throws(Failure) {
    let connection = if let open = self.connection { open } else { try open(isFirst: false) }
    self.connection = connection
    if let file, try file.key() != key {
      self.connection = nil
      throw StateFailure.replaced(place)
    }
    do throws(DatabaseError) { try connection.commit(change) } catch {
      // What a failed write or sync has left of the file in the system's memory is not known: see `StateConnection.recover`.
      if isDurable { self.connection = nil }
      throw StateFailure.of(error, place)
    }
  }

  /// Evidence that a question asks for, the newest first. From the thread that commits.
  public func evidence(_ query: EvidenceQuery) throws(Failure) -> [EvidenceRow] {
    let connection = if let open = self.connection { open } else { try open(isFirst: false) }
    self.connection = connection
    do throws(DatabaseError) { return try connection.evidence(query) } catch { throw StateFailure.of(error, place) }
  }

  /// Moves everything into the one file, and gives it free.
  public func close() { connection = nil }

  private func open(isFirst: Bool) throws(Failure) -> StateConnection {
    if let file {
      if !isFirst, try file.key() != key { throw StateFailure.replaced(place) }
      try file.judge(schema)
    }
    let database = try attempt { () throws(DatabaseError) in try Database(path: file?.path, vfs: vfs) }
    // The header that was judged may be older than the log beside it.
    let version = try attempt { () throws(DatabaseError) in try StateConnection.prepare(database) }
    guard version <= schema.version else {
      throw StateFailure.newer(place, version: version, known: schema.version)
    }
    try attempt { () throws(DatabaseError) in
      try schema.migrate(database) { database throws(DatabaseError) in try StateConnection.fill(database) }
      if isDurable { try StateConnection.recover(database, checking: isFirst) }
    }
    do throws(DatabaseError) {
      return try StateConnection(database, evidenceBytesLimit: evidenceBytesLimit)
    } catch { throw StateFailure.of(error, place) }
  }

  private func attempt<R: ~Copyable>(_ body: () throws(DatabaseError) -> R) throws(Failure) -> R {
    do throws(DatabaseError) { return try body() } catch { throw StateFailure.of(error, place) }
  }
}
