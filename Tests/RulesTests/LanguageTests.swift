import Diagnostics
import Rules
import TestSupport
import Testing

/// What a condition means, check by check.
@Suite struct ConditionTests {
  static let event = #"""
    {"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","auditID":"1","verb":"create",
    "requestURI":"/api/v1/namespaces/x/pods?command=cat&command=%2Fetc%2Fpasswd&limit=5","sourceIPs":["1.2.3.4","5.6.7.8"],
    "user":{"username":"Alice","groups":["dev","ops"]},"userAgent":"kubectl/v1","objectRef":{"resource":"pods","name":"Alice"},
    "responseStatus":{"code":201},"annotations":{"empty":"","b64":"aGVsbG8"},
    "requestObject":{"kind":"Pod","list":[],"nothing":null,"spec":{"containers":[{"name":"c","image":"r:50/a/b:1",
    "args":["-x","y"],"securityContext":{"runAsUser":5,"capabilities":{"add":["SYS_ADMIN"]}}}]}},
    "stageTimestamp":"2026-01-02T03:04:05.678901Z"}
    """#

  @Test(arguments: [
    // Operators.
    ("ka.verb = create", true), ("ka.verb=create", true), ("ka.verb == create", true), ("ka.verb != create", false),
    ("ka.user.name icontains LIC", true), ("ka.user.name contains LIC", false), ("ka.user.name glob A*e", true),
    ("ka.user.name iglob a*E", true), ("ka.uri pmatch (/api/v1)", true), ("ka.uri pmatch (/api/v)", false),
    ("ka.user.name regex 'A.*'", true), ("ka.user.name regex 'lic'", false), ("ka.response.code startswith 2", true),
    ("ka.response.code < 3", true), ("ka.response.code > 3", false), ("ka.verb in(create,get)", true),
    // Modifiers.
    ("ka.verb startswith anyof (x, cr)", true), ("ka.verb startswith oneof (c, cr)", false),
    ("ka.verb contains allof (c, e)", true), ("ka.verb = anyof", false),
    // Missing fields.
    ("ka.impuser.name != x", false), ("not ka.impuser.name = x", true), ("ka.impuser.name exists", false),
    ("jevt.value[/annotations/empty] exists", true), ("jevt.value[/requestObject/nothing] exists", false),
    ("jevt.value[/annotations/empty] = ''", true), ("not not ka.verb exists", true), ("not(ka.verb exists)", false),
    // Lists.
    ("ka.user.groups in (dev, ops, x)", true), ("ka.user.groups in (dev)", false),
    ("ka.user.groups intersects (dev)", true), ("ka.sourceips[1] in (5.6.7.8)", true),
    ("ka.sourceips[7] exists", false),
    // Precedence.
    ("ka.verb = x and ka.verb = y or ka.verb = create", true),
    ("ka.verb = create or ka.verb = y and ka.verb = x", true),
    ("not ka.verb = x and ka.verb = create", true), ("(ka.verb = create or ka.verb = x)and(ka.verb exists)", true),
    // Transformers.
    ("tolower(ka.user.name) = alice", true), ("len(ka.user.groups) = 2", true), ("len(ka.user.name) >= 0x5", true),
    ("basename(ka.target.name) = Alice", true), ("b64(jevt.value[/annotations/b64]) = hello", true),
    ("join('-', ka.user.groups) = dev-ops", true), ("concat(ka.verb, '/', ka.target.resource) = create/pods", true),
    ("ka.user.name = val(ka.target.name)", true), ("tolower(ka.user.name) = tolower(ka.target.name)", true),
    ("ka.verb = val(ka.impuser.name)", false), ("toupper(tolower(ka.verb)) = CREATE", true),
    ("ka.user.groups intersects (ops) and tolower(ka.user.groups) in (dev, ops)", true),
    // Where the plugin is wrong and we are not (docs/rules.md).
    ("ka.sourceips intersects (1.2.3.4)", true), ("ka.uri.param[command] = 'cat /etc/passwd'", true),
    ("ka.req.pod.containers.eff_run_as_user in (5)", true), ("ka.req.pod.containers.args in ('-x y')", true),
    ("ka.req.pod.containers.add_capabilities intersects (SYS_ADMIN)", true),
    ("ka.req.pod.containers.image.repository in (r:50/a/b)", true),
    // Fields of every source.
    ("evt.num = 1", true), ("evt.num > 1", false), ("evt.source = k8s_audit", true),
    ("evt.rawtime.s = 1767323045", true),
    ("evt.time.iso8601 = '2026-01-02T03:04:05.678901000+0000'", true), ("jevt.rawtime exists", true),
    ("jevt.rawtime = 0", false), ("not jevt.rawtime = 0", true), ("jevt.rawtime != 0", true),
    ("jevt.rawtime = 1767323045678901000", true), ("jevt.rawtime startswith 1767", true),
    ("jevt.rawtime = anyof (0, 1767323045678901000)", true), ("jevt.value[/stage] in (ResponseComplete)", true),
    ("jevt.value[/stage] = x", false), ("jevt.value[stage] exists", true), ("len(jevt.value[/stage]) = 16", true),
    ("evt.datetime.s = '2026-01-02 03:04:05'", true), ("evt.is_async = false", true), ("evt.hostname exists", false),
    ("evt.plugininfo contains '\"auditID\":\"1\"'", true), ("jevt.obj contains '\"verb\": \"create\"'", true),
  ])
  func condition(_ condition: String, _ expected: Bool) throws {
    let text = """
      - rule: r
        desc: d
        condition: "\(condition.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))"
        output: o
        priority: INFO
        source: k8s_audit
      """
    #expect(counts(try load(text), Array(Self.event.utf8)) == (expected ? ["r": 1] : [:]))
  }

  /// Text and place of the failures that a condition, in line 2 column 15, gives.
  @Test(arguments: [
    ("ka.verb", 2, 22, "no operator"), ("ka.verb = x andy", 2, 30, "runs into"), ("(ka.verb = x", 2, 27, "not closed"),
    ("ka.nothing = x", 2, 15, "no field 'ka.nothing'"), ("ka.verb in (a", 2, 28, "not closed"),
    ("ka.uri.param = x", 2, 15, "needs an argument"), ("ka.verb[1] = x", 2, 15, "takes no argument"),
    ("ka.sourceips[01] in (x)", 2, 15, "index"), ("ka.user.groups = x", 2, 15, "does not take a list"),
    ("ka.verb regex '('", 2, 15, "regular expression"), ("nobody", 2, 15, "no macro 'nobody'"),
    ("ka.verb < x", 2, 25, "no number"), ("ka.verb = 'x", 2, 25, "not closed"),
    ("evt.num = x", 2, 15, "no whole number"),
    ("ka.verb bcontains 00", 2, 15, "compares bytes"), ("ka.verb = x ka.verb = y", 2, 27, "does not go on"),
    (String(repeating: "(", count: 300) + "ka.verb exists", 2, 165, "nest more"),
  ])
  func refusal(_ condition: String, _ line: Int, _ column: Int, _ what: String) throws {
    let text = """
      - rule: r
        condition: >-
          \(condition)
        desc: d
        output: o
        priority: INFO
        source: k8s_audit
      """
    let failures = #expect(throws: Failures.self) { try load(text) }
    let failure = try #require(failures?.all.first)
    #expect(failure.what.contains(what), "\(failure)")
    // Folded text begins in the line below, four columns in.
    #expect(failure.place == .text(file: "rules.yaml", line: line + 1, column: column - 10), "\(failure)")
  }
}

/// What files say together.
@Suite struct FileTests {
  static func rule(_ name: String, _ condition: String, _ more: String = "") -> String {
    "- rule: \(name)\n  desc: d\n  condition: \(condition)\n  output: o\n  priority: INFO\n  source: k8s_audit\n\(more)"
  }
  static let event = Array(ConditionTests.event.utf8)

  private func found(_ text: String) throws -> [String] { counts(try load(text), Self.event).keys.sorted() }

  @Test func appendedAndOverridden() throws {
    let base = "- list: l\n  items: [x]\n- macro: m\n  condition: ka.verb in (l)\n" + Self.rule("r", "m")
    #expect(try found(base) == [])
    #expect(try found(base + "- list: l\n  items: [create]\n  append: true\n") == ["r"])
    #expect(try found(base + "- list: l\n  items: [create]\n  override: {items: replace}\n") == ["r"])
    #expect(try found(base + "- macro: m\n  condition: or ka.verb exists\n  override: {condition: append}\n") == ["r"])
    #expect(try found(base + "- macro: m\n  condition: ka.verb exists\n") == ["r"])
    #expect(try found(base + "- rule: r\n  condition: or ka.verb exists\n  override: {condition: append}\n") == ["r"])
    let on = Self.rule("r", "ka.verb exists", "  enabled: false\n")
    #expect(try found(on) == [])
    #expect(try found(on + "- rule: r\n  enabled: true\n") == ["r"])
    #expect(try found(on + "- rule: r\n  enabled: true\n  override: {enabled: replace}\n") == ["r"])
  }

  @Test func exceptions() throws {
    let base = Self.rule(
      "r", "ka.verb exists",
      "  exceptions:\n    - name: e\n      fields: [ka.user.name, ka.verb]\n      comps: [=, in]\n")
    #expect(try found(base) == ["r"])
    #expect(try found(base + "      values:\n        - [Alice, [get, create]]\n") == [])
    #expect(try found(base + "      values:\n        - [Alice, get]\n") == ["r"])
    let more =
      "- rule: r\n  exceptions:\n    - name: e\n      values: [[Alice, create]]\n  override: {exceptions: append}\n"
    #expect(try found(base + more) == [])
    let single = Self.rule(
      "r", "ka.verb exists", "  exceptions:\n    - {name: e, fields: ka.user.name, values: [Alice]}\n")
    #expect(try found(single) == [])
  }

  @Test func listsAreText() throws {
    let lists = "- list: a\n  items: [x, get]\n- list: b\n  items: [a, create]\n- list: none\n  items: []\n"
    #expect(try found(lists + Self.rule("r", "ka.verb in (b)")) == ["r"])
    #expect(try found(lists + Self.rule("r", "ka.verb in (none, create)")) == ["r"])
    #expect(try found(lists + Self.rule("r", "ka.verb in (none)")) == [])
    #expect(try found(lists + Self.rule("r", "ka.verb in (b, none)")) == ["r"])
  }

  @Test func macrosSeeWhatIsBefore() throws {
    let late = "- macro: a\n  condition: b\n- macro: b\n  condition: ka.verb exists\n" + Self.rule("r", "a")
    let failures = #expect(throws: Failures.self) { try load(late) }
    #expect(failures?.all.first?.what == "macro 'b' is defined later")
    #expect(try found(late + "- macro: a\n  condition: b\n") == ["r"])
    let circle = "- macro: a\n  condition: ka.verb exists\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n"
    let refused = #expect(throws: Failures.self) { try load(circle + Self.rule("r", "a")) }
    #expect(refused?.all.first?.what.contains("itself") == true)
  }

  /// Files that grow out of all proportion are refused, and neither the stack nor the memory ends.
  @Test func bombs() throws {
    var chain = "- macro: m0\n  condition: ka.verb exists\n"
    for i in 1..<3000 {
      let condition = i % 2 == 0 ? "m\(i - 1) and ka.uri = a\(i)" : "not (m\(i - 1) or ka.uri = a\(i))"
      chain += "- macro: m\(i)\n  condition: \(condition)\n"
    }
    let deep = #expect(throws: Failures.self) { try load(chain + Self.rule("r", "m2999")) }
    #expect(deep?.all.first?.what.contains("deep") == true)
    // Each macro names the one before twice: 2 to the power of 150 when written out.
    var doubling = "- macro: m0\n  condition: ka.verb exists\n"
    for i in 1...150 {
      doubling += "- macro: m\(i)\n  condition: (m\(i - 1) and ka.uri != a\(i)) or (m\(i - 1) and ka.uri != b\(i))\n"
    }
    #expect(try found(doubling + Self.rule("r", "m150")) == ["r"])
    // The same by way of negations.
    doubling = "- macro: m0\n  condition: ka.verb exists\n"
    for i in 1...100 {
      doubling +=
        "- macro: m\(i)\n  condition: (not m\(i - 1) and ka.uri = a\(i)) or not (ka.uri = b\(i) and not m\(i - 1))\n"
    }
    #expect(try found(doubling + Self.rule("r", "m100")) == ["r"])
    var lists = "- list: l0\n  items: [a, b]\n"
    for i in 1..<40 { lists += "- list: l\(i)\n  items: [l\(i - 1), l\(i - 1)]\n" }
    let wide = #expect(throws: Failures.self) { try load(lists + Self.rule("r", "ka.verb in (l39)")) }
    #expect(wide?.all.first?.what.contains("items") == true)
    let long = "ka.verb in (" + String(repeating: "abcdefgh,", count: 40_000) + "x)"
    #expect(throws: Failures.self) { try load(Self.rule("r", long)) }
  }

  @Test(arguments: [
    ("- required_engine_version: 99\n", "needs engine 0.99.0"),
    ("- required_plugin_versions: [{name: k8saudit, version: 9.0.0}]\n", "needs k8saudit"),
    ("- rule: r\n  desc: d\n", "no condition, no output, no priority"), ("- list: l\n", "no items"),
    ("a: b\n", "a mapping"),
    ("- rule: r\n  condition: x\n  append: true\n", "no earlier rule"), ("- macro: m\n  condition: [a]\n", "a list"),
    (rule("r", "ka.verb exists", "  override: {desc: replace}\n"), "stands beside override"),
    ("- rule: r\n  override: {priority: append}\n  priority: INFO\n", "cannot be overridden"),
    (rule("r", "ka.verb exists").replacing("INFO", with: "URGENT"), "no priority"),
    (rule("r", "ka.verb exists").replacing("output: o", with: "output: 100%"), "no field follows %"),
    (rule("r", "ka.verb exists", "  exceptions: [{name: e, fields: [a.b, c.d], comps: [=]}]\n"), "not as many comps"),
  ])
  func refusals(_ text: String, _ what: String) throws {
    let failures = #expect(throws: Failures.self) { try load(text) }
    #expect(failures?.all.contains { $0.what.contains(what) } == true, "\(String(describing: failures))")
  }

  @Test(arguments: [
    ("- other: x\n", RuleWarning.Kind.unknownItem), ("- list: l\n  items: []\n  color: red\n", .unknownKey),
    ("- list: l\n  items: []\n", .unused), ("- macro: m\n  condition: ka.verb exists\n", .unused),
    ("- macro: m-n\n  condition: ka.verb exists\n", .invalidName), (rule("r", "ka.verb = <NA>"), .unsafeNotAvailable),
    ("- rule: s\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n", .unknownSource),
    ("- required_plugin_versions: [{name: cloudtrail, version: 0.1.0}]\n", .unknownPlugin),
    (rule("r", "ka.user.groups contains dev"), .deprecated),
    (rule("r", "ka.no.field = x", "  skip-if-unknown-filter: true\n"), .unknownField),
  ])
  func warnings(_ text: String, _ kind: RuleWarning.Kind) throws {
    let rules = try load(text)
    #expect(rules.warnings.map(\.kind).contains(kind))
  }

  @Test func outputs() throws {
    let text = ruleText(
      "ka.verb exists",
      output: "%ka.user.name|%ka.impuser.name|%ka.user.groups|%3ka.verb|%8ka.verb|%toupper(ka.verb)|100%%|%ka.verb.")
    let rules = try load(text)
    var detector = Detector(rules)
    var printed = ""
    _ = forEachEvent(of: Self.event) { event in
      detector.detect(event)
      printed = detector.output(of: 0, event)
    }
    #expect(printed == "Alice|<NA>|(dev,ops)|cre|create  |CREATE|100%|create.")
  }
}
