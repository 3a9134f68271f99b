import Counting
import CLinux
import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import State

/// What is not a good state of ours is refused, says so, and stays as it is to the byte.
@Suite struct RefusalTests {
  /// A way to spoil a state that holds something.
  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: Failure.Reason
    /// What the failure must say.
    let says: String
    /// Gets the path of the file, closed and whole.
    let spoil: @Sendable (String) throws -> Void
  }

  static let faults = [
    Fault(testDescription: "text", reason: .stateForeign, says: "no database") { path in
      try Files.write(Array(String(repeating: "not a database\n", count: 400).utf8), to: path)
    },
    Fault(testDescription: "a few bytes", reason: .stateForeign, says: "no database") { path in
      try Files.write([1, 2, 3], to: path)
    },
    Fault(testDescription: "another program's database", reason: .stateForeign, says: "another program's") { path in
      try Files.write([], to: path)
      try Database(path: path).execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
    },
    Fault(testDescription: "another program's mark", reason: .stateForeign, says: "another program's") { path in
      try Database(path: path).execute("PRAGMA application_id = 7")
    },
    Fault(testDescription: "a newer version", reason: .stateNewer, says: "schema 99, this one knows 2") { path in
      try Database(path: path).execute("PRAGMA user_version = 99")
    },
    Fault(testDescription: "a damaged page", reason: .stateDamaged, says: "damaged") { path in
      var bytes = try Files.read(path)
      for at in 8_192..<16_384 { bytes[at] = UInt8(truncatingIfNeeded: at &* 31) }
      try Files.write(bytes, to: path)
    },
    Fault(testDescription: "an end that is missing", reason: .stateDamaged, says: "damaged") { path in
      try Files.write(Array(try Files.read(path).dropLast(20_000)), to: path)
    },
    Fault(testDescription: "a table that is missing", reason: .stateFailed, says: "no such table") { path in
      try Database(path: path).execute("DROP TABLE records")
    },
    Fault(testDescription: "no secret", reason: .stateDamaged, says: "key") { path in
      try Database(path: path).execute("DELETE FROM meta")
    },
    Fault(testDescription: "a directory", reason: .stateDenied, says: "directory") { path in
      _ = unsafe unlink(path)
      _ = unsafe mkdir(path, 0o755)
    },
  ]

  @Test(arguments: faults) func isRefusedAndStays(fault: Fault) throws {
    try Files.withTemporaryFolder { folder in
      let path = try Self.good(in: folder)
      try fault.spoil(path)
      let before = try? Files.read(path)
      for _ in 0..<2 {
        let failure = try #require(Self.refusal(.directory(folder)))
        #expect(failure.reason == fault.reason, "\(failure)")
        #expect(failure.what.contains(fault.says), "\(failure)")
        #expect(!failure.remedy.isEmpty)
        #expect(failure.place == .path(path))
      }
      let after = try? Files.read(path)
      #expect(after == before)
    }
  }

  /// The version stands in the log beside the file, whose header is still the old one.
  @Test func aNewerVersionInTheLogIsSeen() throws {
    try Files.withTemporaryFolder { folder in
      let path = try Self.good(in: folder)
      let copy = folder + "/copy"
      _ = unsafe mkdir(copy, 0o700)
      let database = try Database(path: path)
      try database.execute("PRAGMA journal_mode = WAL; PRAGMA user_version = 7")
      for end in ["", "-wal"] {
        try Files.write(try Files.read(path + end), to: copy + "/" + StateFile.name + end)
      }
      let failure = try #require(Self.refusal(.directory(copy)))
      #expect(failure.reason == .stateNewer)
    }
  }

  @Test func aSecondOneIsRefused() throws {
    try Files.withTemporaryFolder { folder in
      let first = try StateStore(.directory(folder))
      let failure = try #require(Self.refusal(.directory(folder)))
      #expect(failure.reason == .stateLocked)
      #expect(failure.remedy.contains("--storage.path"))
      try first.commit(StateChange())
      first.close()
      #expect(Self.refusal(.directory(folder)) == nil)
    }
  }

  @Test func whereNothingCanBeWritten() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write([], to: folder + "/file")
      _ = unsafe mkdir(folder + "/closed", 0o500)
      let places = [
        (folder + "/missing/data", "No such file"), (folder + "/file", "Not a directory"),
        ("/proc/state", "No such file"),
        // Of this not even root makes one; others are not let in.
        ("/sys/kernel/state", geteuid() == 0 ? "not permitted" : "Permission denied"),
      ]
      for (place, says) in places {
        let failure = try #require(Self.refusal(.directory(place)), "\(place)")
        #expect(failure.reason == .stateDenied && failure.what.contains(says), "\(failure)")
      }
      // As root nothing is forbidden, so it is tried as nobody.
      _ = unsafe chmod(folder, 0o755)
      let former = setfsuid(65_534)
      let denied = Self.refusal(.directory(folder + "/closed"))
      _ = setfsuid(uid_t(former))
      #expect(denied?.reason == .stateDenied && denied?.what.contains("Permission denied") == true)
    }
  }

  /// Removed or replaced under a running exporter: what is committed next would be a part of a state.
  @Test func anotherFileInItsPlaceIsNotWrittenTo() throws {
    try Files.withTemporaryFolder { folder in
      var maker = ChangeMaker(seed: 2)
      let path = folder + "/" + StateFile.name
      let store = try StateStore(.directory(folder))
      try store.commit(maker.next())
      let aside = folder + "/aside"
      _ = unsafe rename(path, aside)
      var pending = maker.next()
      for _ in 0..<3 {
        #expect(Self.reason { () throws(Failure) in try store.commit(pending) } == .stateReplaced)
        pending.merge(maker.next())
      }
      #expect(unsafe access(path, F_OK) != 0, "it must not be made anew")
      try Files.write([], to: path)
      #expect(Self.reason { () throws(Failure) in try store.commit(pending) } == .stateReplaced)
      #expect(try Files.read(path) == [])
      // Put back, all is well again.
      _ = unsafe rename(aside, path)
      try store.commit(pending)
      #expect(StateModel(try store.load()) == maker.model)
    }
  }

  // MARK: - Versions

  private static let second = "ALTER TABLE records ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"

  @Test func anOlderVersionIsBroughtUp() throws {
    try Files.withTemporaryFolder { folder in
      _ = try Self.good(in: folder)
      let before = StateModel(try StateStore(.directory(folder)).load())
      let newer = Schema(steps: Schema.current.steps + [Self.second, "CREATE TABLE more (x INTEGER) STRICT"])
      let store = try StateStore(.directory(folder), schema: newer)
      #expect(StateModel(try store.load()) == before)
      store.close()
      let database = try Database(path: folder + "/" + StateFile.name)
      #expect(try database.integer("PRAGMA user_version") == Schema.current.version + 2)
      #expect(try database.integer("SELECT count(*) FROM records WHERE note = 'none'") == Int64(before.records.count))
    }
  }

  /// The first version had no evidence.
  @Test func theFirstVersionIsBroughtUp() throws {
    try Files.withTemporaryFolder { folder in
      let path = try Self.good(in: folder)
      do {
        let database = try Database(path: path)
        try database.execute("DROP TABLE evidence; PRAGMA user_version = 1")
      }
      let before = ChangeMaker.model(seed: 1, steps: 30)
      let store = try StateStore(.directory(folder))
      #expect(StateModel(try store.load()) == before)
      var change = StateChange()
      let row = EvidenceRow(id: 4, subject: .match(rule: "r"), time: 5, labels: Array(#"k8s_cluster="c""#.utf8))
      change.counting.evidence = [row]
      try store.commit(change)
      #expect(try store.evidence(EvidenceQuery()) == [row])
    }
  }

  /// A step that fails leaves the version before it, whole.
  @Test func aStepThatFailsChangesNothing() throws {
    try Files.withTemporaryFolder { folder in
      let path = try Self.good(in: folder)
      let broken = Schema(steps: Schema.current.steps + [Self.second, "DROP TABLE accounts; DROP TABLE nothing"])
      #expect(
        Self.reason { () throws(Failure) in _ = try StateStore(.directory(folder), schema: broken) } == .stateFailed)
      let database = try Database(path: path)
      #expect(try database.integer("PRAGMA user_version") == Schema.current.version + 1)
      #expect(try database.integer("SELECT count(*) FROM accounts") == 2)
    }
  }

  // MARK: - Tools

  /// A state with something in it, closed: the path of its file.
  private static func good(in folder: String) throws -> String {
    var maker = ChangeMaker(seed: 1)
    let store = try StateStore(.directory(folder))
    for _ in 0..<30 { try store.commit(maker.next()) }
    store.close()
    return folder + "/" + StateFile.name
  }

  private static func refusal(_ location: StateStore.Location) -> Failure? {
    do throws(Failure) {
      _ = try StateStore(location).load()
      return nil
    } catch { return error }
  }

  private static func reason(_ body: () throws(Failure) -> Void) -> Failure.Reason? {
    do throws(Failure) {
      try body()
      return nil
    } catch { return error.reason }
  }
}
