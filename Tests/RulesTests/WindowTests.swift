import AuditEvents
import Diagnostics
import TestSupport
import Testing

@testable import Rules

/// The keys of windowed rules: what they say, what is refused and where, what a rule's fingerprint hangs on, and what a key is
/// made of.
@Suite struct WindowTests {
  static let keys = """
      over: 9m
      by: [ka.user.name, source_ip]
      distinct: ka.target.resource
      at_least: 8
      learn: 1d

    """

  private func window(_ keys: String, more: String = "", condition: String = "ka.verb = list") throws -> RuleWindow {
    try #require(try load(ruleText(condition) + keys + more).rules.first?.window)
  }

  @Test func theyAreRead() throws {
    let found = try window(Self.keys)
    #expect(found.seconds == 540 && found.atLeast == 8 && found.learnSeconds == 86_400)
    #expect(found.by == ["ka.user.name", "source_ip"] && found.distinct == ["ka.target.resource"])
    let least = try window("  over: 1h30m\n  at_least: 1\n")
    #expect(least.seconds == 5400 && least.by.isEmpty && least.distinct.isEmpty && least.learnSeconds == 0)
    #expect(try window("  over: 30s\n  at_least: 2\n  by: tolower(ka.useragent)\n").by == ["tolower(ka.useragent)"])
    #expect(try load(ruleText("ka.verb exists")).rules.first?.window == nil)
  }

  /// A line, a column and what was expected; the keys begin in line 8.
  @Test(arguments: [
    ("  over: 45s\n  at_least: 2\n", 8, 9, "no span of a window"),
    ("  over: 31d\n  at_least: 2\n", 8, 9, "no span of a window"),
    ("  over: soon\n  at_least: 2\n", 8, 9, "no span of a window"),
    ("  over: [9m]\n  at_least: 2\n", 8, 9, "over is a list"),
    ("  over: 99999999999999999999d\n  at_least: 2\n", 8, 9, "no span of a window"),
    ("  over: 9m\n", 8, 9, "no at_least"),
    ("  at_least: 2\n", 8, 13, "no over"),
    ("  learn: 1d\n", 8, 10, "no over"),
    ("  over: 9m\n  at_least: 0\n", 9, 13, "at_least is '0'"),
    ("  over: 9m\n  at_least: 1001\n", 9, 13, "at_least is '1001'"),
    ("  over: 9m\n  at_least: 1e2\n", 9, 13, "at_least is '1e2'"),
    ("  over: 9m\n  at_least: 2\n  learn: 31d\n", 10, 10, "no span of time"),
    ("  over: 9m\n  at_least: 2\n  by: [ka.user.nme]\n", 10, 8, "there is no field 'ka.user.nme'"),
    ("  over: 9m\n  at_least: 2\n  by:\n    - ka.verb\n    - verb\n", 12, 7, "'verb' is no field"),
    ("  over: 9m\n  at_least: 2\n  by: [ka.verb ka.uri]\n", 10, 16, "something follows the field"),
    ("  over: 9m\n  at_least: 2\n  by: [{}]\n", 10, 8, "a field of by is a mapping"),
    ("  over: 9m\n  at_least: 2\n  distinct: []\n", 10, 13, "distinct is an empty list"),
    (
      "  over: 9m\n  at_least: 2\n  by: [ka.verb, ka.uri, ka.stage, ka.auditid, ka.user.name]\n", 10, 7,
      "by has 5 fields"
    ),
  ])
  func whatIsWrongIsToldWithItsPlace(_ keys: String, _ line: Int, _ column: Int, _ what: String) throws {
    do throws(Failures) {
      _ = try RuleSet.load([RuleFile(name: "rules.yaml", bytes: Array((ruleText("ka.verb exists") + keys).utf8))])
      Issue.record("it loads")
    } catch {
      let failure = try #require(error.all.first)
      #expect(error.all.count == 1 && failure.what.contains(what), "\(error.all)")
      #expect(failure.place == .text(file: "rules.yaml", line: line, column: column), "\(failure)")
      #expect(!failure.remedy.isEmpty)
    }
  }

