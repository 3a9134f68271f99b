import AuditEvents
import Rules
import TestSupport
import Testing

/// Every field of every event in Tests/Corpora, against an extraction in another language (Tests/Tools/rule_fields.py).
@Suite struct FieldTests {
  struct Wanted {
    let name: String
    let argument: String?
  }

  /// Each field as it is, and with arguments where it takes one.
  static let wanted: [Wanted] = RuleField.all.filter { !$0.name.hasPrefix("evt.") && !$0.name.hasSuffix(".rawtime") }
    .flatMap { field -> [Wanted] in
      let arguments: [String?] =
        switch field.argument {
        case .none: [nil]
        case .index: [nil, "0", "1"]
        case .key: keys[field.name] ?? ["x"]
        }
      return arguments.map { Wanted(name: field.name, argument: $0) }
    }

  static let pointers = [
    "/verb", "user/username", "/user/groups/0", "/user/groups/1", "/annotations", "/objectRef", "/sourceIPs",
    "/nothing",
    "/annotations/authorization.k8s.io~1decision", "/requestObject/spec", "/requestObject/metadata/labels",
    "/responseObject/status", "/responseStatus", "/requestObject/spec/containers/0/image", "/level", "/a~1~0b", "",
  ]
  static let keys: [String: [String?]] = [
    "ka.uri.param": ["command", "container", "limit", "timeoutSeconds", "watch", "fieldManager"],
    "ka.req.volume.hostpath": ["/proc", "/var*", "/etc/kubernetes"],
    "jevt.value": pointers, "json.value": ["/verb"],
  ]

  /// What the decoder knows better than the JSON of another log's entry says.
  static func isOfDecoder(_ name: String, _ origin: Origin) -> Bool {
    guard origin == .gke else { return origin == .aks && name == "ka.cluster.name" }
    return !name.hasPrefix("ka.req.") || name == "ka.req.configmap.name"
  }

  @Test func theTableIsWhole() {
    #expect(RuleField.all.filter { $0.name.hasPrefix("ka.") }.count == 100)
    #expect(RuleField.all.filter { $0.name.hasPrefix("jevt.") || $0.name.hasPrefix("json.") }.count == 6)
    #expect(Set(RuleField.all.map(\.name)).count == RuleField.all.count)
  }

  struct Seen {
    let origin: Origin
    let values: [[String]]
    let json: [UInt8]
  }

  static func read(_ bytes: [UInt8]) throws -> [Seen] {
    var detector = Detector(try load(ruleText("ka.verb exists")))
    var seen: [Seen] = []
    _ = forEachEvent(of: bytes) { event in
      var values: [[String]] = []
      for field in wanted {
        let found = detector.fieldValues(field.name, field.argument.map { Array($0.utf8) }, of: event) ?? []
        values.append(found.map { String(decoding: $0, as: UTF8.self) })
      }
      var json: [UInt8] = []
      event.json.appendUnescaped(to: &json)
      seen.append(Seen(origin: event.origin, values: values, json: json))
    }
    return seen
  }

  static func oracleInput(_ events: [Seen]) -> [UInt8] {
    var input = Array("fields \(wanted.count)\n".utf8)
    for field in wanted { input += Array("\(field.name) \(field.argument ?? "")\n".utf8) }
    for event in events {
      input += Array("event \(event.origin == .gke ? "gke" : "kubernetes") \(event.json.count)\n".utf8)
      input += event.json + [0x0a]
    }
    return input
  }

  @Test func everyFieldOfEveryCorpus() throws {
    let listed = try Process.run(["find", Corpora.folder, "-type", "f", "-size", "-2000k"])
    var events: [Seen] = []
    for path in listed.outputText.split(separator: "\n").sorted() where !path.hasSuffix("EXPECTED.json") {
      events += try Self.read(try Files.read(String(path)))
    }
    #expect(events.count > 250)
    #expect(try compare(events, "rule_fields").count >= 59)
  }

  /// Random events bring what no corpus has.
  @Test func everyFieldOfRandomEvents() throws {
    var events = RandomEvent(seed: UInt64(Campaign.seed))
    var lines: [String] = []
    for _ in 0..<Campaign.size("rule_fields", short: 300) { lines.append(events.next()) }
    let present = try compare(try Self.read(Array((lines.joined(separator: "\n") + "\n").utf8)), "rule_fields random")
    let missing = Set(Self.wanted.map(\.name)).subtracting(present)
    #expect(missing.isEmpty, "never present: \(missing.sorted())")
  }

  /// Compares with the oracle; the fields that had a value.
  private func compare(_ events: [Seen], _ campaign: String) throws -> Set<String> {
    let oracle = try Process.run(
      ["python3", Corpora.folder + "/../Tools/rule_fields.py"], input: Self.oracleInput(events), secondsLimit: 600)
    #expect(oracle.status == 0, "\(oracle.errorText)")
    let lines = oracle.output.split(separator: 0x0a)
    try #require(lines.count == events.count)
    var compared = 0
    var present: Set<String> = []
    for (event, line) in zip(events, lines) {
      guard let expected = try JSON.parse(line).array else { continue }
      for (number, field) in Self.wanted.enumerated() where !Self.isOfDecoder(field.name, event.origin) {
        let values = (expected[number].array ?? []).map { $0.string ?? "" }
        compared += 1
        if !values.isEmpty { present.insert(field.name) }
        guard event.values[number] != values else { continue }
        Issue.record("\(field.name)[\(field.argument ?? "")]: \(event.values[number]), not \(values)")
      }
    }
    Campaign.report(campaign, "\(events.count) events, \(compared) values, \(present.count) fields present")
    return present
  }
}
