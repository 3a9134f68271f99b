import FuzzSupport

@testable import State

/// Ways to spoil a state, chosen by the input: bytes of its files, and values of its cells, which leave the files whole.
struct Damage {
  private static let cells = [
    ("meta", "value"), ("series", "family"), ("series", "place"), ("series", "labels"), ("series", "count"),
    ("series", "data"), ("series", "data"), ("records", "key"), ("records", "data"), ("records", "data"),
    ("accounts", "input"), ("accounts", "kind"), ("accounts", "reason"), ("accounts", "events"), ("digests", "kind"),
    ("digests", "arrival"), ("digests", "data"), ("positions", "stream"), ("positions", "offset"),
    ("positions", "mark"),
  ]
  private static let numbers: [Int64] = [
    0, 1, -1, 7, 255, 256, 65_536, 1 << 31, 1 << 32, 1 << 53, 1 << 53 + 1, .max, .min, 1_790_000_000_000_000,
  ]
  private static let statements = [
    "PRAGMA user_version = 0", "PRAGMA user_version = 2", "PRAGMA user_version = -1", "PRAGMA application_id = 0",
    "DROP TABLE records", "DROP TABLE meta", "DROP INDEX digests_by_age", "DELETE FROM series", "DELETE FROM records",
    "DELETE FROM meta", "PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM",
    "PRAGMA auto_vacuum = FULL; VACUUM", "ALTER TABLE series ADD COLUMN more", "ALTER TABLE series DROP COLUMN data",
    "ALTER TABLE positions RENAME COLUMN mark TO sign", "CREATE TABLE more (x)",
    "INSERT INTO records VALUES ('clock', x'00')", "INSERT INTO accounts VALUES ('webhook', 'ignored', 'new', -1)",
    "INSERT INTO digests (kind, arrival, data) SELECT kind, arrival, data FROM digests",
    "UPDATE accounts SET reason = reason || 'x'", "UPDATE digests SET arrival = -arrival",
    "CREATE TRIGGER more AFTER INSERT ON digests BEGIN DELETE FROM positions; END",
    "CREATE VIEW theirs AS SELECT * FROM series",
  ]
  private static let stepLimit = 8

  let place: Workplace
  /// Whether only cells were changed: the file is as good as one that was written.
  private(set) var keepsFileWhole = true

  init(place: Workplace) { self.place = place }

  mutating func apply(_ input: inout InputReader) {
    for _ in 0..<Self.stepLimit where !input.isAtEnd {
      switch input.choice(5) {
      case 0: spoilBytes(&input)
      case 1: cut(&input)
      case 2: keepsFileWhole = run(Self.statements[input.choice(Self.statements.count)], []) && keepsFileWhole
      default: spoilCell(&input)
      }
    }
  }

  private mutating func spoilBytes(_ input: inout InputReader) {
    keepsFileWhole = false
    var files = place.get()
    // The header and the schema are where most is decided.
    let page = input.byte()
    let at = (page < 64 ? 0 : Int(page - 64)) * 4_096 + input.number() % 4_096
    let bytes = input.take(1 + input.choice(16))
    if input.choice(4) == 0, var log = files.log {
      overwrite(&log, at: at, bytes)
      files.log = log
    } else {
      overwrite(&files.database, at: at, bytes)
    }
    place.put(files)
  }

  private func overwrite(_ file: inout [UInt8], at: Int, _ bytes: [UInt8]) {
    guard !file.isEmpty else { return }
    for (i, byte) in bytes.enumerated() { file[(at + i) % file.count] = byte }
  }

  private mutating func cut(_ input: inout InputReader) {
    keepsFileWhole = false
    var files = place.get()
    let bytes = input.number()
    switch input.choice(4) {
    case 0: files.database = files.database.dropLast(bytes)
    case 1: files.database += [UInt8](repeating: input.byte(), count: bytes)
    case 2: files.log = files.log.map { $0.dropLast(bytes) }
    default: files.log = nil
    }
    place.put(files)
  }

  private mutating func spoilCell(_ input: inout InputReader) {
    let (table, column) = Self.cells[input.choice(Self.cells.count)]
    let row = input.number()
    guard let old = cell(table, column, row) else { return }
    let value: Statement.Value
    switch old {
    case .integer(let number):
      let kind = input.choice(4)
      value = .integer(
        kind == 0
          ? Int64(bitPattern: input.word())
          : kind == 1 ? number &+ (Int64(input.byte()) - 128) : Self.numbers[input.choice(Self.numbers.count)])
    case .text(let bytes): value = .text(spoiled(bytes, &input))
    case .blob(let bytes): value = .blob(spoiled(bytes, &input))
    }
    let key = table == "digests" ? "rowid" : table == "series" ? "(family, place)" : Self.keys[table] ?? ""
    let chosen =
      "\(key) IN (SELECT \(key.filter { $0 != "(" && $0 != ")" }) FROM \(table) LIMIT 1 OFFSET \(row) % (SELECT count(*) FROM \(table)))"
    _ = run("UPDATE OR REPLACE \(table) SET \(column) = ? WHERE \(chosen)", [value])
  }

  private static let keys = [
    "meta": "key", "records": "key", "accounts": "(input, kind, reason)", "positions": "(input, stream)",
  ]

  private func spoiled(_ bytes: [UInt8], _ input: inout InputReader) -> [UInt8] {
    var bytes = bytes
    let at = bytes.isEmpty ? 0 : input.number() % (bytes.count + 1)
    switch input.choice(4) {
    case 0: bytes.removeSubrange(at...)
    case 1: bytes.insert(contentsOf: input.take(1 + input.choice(12)), at: at)
    case 2: bytes = input.take(input.choice(64))
    default: overwrite(&bytes, at: at, input.take(1 + input.choice(10)))
    }
    return bytes
  }

  private func cell(_ table: String, _ column: String, _ row: Int) -> Statement.Value? {
    do throws(DatabaseError) {
      let database = try Database(path: place.database)
      let statement = try database.prepare(
        "SELECT typeof(\(column)), \(column) FROM \(table) LIMIT 1 OFFSET \(row) % (SELECT count(*) FROM \(table))")
      guard try statement.step() else { return nil }
      switch String(decoding: statement.bytes(0), as: UTF8.self) {
      case "integer": return .integer(statement.integer(1))
      case "text": return .text(statement.bytes(1))
      default: return .blob(statement.bytes(1))
      }
    } catch { return nil }
  }

  /// False when the file takes it no more, or the statement makes it another kind of file.
  private func run(_ sql: String, _ values: [Statement.Value]) -> Bool {
    do throws(DatabaseError) {
      let database = try Database(path: place.database)
      guard let value = values.first else {
        try database.execute(sql)
        return !sql.contains("TRIGGER")
      }
      try database.prepare(sql).run(value)
      return true
    } catch { return false }
  }
}
