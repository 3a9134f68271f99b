import Counting
import Crypto
import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import State

/// What is committed comes back, whatever happens in between.
@Suite struct StateStoreTests {
  @Test func aNewStateIsEmptyAndForItsUserAlone() throws {
    try Files.withTemporaryFolder { folder in
      let store = try StateStore(.directory(folder + "/data"))
      let saved = try store.load()
      #expect(saved.isEmpty)
      #expect(StateModel(saved) == StateModel())
      var facts = stat()
      #expect(unsafe stat(folder + "/data/kube-audit-exporter.db", &facts) == 0)
      #expect(facts.st_mode & 0o777 == 0o600)
      #expect(unsafe stat(folder + "/data", &facts) == 0)
      #expect(facts.st_mode & 0o777 == 0o700)
      #expect(store.isDurable)
      #expect(try #require(store.sizeBytes) > 4_096)
      store.close()
      let again = try StateStore(.directory(folder + "/data"))
      #expect(try again.load().key == saved.key, "the secret stays")
      #expect(try StateStore(.directory(folder + "/other")).load().key != saved.key)
    }
  }

  @Test(arguments: UInt64(1)...20) func whatIsCommittedComesBack(seed: UInt64) throws {
    try Files.withTemporaryFolder { folder in
      var maker = ChangeMaker(seed: seed)
      for _ in 0..<maker.random.pick(1...4) {
        let store = try StateStore(.directory(folder))
        #expect(StateModel(try store.load()) == maker.model)
        for _ in 0..<maker.random.pick(0...8) { try store.commit(maker.next()) }
        if maker.random.oneIn(2) { store.close() }
      }
      #expect(StateModel(try StateStore(.directory(folder)).load()) == maker.model)
    }
  }

  @Test func memoryForgets() throws {
    var maker = ChangeMaker(seed: 3)
    let store = try StateStore(.memory)
    for _ in 0..<20 { try store.commit(maker.next()) }
    #expect(StateModel(try store.load()) == maker.model)
    #expect(!store.isDurable)
    #expect(store.sizeBytes == nil)
    #expect(try StateStore(.memory).load().isEmpty)
  }

  /// A commit is all or nothing, also when its last part cannot be written.
  @Test func aChangeThatDoesNotFitChangesNothing() throws {
    try Files.withTemporaryFolder { folder in
      var maker = ChangeMaker(seed: 9)
      let store = try StateStore(.directory(folder))
      for _ in 0..<5 { try store.commit(maker.next()) }
      let before = StateModel(try store.load())
      var change = StateChange()
      change.counting.records = [StateRecord(key: "clock", data: [1, 2, 3])]
      // It was never written with its labels.
      change.counting.series = [SeriesRow(family: 9, place: 1, labels: nil, count: 1, data: [])]
      #expect(throws: Failure.self) { try store.commit(change) }
      try store.commit(StateChange())
      #expect(StateModel(try store.load()) == before)
    }
  }

  /// A person with the sqlite3 command line finds his way.
  @Test func peopleCanReadIt() throws {
    let sqlite = try #require(Process.find("sqlite3"), "sqlite3 is missing (Debian package sqlite3)")
    try Files.withTemporaryFolder { folder in
      let store = try StateStore(.directory(folder))
      var change = StateChange()
      let labels = Array(#"k8s_cluster="prod",verb="get",code="200""#.utf8)
      change.counting.series = [SeriesRow(family: 1, place: 0, labels: labels, count: 42, data: [7])]
      change.accounts = [AccountRow(input: "webhook", kind: "received", reason: "", value: 42)]
      try store.commit(change)
      store.close()
      let asked = try Process.run([
        sqlite, folder + "/kube-audit-exporter.db",
        "select labels, count from series; select * from accounts; select value from meta where key = 'created'",
      ])
      let lines = asked.outputText.split(separator: "\n")
      #expect(lines.first.map(String.init) == #"k8s_cluster="prod",verb="get",code="200"|42"#)
      #expect(lines.dropFirst().first == "webhook|received||42")
      #expect(lines.last?.hasSuffix("Z") == true)
    }
  }
}
