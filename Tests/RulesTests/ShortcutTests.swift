import AuditEvents
import Rules
import TestSupport
import Testing

/// What makes rules fast must change no answer: classes of events, texts remembered, places taken from the decoder, words
/// searched as they stand.
@Suite struct ShortcutTests {
  private static func file(_ conditions: [String]) -> String {
    var text = ""
    for (number, condition) in conditions.enumerated() {
      text += "- rule: r\(number)\n  desc: d\n  condition: >-\n    \(condition)\n  output: o\n  priority: INFO\n"
      text += "  source: k8s_audit\n"
    }
    return text
  }

  private static func values(_ detector: inout Detector, _ event: borrowing AuditEvent) -> [[[UInt8]]] {
    FieldTests.wanted.map { field in
      detector.fieldValues(field.name, field.argument.map { Array($0.utf8) }, of: event) ?? []
    }
  }

  private static func contains(_ value: [UInt8], _ word: String) -> Bool {
    let word = Array(word.utf8)
    return value.count >= word.count && (0...value.count - word.count).contains { value[$0...].starts(with: word) }
  }

  /// Each field of an event that is read by its order is what it is of the same event read in any order, alone and together
  /// with all others.
  @Test(arguments: 0..<Campaign.size("rule_shortcuts", short: 400) / 100)
  func everyFieldOfOrderedEvents(_ round: Int) throws {
    var events = OrderedEvent(seed: UInt64(Campaign.seed + round))
    var other = Detector(try load(ruleText("ka.verb exists")))
    var detector = Detector(
      try load(
        Self.file(
          FieldTests.wanted.map { field in
            // What the empty pointer points at is the event.
            if field.argument == "" { return "jevt.obj exists" }
            return field.name + (field.argument.map { "[\($0)]" } ?? "") + " exists"
          })))
    var orderedEvents = 0
    for _ in 0..<100 {
      let line = events.next()
      var found: [[[UInt8]]] = []
      var matches: [Int] = []
      var expected: [[[UInt8]]] = []
      _ = forEachEvent(of: Array((line + "\n").utf8)) { event in
        if event.isOrdered { orderedEvents += 1 }
        detector.detect(event)
        matches = detector.matches
        found = Self.values(&detector, event)
      }
      _ = forEachEvent(of: Array((line + "\n").utf8), speculatesOrder: false) { event in
        let isOrdered = event.isOrdered
        #expect(!isOrdered)
        expected = Self.values(&other, event)
      }
      try #require(found.count == expected.count)
      for (number, field) in FieldTests.wanted.enumerated() where found[number] != expected[number] {
        Issue.record("\(field.name)[\(field.argument ?? "")] of \(line)")
      }
      #expect(matches == expected.indices.filter { !expected[$0].isEmpty }, "\(line)")
    }
    Campaign.report("rule_shortcuts", "round \(round), 100 events, \(orderedEvents) ordered")
    #expect(orderedEvents > 80)
  }

  static let words = [
    "password", "passphrase", "aws_access_key_id", "apassword", "npassphrase", "0password", "word", "/password",
    "ws_access",
    "kind", "3cpassword", "bpassword", "the pass", "d a",
    // Parts of them alone can be looked for.
    "\"kind\":", "password\":", "\"apassword\"", "passphrase\",\"", ": {\"password", "{\"data\"",
  ]

  /// Words that are searched as they stand, against the same in the values that the fields print.
  @Test(arguments: 0..<Campaign.size("rule_words", short: 2000) / 500)
  func words(_ round: Int) throws {
    var events = OrderedEvent(seed: UInt64(Campaign.seed + round) &+ 5)
    let fields: [(name: String, argument: String?)] = [
      ("ka.req.configmap.obj", nil), ("jevt.value", "/requestObject"), ("jevt.value", "/responseObject/data"),
    ]
    var conditions: [String] = []
    for field in fields {
      let text = field.name + (field.argument.map { "[\($0)]" } ?? "")
      for word in Self.words { conditions.append("\(text) contains '\(word)'") }
      conditions.append("\(text) contains anyof (passphrase, nothing)")
    }
    var detector = Detector(try load(Self.file(conditions)))
    var found = 0
    for _ in 0..<500 {
      let line = events.next()
      _ = forEachEvent(of: Array((line + "\n").utf8)) { event in
        detector.detect(event)
        let matches = detector.matches
        var expected: [Int] = []
        for (number, field) in fields.enumerated() {
          let value = detector.fieldValues(field.name, field.argument.map { Array($0.utf8) }, of: event)?.first
          guard let value else { continue }
          let answers = (Self.words + ["passphrase"]).map { Self.contains(value, $0) }
          expected += answers.indices.filter { answers[$0] }.map { $0 + number * answers.count }
        }
        found += expected.count
        #expect(matches == expected, "\(line)")
      }
    }
    Campaign.report("rule_words", "round \(round), 500 events, \(found) words found")
    #expect(found > 500)
  }

