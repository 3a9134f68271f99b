public import Counting

/// Which evidence is asked for.
public struct EvidenceQuery: Sendable, Hashable {
  /// Rows that one answer has at most.
  public static let limit = 500

  /// Values that fields must have, without escapes. A list is asked for as a whole.
  public var values: [EvidenceField: String] = [:]
  /// Microseconds since the epoch, both included.
  public var since: Int64?
  public var until: Int64?
  /// How many rows, the newest first; more than `Self.limit` are not given.
  public var limit = 100

  public init() {}
}

/// The table of evidence: what is written to it, what leaves it, and what is asked of it.
///
/// - Bound: of each subject its limit of rows, the newest; of each kind of subject half of the bytes, the newest.
final class EvidenceTable {
  /// Of refused requests, and of matches. The number is written to the file.
  private enum Kind: Int64, CaseIterable {
    case denial = 1
    case match = 2
  }

  private let bytesLimit: Int64
  private let add: Statement
  private let forget: Statement
  private let thin: Statement
  private let oldest: Statement
  private let removeOldest: Statement
  /// Bytes of labels by kind, and as they were when the last transaction was over.
  private var bytes: [Kind: Int64] = [:]
  private var settled: [Kind: Int64] = [:]

  init(_ database: borrowing Database, bytesLimit: Int) throws(DatabaseError) {
    self.bytesLimit = Int64(bytesLimit) / 2
    add = try database.prepare(
      "INSERT OR IGNORE INTO evidence (id, kind, subject, time, labels) VALUES (?, ?, ?, ?, ?)")
    let length = "length(CAST(labels AS BLOB))"
    forget = try database.prepare("DELETE FROM evidence WHERE kind = ? AND subject = ? RETURNING \(length)")
    thin = try database.prepare(
      """
      DELETE FROM evidence WHERE kind = ?1 AND subject = ?2 AND id <= (SELECT id FROM evidence
      WHERE kind = ?1 AND subject = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3) RETURNING \(length)
      """)
    oldest = try database.prepare("SELECT id, \(length) FROM evidence WHERE kind = ? ORDER BY id LIMIT 256")
    removeOldest = try database.prepare("DELETE FROM evidence WHERE kind = ? AND id <= ?")
    for kind in Kind.allCases {
      bytes[kind] = try database.integer("SELECT sum(\(length)) FROM evidence WHERE kind = \(kind.rawValue)") ?? 0
    }
    settled = bytes
  }

  /// Writes what a delta has of evidence, in the open transaction. To write it twice changes nothing.
  func write(_ delta: CountingDelta, to database: borrowing Database) throws(DatabaseError) {
    for subject in delta.forgottenEvidence {
      let (kind, name) = Self.key(subject)
      try drop(kind, forget, [.integer(kind.rawValue), .text(name)])
    }
    guard bytesLimit > 0 else { return }
    for row in delta.evidence {
      let (kind, name) = Self.key(row.subject)
      try add.run(
        .integer(Int64(bitPattern: row.id)), .integer(kind.rawValue), .text(name), .integer(row.time), .text(row.labels)
      )
      if database.changedRows == 1 { bytes[kind, default: 0] += Int64(row.labels.count) }
    }
    for subject in Set(delta.evidence.map(\.subject)) {
      let (kind, name) = Self.key(subject)
      try drop(kind, thin, [.integer(kind.rawValue), .text(name), .integer(Int64(subject.limit))])
    }
    for kind in Kind.allCases { try makeRoom(kind) }
  }

  /// The transaction was committed.
  func settle() { settled = bytes }

  /// The transaction was taken back.
  func undo() { bytes = settled }

  /// Rows that a question asks for, the newest by their events' time first.
  func rows(_ query: EvidenceQuery, in database: borrowing Database) throws(DatabaseError) -> [EvidenceRow] {
    var conditions = ["time >= ?", "time <= ?"]
    var values: [Statement.Value] = [.integer(query.since ?? .min), .integer(query.until ?? .max)]
    for (field, value) in query.values {
      conditions.append(field == .cluster ? "instr(labels, ?) = 1" : "instr(labels, ?) > 0")
      values.append(.text(field.rendered(value)))
    }
    values.append(.integer(Int64(min(max(0, query.limit), EvidenceQuery.limit))))
    let select = try database.prepare(
      """
      SELECT id, kind, subject, time, labels FROM evidence WHERE \(conditions.joined(separator: " AND "))
      ORDER BY time DESC, id DESC LIMIT ?
      """)
    var rows: [EvidenceRow] = []
    try select.forEachRow(values) { row in
      guard let subject = Self.subject(row.integer(1), row.bytes(2)) else { return }
      rows.append(
        EvidenceRow(
          id: UInt64(bitPattern: row.integer(0)), subject: subject, time: row.integer(3), labels: row.bytes(4)))
    }
    return rows
  }

  /// Deletes rows, and takes their bytes off.
  private func drop(
    _ kind: Kind, _ delete: borrowing Statement, _ values: [Statement.Value]
  ) throws(DatabaseError) {
    var dropped: Int64 = 0
    try delete.forEachRow(values) { dropped += $0.integer(0) }
    bytes[kind, default: 0] -= dropped
  }

  /// Deletes the oldest rows of a kind, as many as are too many.
  private func makeRoom(_ kind: Kind) throws(DatabaseError) {
    while bytes[kind, default: 0] > bytesLimit {
      var excess = bytes[kind, default: 0] - bytesLimit
      var last: Int64?
      try oldest.forEachRow([.integer(kind.rawValue)]) { row in
        guard excess > 0 else { return }
        last = row.integer(0)
        excess -= row.integer(1)
      }
      guard let last else { throw DatabaseError.damage("evidence that was written is missing") }
      try removeOldest.run(.integer(kind.rawValue), .integer(last))
      bytes[kind] = bytesLimit + excess
    }
  }

  private static func key(_ subject: EvidenceSubject) -> (kind: Kind, name: [UInt8]) {
    switch subject {
    case .denial(let place): (.denial, Array(String(place).utf8))
    case .match(let rule): (.match, Array(rule.utf8))
    }
  }

  private static func subject(_ kind: Int64, _ name: [UInt8]) -> EvidenceSubject? {
    let name = String(decoding: name, as: UTF8.self)
    return switch Kind(rawValue: kind) {
    case .denial: UInt32(name).map { .denial(place: $0) }
    case .match: .match(rule: name)
    case nil: nil
    }
  }
}
