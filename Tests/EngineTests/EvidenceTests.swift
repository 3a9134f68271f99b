import Counting
import Crypto
import Diagnostics
import Metrics
import State
import TestSupport
import Testing

@testable import Engine

/// The events that are kept as evidence are those that were counted last.
@Suite struct EvidenceTests {
  private static var settings: EngineSettings {
    var settings = Workbench.settings
    settings.counting.keepsEvidence = true
    settings.counting.limits.denied = FamilyLimit(perCluster: 12, inAll: 12)
    return settings
  }

  @Test(arguments: UInt64(1)...12) func theLastRefusalOfEachSeriesIsKept(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let store = try StateStore(.memory)
    var engine = try Engine(Self.settings, restoring: try store.load())
    // By what the series is named after; those that have none of their own fold into others.
    var last: [String: String] = [:]
    var lastID = ""
    for serial in 0..<400 {
      var event = EventFields(serial: serial)
      event.user = random.pick(["alice", "bob", #"q\"uote"#, "", "(other)"])
      event.address = random.pick(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
      event.code = random.pick([200, 401, 403, 403])
      event.hasBody = random.oneIn(2)
      let text = random.pick([event.ordered, event.reordered, event.item])
      engine.count(Workbench.batch(text.utf8, .body(path: "/webhook"), input: 2))
      if event.code >= 400, event.outcome.counted == 1 {
        let user = event.user.isEmpty ? "(unauthenticated)" : event.user
        lastID = "id-\(serial)"
        last["\(user) \(event.address) \(event.code)"] = lastID
      }
      guard random.oneIn(10) else { continue }
      if random.oneIn(2) { _ = engine.readings(at: AuditText.now) }
      try store.commit(engine.takeChange())
      if random.oneIn(4) { engine = try Engine(Self.settings, restoring: try store.load()) }
    }
    try store.commit(engine.takeChange())
    let readings = engine.readings(at: AuditText.now)
    let rows = try store.evidence(EvidenceQuery())
    #expect(rows.count == readings[.deniedRequests].rows.count, "one for each series")
    #expect(rows.max { $0.id < $1.id }?.values[.auditID] == lastID)
    var series: Set<String> = []
    for row in readings[.deniedRequests].rows {
      let set = readings[.deniedRequests]
      let names = [set.value(of: .user, in: row), set.value(of: .sourceIP, in: row), set.value(of: .code, in: row)]
      if names.contains("(other)") { continue }
      series.insert(names.map { $0 ?? "" }.joined(separator: " "))
    }
    #expect(!series.isEmpty)
    for (name, id) in last {
      // As labels have it: a backslash before what would imitate a reserved word, no escapes of JSON.
      let shown = name.hasPrefix("(other)") ? "\\" + name : name.replacing(#"\""#, with: "\"")
      guard series.contains(shown) else { continue }
      #expect(rows.contains { $0.values[.auditID] == id }, "the last of \(name) is \(id)")
    }
  }

  @Test func everythingThatHelpsIsTold() throws {
    let store = try StateStore(.memory)
    var engine = try Engine(Self.settings, restoring: try store.load())
    let text = """
      {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"7e4","stage":"ResponseComplete",\
      "requestURI":"/api/v1/namespaces/prod/pods/web-0/exec?command=sh","verb":"create",\
      "user":{"username":"eve","groups":["dev","system:authenticated"]},"impersonatedUser":{"username":"root"},\
      "sourceIPs":["198.51.100.7","192.0.2.1"],"userAgent":"kubectl/v1.31","objectRef":{"resource":"pods",\
      "namespace":"prod","name":"web-0","apiVersion":"v1","subresource":"exec"},\
      "responseStatus":{"code":403,"message":"no"},"requestReceivedTimestamp":"2026-01-05T08:00:00.000001Z",\
      "stageTimestamp":"2026-01-05T08:00:00.000002Z","annotations":{"authorization.k8s.io/decision":"forbid",\
      "authorization.k8s.io/reason":"no \\u202e rule"}}
      """
    engine.count(Workbench.batch(text.utf8, .body(path: "/webhook"), input: 2))
    try store.commit(engine.takeChange())
    let row = try #require(try store.evidence(EvidenceQuery()).first)
    #expect(row.time == 1_767_600_000_000_002)
    #expect(
      row.values == [
        .cluster: "main", .reason: "authorization", .code: "403", .user: "eve", .impersonatedUser: "root",
        .sourceIP: "192.0.2.1", .verb: "create", .resource: "pods", .subresource: "exec", .namespace: "prod",
        .name: "web-0", .requestURI: "/api/v1/namespaces/prod/pods/web-0/exec?command=sh", .userAgent: "kubectl/v1.31",
        .auditID: "7e4", .stage: "ResponseComplete", .level: "Request", .groups: "dev\nsystem:authenticated",
        .sourceIPs: "198.51.100.7\n192.0.2.1", .authorization: "no \\u202e rule",
      ])
  }

  /// Under pseudonyms nothing of a row tells a name.
  @Test func pseudonymsHideNames() throws {
    var settings = Self.settings
    settings.counting.pseudonyms = Pseudonyms { message in
      let words = SipHash.hash24x128(message.span, key: SipKey(1, 7))
      return [words.low, words.high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
    let store = try StateStore(.memory)
    var engine = try Engine(settings, restoring: try store.load())
    let text = """
      {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"7e4","stage":"ResponseComplete",\
      "requestURI":"/api/v1/secrets","verb":"list","user":{"username":"judy","groups":["judysteam","system:authenticated"]},\
      "impersonatedUser":{"username":"mallory"},"sourceIPs":["198.51.100.7","192.0.2.1"],"userAgent":"kubectl",\
      "objectRef":{"resource":"secrets"},"responseStatus":{"code":403},\
      "stageTimestamp":"2026-01-05T08:00:00.000002Z","annotations":{"authorization.k8s.io/decision":"forbid",\
      "authorization.k8s.io/reason":"judy may not"}}
      """
    engine.count(Workbench.batch(text.utf8, .body(path: "/webhook"), input: 2))
    try store.commit(engine.takeChange())
    let row = try #require(try store.evidence(EvidenceQuery()).first)
    let told = String(decoding: row.labels, as: UTF8.self)
    for name in ["judy", "mallory", "198.51.100.7", "192.0.2.1"] {
      #expect(!told.contains(name), "\(told) tells \(name)")
    }
    #expect(row.values[.groups] == "system:authenticated")
    #expect(row.values[.user]?.hasPrefix("user-") == true)
    #expect(row.values[.sourceIP]?.hasPrefix("ip-") == true)
  }
}
