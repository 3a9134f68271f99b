internal import Counting
internal import Crypto
internal import Diagnostics

/// One open database with its tables, and the statements that read and write them.
final class StateConnection {
  let database: Database
  private let newSeries: Statement
  private let changedSeries: Statement
  private let removeSeries: Statement
  private let record: Statement
  private let account: Statement
  private let digest: Statement
  private let forgetDigests: Statement
  private let position: Statement
  private let removePosition: Statement
  private let evidence: EvidenceTable

  /// Pages of the log that are moved into the file at a time: 4 KiB each.
  private static let checkpointPages = 4_000
  /// What the log is cut to after that, bytes.
  private static let logBytes = 32 << 20

  /// Sets a database up that was just opened. Answers its schema's version, and changes nothing.
  static func prepare(_ database: borrowing Database) throws(DatabaseError) -> Int64 {
    try database.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    return try database.integer("PRAGMA user_version") ?? 0
  }

  /// What a new state begins with.
  static func fill(_ database: borrowing Database) throws(DatabaseError) {
    let meta = try database.prepare("INSERT INTO meta (key, value) VALUES (?, ?)")
    let key = SipKey.random()
    try meta.run(.text(Array("sip_key".utf8)), .blob(key.bytes))
    try meta.run(.text(Array("created".utf8)), .text(Array(Timestamp.text(Clock.system.now).utf8)))
  }

