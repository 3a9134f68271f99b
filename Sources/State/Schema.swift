internal import Diagnostics

/// The tables, as steps from each version to the next. A step that was released is never changed.
struct Schema: Sendable {
  /// Marks a file as ours: "kaex".
  static let applicationID: Int64 = 0x6b61_6578

  /// `steps[n]` leads from version `n` to `n + 1`.
  let steps: [String]

  /// The version that this program writes.
  var version: Int64 { Int64(steps.count) }

  static let current = Schema(steps: [first, second])

  private static let first = """
    -- The secret key of all digests, and when this state began.
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    -- One row a series: its labels as they are exposed, its total, and counting's own data.
    CREATE TABLE series (
      family INTEGER NOT NULL, place INTEGER NOT NULL, labels TEXT NOT NULL, count INTEGER NOT NULL,
      data BLOB NOT NULL, PRIMARY KEY (family, place)) STRICT, WITHOUT ROWID;
    -- What counting keeps beside its series.
    CREATE TABLE records (key TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
    -- What became of the events of each input.
    CREATE TABLE accounts (
      input TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, events INTEGER NOT NULL,
      PRIMARY KEY (input, kind, reason)) STRICT, WITHOUT ROWID;
    -- The digests of one commit, dropped together.
    CREATE TABLE digests (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, arrival INTEGER NOT NULL, data BLOB NOT NULL)
      STRICT;
    CREATE INDEX digests_by_age ON digests (kind, arrival);
    -- How far each stream was counted.
    CREATE TABLE positions (
      input TEXT NOT NULL, stream TEXT NOT NULL, offset INTEGER NOT NULL, mark BLOB NOT NULL,
      PRIMARY KEY (input, stream)) STRICT, WITHOUT ROWID;
    """

  private static let second = """
    -- Events that were counted, for who asks what a number stands for: what is told of each, as labels.
    CREATE TABLE evidence (
      id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL, labels TEXT NOT NULL)
      STRICT;
    CREATE INDEX evidence_by_subject ON evidence (kind, subject, id);
    """

  /// Brings an open database to this version, in one transaction for each step.
  ///
  /// - Parameter prepare: run in the transaction of the first step of a new file.
  func migrate(
    _ database: borrowing Database, creating create: (borrowing Database) throws(DatabaseError) -> Void
  ) throws(DatabaseError) {
    var version = try database.integer("PRAGMA user_version") ?? 0
    while version < self.version {
      try database.execute("BEGIN EXCLUSIVE")
      do throws(DatabaseError) {
        if version == 0 { try database.execute("PRAGMA application_id = \(Self.applicationID)") }
        try database.execute(steps[Int(version)])
        if version == 0 { try create(database) }
        version += 1
        try database.execute("PRAGMA user_version = \(version)")
        try database.execute("COMMIT")
      } catch {
        if database.isInTransaction { try? database.execute("ROLLBACK") }
        throw error
      }
    }
  }
}
