import Diagnostics
import Metrics
import State
import Testing

@testable import Engine

private let minute: Microseconds = 60 * 1_000_000

/// Deliveries are known by their IDs, and hold events of those clusters only that may be written.
@Suite struct DeliveryTests {
  private static let body = "{\"records\":[{\"data\":\(EventFields(serial: 1).ordered)}]}"
  private static let other = "{\"records\":[{\"data\":\(EventFields(serial: 2).ordered)}]}"

  private static func envelope(_ cluster: String, serial: Int) -> String {
    let message = AuditText.escaped(EventFields(serial: serial).ordered)
    return "{\"data\":{\"messageType\":\"DATA_MESSAGE\",\"logGroup\":\"/aws/eks/\(cluster)/cluster\","
      + "\"logEvents\":[{\"id\":\"1\",\"timestamp\":1,\"message\":\"\(message)\"}]}}"
  }

  @Test func anIDCountsOnceForTwoHoursAndAQuarter() {
    var bench = Workbench()
    for _ in 0..<10 {
      #expect(bench.count(Self.body.utf8, .delivery(id: "a"), input: 2) == .accepted)
      bench.arrival += 15 * minute
    }
    // 0, 15, … 135 minutes after the first.
    #expect(bench.outcome(input: 2) == Outcome(counted: 1, duplicate: 9))
    bench.count(Self.body.utf8, .delivery(id: "a"), input: 2)
    #expect(bench.outcome(input: 2) == Outcome(counted: 2, duplicate: 9))
    // The ID is what counts, and nothing else.
    bench.count(Self.body.utf8, .delivery(id: "b"), input: 2)
    bench.count(Self.other.utf8, .delivery(id: "b"), input: 2)
    bench.count(Self.body.utf8, .delivery(id: nil), input: 2)
    bench.count(Self.body.utf8, .delivery(id: nil), input: 2)
    #expect(bench.outcome(input: 2) == Outcome(counted: 5, duplicate: 10))
    // Bodies are another matter: neither knows the other.
    #expect(bench.push(Self.body) == .accepted)
    #expect(bench.outcome(input: 2) == Outcome(counted: 6, duplicate: 10))
  }

  @Test func whatCannotBeReadIsTakenToo() {
    var bench = Workbench()
    for _ in 0..<3 {
      #expect(bench.count("{\"records\":[{\"data\":\"%\"}]}".utf8, .delivery(id: "x"), input: 2) == .accepted)
    }
    #expect(bench.outcome(input: 2) == Outcome(duplicate: 2, rejected: 1))
  }

  /// Killed and restored again and again: an ID is known for as long, and the books balance.
  @Test func idsOutliveTheProcess() throws {
    let store = try StateStore(.memory)
    var arrival = AuditText.now
    func deliver(_ engine: inout Engine, _ id: Int) {
      engine.count(Workbench.batch(Self.body.utf8, .delivery(id: "\(id)"), input: 2, arrival: arrival))
    }
    var wanted = Outcome()
    for id in 0..<12 {
      var engine = try Engine(Workbench.settings, restoring: try store.load())
      // Those of the last two hours and a quarter are known: nine of fifteen minutes.
      for old in 0...id { deliver(&engine, old) }
      wanted.counted += 1
      wanted.duplicate += id
      #expect(engine.readings(at: arrival).outcome(input: 2) == wanted)
      try store.commit(engine.takeChange())
      arrival += 10 * minute
    }
    // What is older than that is forgotten, in the state too.
    arrival += 140 * minute
    var engine = try Engine(Workbench.settings, restoring: try store.load())
    deliver(&engine, 0)
    #expect(engine.readings(at: arrival).outcome(input: 2).counted == wanted.counted + 1)
    try store.commit(engine.takeChange())
    #expect(try store.load().digests.filter { $0.kind == .delivery }.count == 1)
  }

  @Test func evictedIDsAreCounted() {
    var engine = Engine(Workbench.settings, key: Workbench.key, rememberedBodies: 10, rememberedEvents: 5)
    for id in 0..<13 {
      engine.count(Workbench.batch(Self.body.utf8, .delivery(id: "\(id)"), input: 1))
    }
    #expect(engine.readings(at: AuditText.now).sum(.digestsEvicted, input: 1) == 3)
  }

  /// Events of clusters that the sender may not write are dropped, one by one, and no cluster is made of their names.
  @Test func foreignClustersAreDropped() {
    func count(_ naming: ClusterNaming, cluster: String, _ bench: inout Workbench) {
      let records = ["a", "b", "a", "c"].enumerated().map { Self.envelope($1, serial: 10 + $0) }
      let text = "{\"records\":[\(records.joined(separator: ",")),{\"data\":\(EventFields(serial: 30).ordered)}]}"
      bench.engine.count(
        Batch(
          input: 2, cluster: cluster, arrival: bench.arrival, shape: .delivery(id: nil),
          bytes: Workbench.buffer(Array(text.utf8)), reservedBytes: 0, sourceBytes: 0, naming: naming))
    }
    var bench = Workbench()
    count(ClusterNaming(writable: ["a"]), cluster: "a", &bench)
    #expect(bench.outcome(input: 2) == Outcome(counted: 3, dropped: 2))
    count(ClusterNaming(writable: ["b", "c"]), cluster: "main", &bench)
    #expect(bench.outcome(input: 2) == Outcome(counted: 5, dropped: 5))
    count(ClusterNaming(prefix: "x-", writable: ["x-c", "main"]), cluster: "main", &bench)
    #expect(bench.outcome(input: 2) == Outcome(counted: 7, dropped: 8))
    count(ClusterNaming(prefix: "y-"), cluster: "main", &bench)
    let readings = bench.readings()
    let set = readings[.requests]
    let clusters = Set(set.rows.compactMap { set.value(of: .cluster, in: $0) })
    #expect(clusters == ["a", "b", "c", "x-c", "y-a", "y-b", "y-c", "main"])
    #expect(readings.isBalanced)
  }

  /// A record of CloudTrail is of an account: who may write some clusters alone may not write it, by whatever way.
  @Test func recordsAreNobodysWhoMayWriteSomeClusters() {
    var bench = Workbench()
    for (writable, serial) in [(Set(["a"]), 1), (nil, 2)] {
      let text = CloudRecordTests.file([CloudRecordTests.call("\(serial)")])
      bench.engine.count(
        Batch(
          input: 2, cluster: "a", arrival: bench.arrival, shape: .body(path: "/webhook"),
          bytes: Workbench.buffer(Array(text.utf8)), reservedBytes: 0, sourceBytes: 0,
          naming: ClusterNaming(writable: writable)))
    }
    #expect(bench.outcome(input: 2) == Outcome(counted: 1, dropped: 1))
  }
}
