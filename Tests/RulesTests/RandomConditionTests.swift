import AuditEvents
import Rules
import TestSupport
import Testing

/// Random conditions on random events, against `NaiveCondition`: the compiler's reordering, sharing, tables and classes must
/// change no answer.
@Suite struct RandomConditionTests {
  struct Maker {
    var random: SplitMix64

    static let values =
      RandomEvent.words + [
        "get", "create", "brew", "ResponseComplete", "200", "403", "cluster-admin", "sys", "o", "ALICE", "exec", "/api",
      ]
    static let patterns = ["*", "a*", "*e", "?", "[a-m]*", "s*:*", "*o*", "[!a]*", "a\\*", "/*", "po?s"]
    static let expressions = ["a.*", ".*e", "[a-m]+", "(pods|secrets)", "system:.*", "", ".", "[0-9]{3}", "a|b"]
    static let paths = ["/api", "/", "a", "/api/*/pods", "a/b", "/exec", "a/?"]

    mutating func condition(depth: Int) -> NaiveCondition {
      guard depth > 0, random.chance(65) else { return check() }
      var parts: [NaiveCondition] = []
      for _ in 0..<random.pick(2...4) { parts.append(condition(depth: depth - 1)) }
      switch random.below(5) {
      case 0: return .not(parts[0])
      case 1, 2: return .any(parts)
      default: return .all(parts)
      }
    }

    private mutating func list(_ values: [String]) -> [String] {
      var list: [String] = []
      for _ in 0..<random.pick(1...4) { list.append(random.pick(values)) }
      return list
    }

    private mutating func check() -> NaiveCondition {
      let field = random.pick(NaiveField.all)
      if random.chance(10) { return .exists(field) }
      if random.chance(6) {
        return .number(field, random.pick(["<", "<=", ">", ">=", "=", "!="]), random.below(8))
      }
      if field.isList || random.chance(35) {
        return .compare(field, random.pick(["in", "intersects"]), list(Self.values))
      }
      let word = random.pick([
        "=", "!=", "=", "contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "pmatch",
      ])
      let values = word.hasSuffix("glob") ? Self.patterns : word == "regex" ? Self.expressions : Self.values
      if word == "pmatch" { return .compare(field, word, list(Self.paths)) }
      if random.chance(20) { return .modified(field, word, random.pick(["anyof", "oneof", "allof"]), list(values)) }
      return .compare(field, word, [random.pick(values)])
    }
  }

  /// Rules of one file share what they have in common, so each round has many.
  @Test(arguments: 0..<Campaign.size("conditions", short: 12))
  func everyAnswer(_ round: Int) throws {
    let seed = UInt64(Campaign.seed + round)
    var maker = Maker(random: SplitMix64(seed: seed))
    var events = RandomEvent(seed: seed &+ 1_000_000)
    var ordered = OrderedEvent(seed: seed &+ 2_000_000)
    let conditions = (0..<20).map { _ in maker.condition(depth: 3) }
    var file = ""
    for (number, condition) in conditions.enumerated() {
      // Some parts come by way of macros, the same from several rules.
      if case .all(let parts) = condition, number % 2 == 0 {
        file += "- macro: m\(number)\n  condition: >-\n    \(parts[0].text)\n"
      }
      var text = condition.text
      if case .all(let parts) = condition, number % 2 == 0 {
        text = "(" + (["m\(number)"] + parts.dropFirst().map(\.text)).joined(separator: " and ") + ")"
      }
      file +=
        "- rule: r\(number)\n  desc: d\n  condition: >-\n    \(text)\n  output: o\n  priority: INFO\n  source: k8s_audit\n"
    }
    let rules = try load(file)
    var detector = Detector(rules)
    var orderedEvents = 0
    for number in 0..<120 {
      let line = number % 2 == 0 ? events.next() : ordered.next()
      let tree = try JSON.parse(line)
      guard isPlain(tree) else { continue }
      let expected = conditions.indices.filter { conditions[$0].matches(tree) }
      let count = forEachEvent(of: Array((line + "\n").utf8)) { event in
        detector.detect(event)
        if event.isOrdered { orderedEvents += 1 }
        #expect(detector.matches == expected, "seed \(seed): \(conditions.map(\.text)) of \(line)")
      }
      #expect(count == 1, "seed \(seed): \(line)")
    }
    #expect(orderedEvents > 10)
    Campaign.report("conditions", "seed \(seed), \(conditions.count) rules")
  }

  /// Whether the fields that the naive reading knows hold texts alone, so that it need not know JSON as text.
  private func isPlain(_ event: JSON) -> Bool {
    func isText(_ value: JSON?) -> Bool { value == nil || value == .null || value?.string != nil }
    func areTexts(_ value: JSON?) -> Bool { value?.array == nil || value?.array?.allSatisfy { isText($0) } == true }
    let code = event["responseStatus"]?["code"]
    return isText(event["annotations"]?["authorization.k8s.io/reason"])
      && isText(event["requestObject"]?["roleRef"]?["name"]) && isText(event["requestObject"]?["metadata"]?["name"])
      && areTexts(event["user"]?["groups"]) && areTexts(event["sourceIPs"]) && (code == nil || code?.int != nil)
      && (event["requestObject"]?["rules"]?.array ?? []).allSatisfy { areTexts($0["verbs"]) }
  }
}
