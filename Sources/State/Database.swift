internal import CSQLite

/// What SQLite answered when it could not do something.
struct DatabaseError: Error, Equatable {
  /// SQLite's extended result code.
  let code: Int32
  /// SQLite's sentence; never holds what was stored.
  let text: String

  /// The result code without what extends it.
  var primary: Int32 { code & 0xff }
  /// Another connection holds the file.
  var isBusy: Bool { primary == SQLITE_BUSY || primary == SQLITE_LOCKED }
  /// The file is no database, or a damaged one.
  var isDamage: Bool { primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB }
  /// The file or its directory cannot be written, or be opened at all.
  var isDenied: Bool { [SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM].contains(primary) }
  /// There is no space left.
  var isFull: Bool { primary == SQLITE_FULL }

  init(code: Int32, text: String) {
    self.code = code
    self.text = text
  }

  /// What is read makes no sense.
  static func damage(_ text: String) -> DatabaseError { DatabaseError(code: SQLITE_CORRUPT, text: text) }
  static func failed(_ text: String) -> DatabaseError { DatabaseError(code: SQLITE_ERROR, text: text) }
}

/// Owns one connection to a SQLite database; it is closed exactly once, when this value and its statements have ended.
///
/// Not for two threads at once: it is opened without SQLite's own mutexes.
@safe struct Database: ~Copyable {
  // SAFETY: not nil from `init` to `deinit`, and lent to no one but the calls below.
  private let raw: OpaquePointer

  /// Opens an existing file, or memory when `path` is nil.
  ///
  /// - Parameter vfs: the way to the file system; SQLite's own when nil.
  init(path: String?, vfs: String? = nil) throws(DatabaseError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let more = path == nil ? SQLITE_OPEN_MEMORY : 0
    // SAFETY: the texts are lent for the call, and SQLite fills `opened`, also when it fails.
    let code = unsafe sqlite3_open_v2(path ?? ":memory:", &opened, flags | more, vfs)
    guard let connection = unsafe opened else { throw DatabaseError(code: SQLITE_NOMEM, text: "out of memory") }
    guard code == SQLITE_OK else {
      let text = unsafe String(cString: sqlite3_errmsg(connection))
      unsafe sqlite3_close_v2(connection)
      throw DatabaseError(code: code, text: text)
    }
    unsafe raw = connection
  }

  deinit { unsafe sqlite3_close_v2(raw) }

  /// Runs statements that answer nothing; rows that they answer are passed over.
  borrowing func execute(_ sql: String) throws(DatabaseError) {
    let code = unsafe sqlite3_exec(raw, sql, nil, nil, nil)
    if code != SQLITE_OK { throw error(code) }
  }

  /// Makes a statement that may be run many times.
  borrowing func prepare(_ sql: String) throws(DatabaseError) -> Statement {
    var made: OpaquePointer?
    // SAFETY: the text is lent for the call; the statement is owned by the value that is answered.
    let code = unsafe sqlite3_prepare_v3(raw, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
    guard code == SQLITE_OK, let statement = unsafe made else { throw error(code) }
    return unsafe Statement(owning: statement)
  }

  /// The first column of the first row that `sql` answers; nil without a row.
  borrowing func integer(_ sql: String) throws(DatabaseError) -> Int64? {
    let statement = try prepare(sql)
    return try statement.step() ? statement.integer(0) : nil
  }

  /// The same as text.
  borrowing func text(_ sql: String) throws(DatabaseError) -> String? {
    let statement = try prepare(sql)
    return try statement.step() ? String(decoding: statement.bytes(0), as: UTF8.self) : nil
  }

  /// How many rows the last statement changed.
  var changedRows: Int { Int(unsafe sqlite3_changes64(raw)) }
  /// Whether a transaction is open.
  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(raw) == 0 }

  private borrowing func error(_ code: Int32) -> DatabaseError {
    DatabaseError(code: code, text: unsafe String(cString: sqlite3_errmsg(raw)))
  }
}

/// Owns one prepared statement. It keeps its connection open.
@safe struct Statement: ~Copyable {
  // SAFETY: not nil from `init` to `deinit`, and lent to no one but the calls below. It never outlives its connection:
  // SQLite closes a connection only when its last statement is finalised.
  private let raw: OpaquePointer

  @unsafe fileprivate init(owning raw: OpaquePointer) { unsafe self.raw = raw }

  deinit { unsafe sqlite3_finalize(raw) }

  /// Runs it with these values to its end, then makes it ready for the next time.
  borrowing func run(_ values: Value...) throws(DatabaseError) {
    try start(values)
    let code = unsafe sqlite3_step(raw)
    let text = code == SQLITE_DONE || code == SQLITE_ROW ? "" : message
    unsafe sqlite3_reset(raw)
    if !text.isEmpty { throw DatabaseError(code: code, text: text) }
  }

  /// A value on its way into the database.
  enum Value {
    case integer(Int64)
    case text([UInt8])
    case blob([UInt8])
  }

  /// Runs it with these values to its end, calls `body` at each row, then makes it ready for the next time.
  borrowing func forEachRow(_ values: [Value], _ body: (borrowing Statement) -> Void) throws(DatabaseError) {
    try start(values)
    defer { unsafe sqlite3_reset(raw) }
    while try step() { body(self) }
  }

  /// Moves on to the next row; false behind the last.
  borrowing func step() throws(DatabaseError) -> Bool {
    let code = unsafe sqlite3_step(raw)
    guard code == SQLITE_ROW || code == SQLITE_DONE else { throw DatabaseError(code: code, text: message) }
    return code == SQLITE_ROW
  }

  /// A column of the row, as a whole number.
  borrowing func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(raw, column) }

  /// A column of the row, text or blob, as bytes.
  borrowing func bytes(_ column: Int32) -> [UInt8] {
    // SAFETY: the memory is SQLite's until the next step and is copied here; the count is asked for after the pointer.
    guard let start = unsafe sqlite3_column_blob(raw, column) else { return [] }
    let count = Int(unsafe sqlite3_column_bytes(raw, column))
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  private borrowing func start(_ values: [Value]) throws(DatabaseError) {
    for (at, value) in zip(Int32(1)..., values) {
      // SAFETY: SQLite copies the bytes during the call.
      let code =
        switch value {
        case .integer(let number): unsafe sqlite3_bind_int64(raw, at, number)
        case .text(let bytes):
          unsafe bytes.withUnsafeBytes { unsafe kae_bind_text(raw, at, $0.baseAddress, Int64($0.count)) }
        case .blob(let bytes):
          unsafe bytes.withUnsafeBytes { unsafe kae_bind_blob(raw, at, $0.baseAddress, Int64($0.count)) }
        }
      if code != SQLITE_OK { throw DatabaseError(code: code, text: message) }
    }
  }

  private var message: String { unsafe String(cString: sqlite3_errmsg(sqlite3_db_handle(raw))) }
}