  @Test func theyAreOverridden() throws {
    func overridden(_ text: String) throws -> RuleWindow { try window(Self.keys, more: text) }
    let replaced = try overridden(
      "- rule: r\n  at_least: 3\n  over: 1h\n  learn: 0s\n  override: {at_least: replace, over: replace, learn: replace}\n"
    )
    #expect(replaced.atLeast == 3 && replaced.seconds == 3600 && replaced.learnSeconds == 0)
    #expect(replaced.by == ["ka.user.name", "source_ip"])
    let appended = try overridden("- rule: r\n  by: ka.useragent\n  override: {by: append}\n")
    #expect(appended.by == ["ka.user.name", "source_ip", "ka.useragent"])
    #expect(try overridden("- rule: r\n  distinct: [ka.uri]\n  override: {distinct: replace}\n").distinct == ["ka.uri"])
    let off = try load(
      ruleText("ka.verb exists") + Self.keys + "- rule: r\n  enabled: false\n  override: {enabled: replace}\n")
    #expect(off.rules.first?.isEnabled == false && off.rules.first?.window != nil)
    #expect(throws: Failures.self) {
      _ = try overridden("- rule: r\n  at_least: 3\n  override: {at_least: append}\n")
    }
    #expect(throws: Failures.self) {
      _ = try overridden("- rule: r\n  at_least: 3\n  enabled: true\n  override: {enabled: replace}\n")
    }
    // A rule of its own takes the place of the whole.
    #expect(try load(ruleText("ka.verb exists") + Self.keys + ruleText("ka.verb exists")).rules.first?.window == nil)
  }

  @Test func fingerprintsHangOnWhatIsCounted() throws {
    let base = "ka.verb in (list, get) and (ka.user.name = a or ka.uri startswith /api)"
    let first = try window(Self.keys, condition: base).fingerprint
    let same = [
      (base, Self.keys.replacing("learn: 1d", with: "learn: 2d")),
      ("(ka.uri startswith /api or ka.user.name = a) and ka.verb in (get, list)", Self.keys),
    ]
    for (condition, keys) in same {
      #expect(try window(keys, condition: condition).fingerprint == first, "\(condition)")
    }
    let list =
      "- list: verbs\n  items: [get, list]\n- macro: who\n  condition: ka.user.name = a or ka.uri startswith /api\n"
    let by = try load(ruleText("ka.verb in (verbs) and who", before: list, output: "other") + Self.keys)
    #expect(by.rules.first?.window?.fingerprint == first)
    let others = [
      (base.replacing("list", with: "watch"), Self.keys), (base.replacing(" or ", with: " and "), Self.keys),
      ("not (\(base))", Self.keys), (base, Self.keys.replacing("9m", with: "10m")),
      (base, Self.keys.replacing("least: 8", with: "least: 9")), (base, Self.keys.replacing(", source_ip", with: "")),
      (base, Self.keys.replacing("distinct: ka.target.resource", with: "distinct: ka.target.name")),
      (base, Self.keys.replacing("  distinct: ka.target.resource\n", with: "")),
      (base, Self.keys.replacing("[ka.user.name, source_ip]", with: "[source_ip, ka.user.name]")),
    ]
    let found = try others.map { try window($1, condition: $0).fingerprint }
    #expect(Set(found + [first]).count == others.count + 1)
    let renamed = try load(ruleText(base).replacing("rule: r", with: "rule: s") + Self.keys)
    #expect(renamed.rules.first?.window?.fingerprint != first)
  }

  // MARK: - Keys of events

  private func key(_ by: String, _ fields: String) throws -> [UInt8] {
    let rules = try load(ruleText("ka.verb exists") + "  over: 30s\n  at_least: 1\n  by: \(by)\n")
    var detector = Detector(rules)
    var key: [UInt8] = []
    let event = #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"get",\#(fields)}"#
    let events = forEachEvent(of: Array(event.utf8)) { event in
      #expect(detector.detect(event) == 1)
      detector.appendWindowKey(of: 0, event, sourceIP: [1], to: &key)
    }
    #expect(events == 1)
    return key
  }

  @Test func noTwoKeysAreTheSameBytes() throws {
    let by = "[ka.user.name, ka.user.groups, ka.useragent, source_ip]"
    let events = [
      #""user":{"username":"a","groups":["b","c"]},"userAgent":"d""#,
      #""user":{"username":"a","groups":["bc"]},"userAgent":"d""#,
      #""user":{"username":"ab","groups":["c"]},"userAgent":"d""#,
      #""user":{"username":"a","groups":["b"]},"userAgent":"cd""#,
      #""user":{"groups":["a","b","c"]},"userAgent":"d""#, #""user":{"username":"a","groups":["b","c"]}"#,
      #""user":{"username":"a","groups":["c","b"]},"userAgent":"d""#, #""user":{"username":"a","groups":[""]}"#,
      #""user":{"username":"a"}"#,
    ]
    let keys = try events.map { try key(by, $0) }
    #expect(Set(keys).count == events.count)
    #expect(try key(by, #""userAgent":"\u0064","user":{"groups":["b","c"],"username":"a"}"#) == keys[0])
  }

  /// In the order of Falco, a windowed rule hides no other one, and none hides it.
  @Test func theFirstMatchLeavesThemAlone() throws {
    let rule = ruleText("ka.verb exists")
    func named(_ name: String, _ isWindowed: Bool) -> String {
      rule.replacing("rule: r", with: "rule: \(name)") + (isWindowed ? Self.keys : "")
    }
    let rules = try load(named("w1", true) + named("p1", false) + named("p2", false) + named("w2", true))
    #expect(counts(rules, DamageTests.event, .first) == ["w1": 1, "p1": 1, "w2": 1])
    #expect(counts(rules, DamageTests.event) == ["w1": 1, "p1": 1, "p2": 1, "w2": 1])
  }

  // MARK: - Anything at all

  private static let pieces = [
    "9m", "30s", "0", "-1", "1", "8", "1000", "1001", "99999999999999999999", "1d2h", "30d", "~", "[]", "{}", "[[]]",
    "true",
    "ka.user.name", "source_ip", "[ka.user.name, ka.uri]", "ka.user.groups[0]", "ka.user.groups[-1]", "ka.uri.param[a]",
    "ka.uri.param", "tolower(ka.uri)", "len(ka.user.groups)", "join(\",\", ka.sourceips)", "jevt.value[/user]",
    "jevt.obj",
    "ka.", ".", "(", "%ka.verb", "'ka.verb '", "[source_ip, source_ip]", "evt.num", "\"\"", "é", "concat(ka.uri)",
    "[ka.verb, ka.verb, ka.verb, ka.verb, ka.verb]", "|\n    9m", ">\n    ka.verb", "val(ka.uri)", "\u{0}",
  ]

  @Test(arguments: 0..<Campaign.size("window_keys", short: 1000) / 100)
  func anyValuesLoadOrAreRefused(_ round: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round))
    var loaded = 0
    for _ in 0..<100 {
      var text = ruleText("ka.verb exists")
      for name in ["over", "by", "distinct", "at_least", "learn"] where random.chance(70) {
        let known = ["over": "9m", "at_least": "3", "by": "ka.user.name", "distinct": "ka.uri", "learn": "1d"]
        text += "  \(name): " + (random.chance(60) ? known[name] ?? "" : random.pick(Self.pieces)) + "\n"
      }
      do throws(Failures) {
        let rules = try RuleSet.load([RuleFile(name: "f", bytes: Array(text.utf8))])
        loaded += 1
        var detector = Detector(rules)
        var bytes: [UInt8] = []
        _ = forEachEvent(of: DamageTests.event) { event in
          detector.detect(event)
          detector.appendWindowKey(of: 0, event, sourceIP: [], to: &bytes)
          _ = detector.appendWindowValue(of: 0, event, sourceIP: [], to: &bytes)
        }
        guard let window = rules.rules.first?.window else { continue }
        #expect(RuleWindow.secondsRange.contains(window.seconds) && window.seconds % 30 == 0, "\(text)")
        #expect(RuleWindow.atLeastRange.contains(window.atLeast) && window.by.count <= 4, "\(text)")
      } catch {
        for failure in error.all {
          guard case .text(_, let line, _) = failure.place else { Issue.record("\(failure)"); continue }
          #expect(line <= text.utf8.count { $0 == 10 } + 2 && !failure.what.isEmpty, "\(text): \(failure)")
        }
      }
    }
    #expect(loaded > 0 && loaded < 95)
  }
}