  /// More users, and more classes of events, than are remembered.
  @Test(arguments: 0..<Campaign.size("rule_classes", short: 16000) / 8000)
  func moreThanIsRemembered(_ round: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round))
    var events = OrderedEvent(seed: UInt64(Campaign.seed + round) &+ 9)
    let known = (0..<1200).map { "user-\($0)" }
    // One class for each user and each of the other words.
    let conditions = known.map { "ka.user.name = \"\($0)\" and ka.target.resource = pods and ka.uri startswith /api" }
    var detector = Detector(
      try load(Self.file(conditions + ["ka.user.name startswith user-1", "ka.user.name endswith 7"])))
    var matched = 0
    for _ in 0..<8000 {
      let length = random.chance(5) ? random.pick(Array(80...140)) : 0
      let number = random.below(random.chance(50) ? 1200 : 100_000)
      let user = "user-\(number)" + String(repeating: "x", count: length) + (random.chance(20) ? "7" : "")
      let line = events.next(user: user)
      _ = forEachEvent(of: Array((line + "\n").utf8)) { event in
        var expected: [Int] = []
        if event.resource.equals("pods"), event.requestURI.description.hasPrefix("/api") {
          expected += known.firstIndex(of: user).map { [$0] } ?? []
        }
        if user.hasPrefix("user-1") { expected.append(known.count) }
        if user.hasSuffix("7") { expected.append(known.count + 1) }
        detector.detect(event)
        matched += expected.count
        let matches = detector.matches
        #expect(matches == expected, "\(line)")
      }
    }
    Campaign.report("rule_classes", "round \(round), 8000 events, \(matched) matches")
    #expect(matched > 1000)
  }

  private static func event(request: String) -> [UInt8] {
    Array(
      (#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"1","stage":"ResponseComplete","#
        + #""requestURI":"/","verb":"create","user":{"username":"a"},"objectRef":{"resource":"pods","apiVersion":"v1"},"#
        + #""responseStatus":{"metadata":{},"code":201},"requestObject":\#(request),"requestReceivedTimestamp":""#
        + #"2026-01-02T03:04:05.678901Z","stageTimestamp":"2026-01-02T03:04:05.678901Z","annotations":{"a":"b"}}"#
        + "\n").utf8)
  }

  /// Sizes that somebody may choose: what they cost is held by `Detector`'s bounds, and what is too much is said.
  @Test func hostileSizes() throws {
    let container = #"{"name":"c","image":"i","securityContext":{"privileged":true}}"#
    let containers = String(repeating: container + ",", count: 100_000) + container
    let deep = String(repeating: #"{"a":"#, count: 190) + #""password""# + String(repeating: "}", count: 190)
    let long = String(repeating: "passwor ", count: 200_000)
    let verbs = String(repeating: #""get","#, count: 1_100_000) + #""get""#
    var detector = Detector(
      try load(
        Self.file([
          "ka.req.pod.containers.privileged intersects (true)", "ka.req.configmap.obj contains password",
          "ka.req.role.rules.verbs intersects (get)", "len(ka.req.pod.containers.image) = 100001",
        ])))
    var found: [[Int]] = []
    for request in [
      #"{"spec":{"containers":[\#(containers)]}}"#, #"{"data":\#(deep)}"#, #"{"data":{"a":"\#(long)"}}"#,
      #"{"data":{"a":"\#(long)","b":"password\u0041"}}"#, #"{"rules":[{"verbs":["get"]}]}"#,
    ] {
      _ = forEachEvent(of: Self.event(request: request)) { event in
        let isOrdered = event.isOrdered
        #expect(isOrdered)
        detector.detect(event)
        found.append(detector.matches)
      }
    }
    #expect(found == [[0, 3], [1], [], [1], [2]])
    #expect(detector.overrunEvents == 0)
    _ = forEachEvent(of: Self.event(request: #"{"rules":[{"verbs":[\#(verbs)]}]}"#)) { event in
      let matches = detector.detect(event)
      #expect(matches == 0)
    }
    #expect(detector.overrunEvents == 1)
  }
}