  /// Makes sure that what can be read is what the disk holds.
  ///
  /// After a failed sync the system may hold pages that the disk never got and call them written. Moving the whole log
  /// into the file writes every page of it again; only when that is synced is anything added.
  static func recover(_ database: borrowing Database, checking: Bool) throws(DatabaseError) {
    guard try database.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw DatabaseError.failed("the write-ahead log cannot be used there")
    }
    try database.execute(
      """
      PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = \(checkpointPages);
      PRAGMA journal_size_limit = \(logBytes)
      """)
    if checking, let fault = try database.text("PRAGMA quick_check(1)"), fault != "ok" {
      throw DatabaseError.damage(fault)
    }
    let isBlocked = try database.integer("PRAGMA wal_checkpoint(TRUNCATE)")
    if isBlocked != 0 { throw DatabaseError.failed("the log cannot be moved into the file") }
  }

  /// - Parameter database: has all tables.
  init(_ database: consuming Database, evidenceBytesLimit: Int) throws(DatabaseError) {
    newSeries = try database.prepare(
      "INSERT OR REPLACE INTO series (labels, count, data, family, place) VALUES (?, ?, ?, ?, ?)")
    changedSeries = try database.prepare("UPDATE series SET count = ?, data = ? WHERE family = ? AND place = ?")
    removeSeries = try database.prepare("DELETE FROM series WHERE family = ? AND place = ?")
    record = try database.prepare("INSERT OR REPLACE INTO records (key, data) VALUES (?, ?)")
    account = try database.prepare("INSERT OR REPLACE INTO accounts (input, kind, reason, events) VALUES (?, ?, ?, ?)")
    digest = try database.prepare("INSERT INTO digests (kind, arrival, data) VALUES (?, ?, ?)")
    forgetDigests = try database.prepare("DELETE FROM digests WHERE kind = ? AND arrival < ?")
    position = try database.prepare(
      "INSERT OR REPLACE INTO positions (input, stream, offset, mark) VALUES (?, ?, ?, ?)")
    removePosition = try database.prepare("DELETE FROM positions WHERE input = ? AND stream = ?")
    evidence = try EvidenceTable(database, bytesLimit: evidenceBytesLimit)
    self.database = database
  }

  /// Writes a change in one transaction.
  func commit(_ change: StateChange) throws(DatabaseError) {
    try database.execute("BEGIN IMMEDIATE")
    do throws(DatabaseError) {
      try write(change.counting)
      try evidence.write(change.counting, to: database)
      for row in change.accounts {
        try account.run(.text(row.input), .text(row.kind), .text(row.reason), .number(row.value))
      }
      for blob in change.digests {
        try digest.run(.integer(Int64(blob.kind.rawValue)), .integer(blob.arrival), .blob(blob.data))
      }
      for (kind, time) in change.forgotten { try forgetDigests.run(.integer(Int64(kind.rawValue)), .integer(time)) }
      for key in change.removedPositions { try removePosition.run(.text(key.input), .text(key.stream)) }
      for row in change.positions {
        try position.run(.text(row.key.input), .text(row.key.stream), .number(row.offset), .blob(row.mark))
      }
      try database.execute("COMMIT")
      evidence.settle()
    } catch {
      evidence.undo()
      if database.isInTransaction { try? database.execute("ROLLBACK") }
      throw error
    }
  }

  /// Evidence that a question asks for, the newest first.
  func evidence(_ query: EvidenceQuery) throws(DatabaseError) -> [EvidenceRow] {
    try evidence.rows(query, in: database)
  }

  private func write(_ delta: CountingDelta) throws(DatabaseError) {
    for key in delta.removed { try removeSeries.run(.integer(Int64(key.family)), .integer(Int64(key.place))) }
    for row in delta.series {
      let (family, place) = (Statement.Value.integer(Int64(row.family)), Statement.Value.integer(Int64(row.place)))
      if let labels = row.labels {
        try newSeries.run(.text(labels), .number(row.count), .blob(row.data), family, place)
      } else {
        try changedSeries.run(.number(row.count), .blob(row.data), family, place)
        guard database.changedRows == 1 else {
          throw DatabaseError.damage("a series that was written is missing")
        }
      }
    }
    for row in delta.records { try record.run(.text(row.key), .blob(row.data)) }
  }

  /// Reads everything.
  func load() throws(DatabaseError) -> SavedState {
    var state = SavedState(key: try readKey())
    let series = try database.prepare("SELECT family, place, labels, count, data FROM series")
    while try series.step() {
      guard let family = UInt8(exactly: series.integer(0)), let place = UInt32(exactly: series.integer(1)) else {
        throw DatabaseError.damage("a series has no possible place")
      }
      state.counting.series.append(
        SeriesRow(
          family: family, place: place, labels: series.bytes(2), count: UInt64(bitPattern: series.integer(3)),
          data: series.bytes(4)))
    }
    let records = try database.prepare("SELECT key, data FROM records")
    while try records.step() {
      state.counting.records.append(StateRecord(key: records.text(0), data: records.bytes(1)))
    }
    let accounts = try database.prepare("SELECT input, kind, reason, events FROM accounts")
    while try accounts.step() {
      state.accounts.append(
        AccountRow(
          input: accounts.text(0), kind: accounts.text(1), reason: accounts.text(2),
          value: UInt64(bitPattern: accounts.integer(3))))
    }
    state.counting.nextEvidence = UInt64(
      bitPattern: try database.integer("SELECT max(id) + 1 FROM evidence") ?? 0)
    try readDigests(into: &state)
    let positions = try database.prepare("SELECT input, stream, offset, mark FROM positions")
    while try positions.step() {
      state.positions.append(
        StreamPosition(
          key: PositionKey(input: positions.text(0), stream: positions.text(1)),
          offset: UInt64(bitPattern: positions.integer(2)), mark: positions.bytes(3)))
    }
    return state
  }

  private func readKey() throws(DatabaseError) -> SipKey {
    let meta = try database.prepare("SELECT value FROM meta WHERE key = 'sip_key'")
    guard try meta.step(), let key = SipKey(bytes: meta.bytes(0)) else {
      throw DatabaseError.damage("the key of its digests is missing")
    }
    return key
  }

  private func readDigests(into state: inout SavedState) throws(DatabaseError) {
    let digests = try database.prepare("SELECT kind, arrival, data FROM digests ORDER BY id")
    while try digests.step() {
      // Of a kind that this version does not know: they age away.
      guard let number = UInt8(exactly: digests.integer(0)), let kind = DigestKind(rawValue: number) else { continue }
      state.digests.append(DigestBlob(kind: kind, arrival: digests.integer(1), data: digests.bytes(2)))
    }
  }
}

extension Statement.Value {
  fileprivate static func text(_ text: String) -> Self { .text(Array(text.utf8)) }
  /// SQLite's integers have a sign: totals beyond 2^63 keep their bits.
  fileprivate static func number(_ value: UInt64) -> Self { .integer(Int64(bitPattern: value)) }
}

extension Statement {
  fileprivate borrowing func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
}

extension SipKey {
  /// Sixteen bytes, the lowest of `k0` first.
  fileprivate var bytes: [UInt8] {
    [k0, k1].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
  }

  fileprivate init?(bytes: [UInt8]) {
    guard bytes.count == 16 else { return nil }
    func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(word(bytes[..<8]), word(bytes[8...]))
  }
}
