import AuditEvents
import Diagnostics
import Rules
import TestSupport
import Testing

/// Rules files that are damaged at random: they load or are refused, and every refusal names a place in the file.
@Suite struct DamageTests {
  static let base = #"""
    - required_engine_version: 0.26.0
    - list: names
      items: [alice, "bob smith", system:x]
    - macro: pod
      condition: (ka.target.resource = pods and not ka.target.subresource exists)
    - rule: first
      desc: it has everything
      condition: >
        pod and ka.verb in (create, "patch") and (ka.user.name in (names) or
        jevt.value[/requestObject/spec] contains 'a\'b' or len(ka.user.groups) > 2)
        and not tolower(ka.useragent) startswith anyof (kube, "x y")
      output: "user=%ka.user.name %20ka.verb %toupper(ka.uri) %jevt.value[/a]"
      priority: WARNING
      source: k8s_audit
      tags: [k8s]
      exceptions:
        - name: known
          fields: [ka.user.name, ka.target.namespace]
          comps: [=, in]
          values:
            - [alice, [a, b]]
        - name: one
          fields: ka.uri
          values: [/healthz]
    - rule: first
      condition: and ka.uri regex "/api.*"
      exceptions:
        - {name: one, values: [/livez]}
      override: {condition: append, exceptions: append}
    ---
    - macro: pod
      condition: or ka.target.resource glob "po*"
      append: true
    """#
  static let event =
    Array(
      #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","auditID":"1","verb":"create","#.utf8)
    + Array(#""requestURI":"/api/v1","user":{"username":"alice"},"objectRef":{"resource":"pods"}}"#.utf8)

  static let pieces = [
    "not", " and ", " or ", "(", ")", "[", "]", "\"", "'", "\\", "%", ",", "=", "in", "exists", "ka.verb", "names",
    "pod",
    "- ", ": ", "\n", "\t", "\u{0}", "é", "{", "}", "len(", "val(", "<NA>", "regex", "(((", "0x", "*", "&a", "!!str",
    "---",
  ]

  @Test func theBaseLoads() throws {
    let rules = try load(Self.base)
    #expect(rules.rules.map(\.name) == ["first"])
    #expect(counts(rules, Self.event) == ["first": 1])
  }

  @Test(arguments: 0..<Campaign.size("rule_damage", short: 600) / 100)
  func everyRefusalHasAPlace(_ round: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round))
    var refused = 0
    for _ in 0..<100 {
      let bytes = Self.damaged(&random)
      do throws(Failures) {
        let rules = try RuleSet.load([RuleFile(name: "f", bytes: bytes)])
        _ = counts(rules, Self.event)
        for warning in rules.warnings { check(warning.place, bytes) }
      } catch {
        refused += 1
        #expect(!error.all.isEmpty && error.all.count <= 100)
        for failure in error.all {
          #expect(!failure.what.isEmpty)
          check(failure.place, bytes)
        }
      }
    }
    Campaign.report("rule_damage", "round \(round), 100 files, \(refused) refused")
    #expect(refused > 20)
  }

  private static func damaged(_ random: inout SplitMix64) -> [UInt8] {
    var bytes = Array(base.utf8)
    for _ in 0..<random.pick(1...4) {
      let at = random.below(bytes.count)
      switch random.below(4) {
      case 0: bytes.remove(at: at)
      case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.insert(contentsOf: Array(random.pick(pieces).utf8), at: at)
      default:
        let length = min(random.pick(1...40), bytes.count - at)
        bytes.removeSubrange(at..<at + length)
      }
      if bytes.isEmpty { bytes = [0x20] }
    }
    return bytes
  }

  private func check(_ place: Failure.Place, _ bytes: [UInt8]) {
    guard case .text(let file, let line, let column) = place else {
      Issue.record("no place in the text: \(place)")
      return
    }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    // YAML counts other line ends too, so a line may be behind those of line feeds.
    let all = lines.count + bytes.count { $0 == 0x0d || $0 == 0xc2 || $0 == 0xe2 }
    #expect(file == "f" && line >= 1 && line <= all + 1 && column >= 1)
  }

  /// Conditions of random tokens: no crash, and a place on each refusal.
  @Test(arguments: 0..<Campaign.size("rule_damage", short: 600) / 100)
  func conditionsOfTokens(_ round: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round) &+ 77)
    let tokens =
      Self.pieces.filter { !$0.contains("\n") && $0 != "\u{0}" } + ["ka.uri", "a", "ka.user.groups", "anyof", "join("]
    for _ in 0..<100 {
      let words = (0..<random.pick(1...12)).map { _ in random.pick(tokens) }
      let condition = words.joined(separator: random.pick(["", " "]))
      let quoted = "'" + condition.replacing("'", with: "''") + "'"
      let text = """
        - rule: r
          desc: d
          condition: \(quoted)
          output: o
          priority: INFO
          source: k8s_audit
        """
      do throws(Failures) {
        _ = counts(try RuleSet.load([RuleFile(name: "f", bytes: Array(text.utf8))]), Self.event)
      } catch {
        for failure in error.all { check(failure.place, Array(text.utf8)) }
      }
    }
  }

  /// A body that is damaged is read as far as it goes; nothing is read beyond the event.
  @Test(arguments: 0..<Campaign.size("rule_damage", short: 600) / 100)
  func damagedEvents(_ round: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round) &+ 99)
    var events = RandomEvent(seed: random.next())
    var detector = Detector(try load(ruleText("ka.verb exists")))
    for _ in 0..<20 {
      var bytes = Array(events.next().utf8)
      for _ in 0..<random.pick(1...3) {
        bytes[random.below(bytes.count)] = UInt8.random(in: 0x20...0xff, using: &random)
      }
      let count = forEachEvent(of: bytes) { event in
        for field in FieldTests.wanted {
          let values = detector.fieldValues(field.name, field.argument.map { Array($0.utf8) }, of: event)
          #expect(values != nil && values.map { $0.count < 10_000 } == true)
        }
      }
      #expect(count <= 1)
    }
  }
}
