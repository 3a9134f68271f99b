import AuditEvents
import Rules
import TestSupport
import Testing

/// What rules see at each audit level, against every way in which the tests of a condition may turn out.
@Suite struct SightTests {
  /// A condition over numbered tests, each of which asks for one thing.
  indirect enum Tree {
    case test(Int)
    case not(Tree)
    case all([Tree])
    case any([Tree])

    var tests: [Int] {
      switch self {
      case .test(let number): [number]
      case .not(let part): part.tests
      case .all(let parts), .any(let parts): parts.flatMap(\.tests)
      }
    }

    var text: String {
      switch self {
      case .test(let number): SightTests.text(number)
      case .not(let part): "not " + part.text
      case .all(let parts): "(" + parts.map(\.text).joined(separator: " and ") + ")"
      case .any(let parts): "(" + parts.map(\.text).joined(separator: " or ") + ")"
      }
    }

    func holds(_ answers: Int) -> Bool {
      switch self {
      case .test(let number): answers >> number & 1 == 1
      case .not(let part): !part.holds(answers)
      case .all(let parts): parts.allSatisfy { $0.holds(answers) }
      case .any(let parts): parts.contains { $0.holds(answers) }
      }
    }
  }

  /// Tests by turns of metadata, the request and the response.
  static let count = 9
  static func level(_ test: Int) -> RuleField.Level { RuleField.Level(rawValue: test % 3) ?? .metadata }
  static func text(_ test: Int) -> String {
    switch level(test) {
    case .metadata: "ka.useragent contains w\(test)"
    case .request: "jevt.value[/requestObject/w\(test)] = 1"
    case .requestResponse: "jevt.value[/responseObject/w\(test)] exists"
    }
  }

  struct Maker {
    var random: SplitMix64
    /// Each test at most once.
    var fresh: [Int]?

    mutating func tree(_ depth: Int) -> Tree {
      guard depth > 0, random.chance(75) else {
        guard fresh != nil else { return .test(random.below(SightTests.count)) }
        return .test(fresh?.popLast() ?? 0)
      }
      if random.chance(25) { return .not(tree(depth - 1)) }
      let wanted = fresh.map { min(2, $0.count) } ?? random.pick(2...3)
      guard wanted > 1 else { return .test(fresh?.popLast() ?? 0) }
      let parts = (0..<wanted).map { _ in tree(depth - 1) }
      return random.chance(50) ? .all(parts) : .any(parts)
    }
  }

  /// All answers that tests can have, with bodies and without.
  static func sight(_ tree: Tree, _ level: RuleField.Level) -> RuleSight {
    var left = 0
    for test in 0..<count where self.level(test) <= level { left |= 1 << test }
    var sight: RuleSight = []
    for answers in 0..<(1 << count) {
      let (without, with) = (tree.holds(answers & left), tree.holds(answers))
      if without { sight.insert(.matches) }
      if with && !without { sight.insert(.misses) }
      if without && !with { sight.insert(.exceeds) }
    }
    return sight
  }

  static func rules(_ trees: [Tree]) throws -> RuleSet {
    var file = ""
    for (number, tree) in trees.enumerated() {
      file += "- rule: r\(number)\n  desc: d\n  condition: >-\n    \(tree.text)\n  output: o\n  priority: INFO\n"
      file += "  source: k8s_audit\n"
    }
    return try load(file)
  }

  /// Exactly right where no test stands twice; else nothing is left out.
  @Test(arguments: 0..<Campaign.size("rule_sights", short: 10), [true, false])
  func againstEveryAnswer(_ round: Int, _ standsOnce: Bool) throws {
    let seed = UInt64(Campaign.seed + round)
    var trees: [Tree] = []
    var random = SplitMix64(seed: seed)
    for number in 0..<40 {
      var maker = Maker(random: SplitMix64(seed: seed &* 1000 &+ UInt64(number)))
      if standsOnce { maker.fresh = Array(0..<Self.count).shuffled(using: &random) }
      let tree = maker.tree(4)
      let tests = tree.tests
      guard !standsOnce || Set(tests).count == tests.count else { continue }
      trees.append(tree)
    }
    let rules = try Self.rules(trees)
    var told = 0
    for level in RuleField.Level.all {
      let sights = rules.sights(at: level)
      for (number, tree) in trees.enumerated() {
        let expected = Self.sight(tree, level)
        if standsOnce {
          #expect(sights[number] == expected, "seed \(seed), \(level): \(tree.text)")
        } else {
          #expect(sights[number].isSuperset(of: expected), "seed \(seed), \(level): \(tree.text)")
        }
        if !expected.isClear { told += 1 }
        if level == .requestResponse { #expect(sights[number].isClear) }
      }
    }
    #expect(trees.count > 20 && told > 10)
    Campaign.report("rule_sights", "seed \(seed), \(trees.count) conditions at 3 levels")
  }

  /// What Falco's own rules need, and what they do with less: blind, noisy or nothing of it.
  @Test func falcosRules() throws {
    let rules = try FalcoCorpusTests.load(["rules/newest/k8s_audit_rules-0.18.0.yaml"])
    let sights = rules.sights(at: .metadata)
    let blind: Set = [
      "Create Privileged Pod", "Create Sensitive Mount Pod", "Create HostNetwork Pod", "Create HostPid Pod",
      "Create HostIPC Pod", "Create NodePort Service", "Create/Modify Configmap With Private Credentials",
      "Attach to cluster-admin Role", "ClusterRole With Wildcard Created", "ClusterRole With Write Privileges Created",
      "ClusterRole With Pod Exec Created",
    ]
    let noisy: Set = ["Pod Created in Kube Namespace", "Ingress Object without TLS Certificate Created"]
    #expect(rules.rules.count == 48)
    for (rule, sight) in zip(rules.rules, sights) {
      #expect(sight.isBlind == blind.contains(rule.name), "\(rule.name)")
      #expect(sight.isNoisy == noisy.contains(rule.name), "\(rule.name)")
      #expect(!sight.isPartlyBlind, "\(rule.name)")
    }
    for (rule, level) in zip(rules.rules, rules.neededLevels) {
      let isRead = blind.contains(rule.name) || noisy.contains(rule.name)
      #expect(level == (isRead ? .request : .metadata), "\(rule.name)")
    }
  }

  /// What the bundled rules say that they need, they need; below it they are silent.
  @Test func bundledRules() throws {
    let path = Files.beside("../../rules/detections.yaml")
    let rules = try RuleSet.load([RuleFile(name: path, bytes: try Files.read(path))])
    #expect(rules.rules.count >= 80)
    let sights = rules.sights(at: .metadata)
    for (number, level) in rules.neededLevels.enumerated() {
      let rule = rules.rules[number]
      #expect(rule.tags.contains("level:" + level.label), "\(rule.name) needs \(level.label)")
      if level > .metadata { #expect(sights[number].isBlind, "\(rule.name)") }
    }
  }

  // MARK: - Seen at run time

  private static func event(
    _ level: String, resource: String = "pods", verb: String = "create", body: String = ""
  ) -> [UInt8] {
    Array(
      (#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\#(level)","auditID":"1","stage":"ResponseComplete","#
        + #""requestURI":"/","verb":"\#(verb)","user":{"username":"a"},"objectRef":{"resource":"\#(resource)","#
        + #""apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201}\#(body),"requestReceivedTimestamp":""#
        + #"2026-01-02T03:04:05.678901Z","stageTimestamp":"2026-01-02T03:04:05.678901Z"}"# + "\n").utf8)
  }

  private static func new(
    _ detector: inout Detector, _ event: borrowing AuditEvent, _ stamp: UInt32
  ) -> [RuleSighting] {
    var all: [RuleSighting] = []
    for number in detector.newSightings(event, stamp: stamp) {
      all.append(detector.sighting(number, at: event.level))
    }
    return all
  }

  static let conditions = [
    "ka.target.resource = pods and ka.verb = create and ka.req.pod.host_network = true",
    "ka.target.resource = pods and ka.verb = create and not ka.req.pod.containers.image in (a)",
    "ka.target.resource = pods", "ka.verb = create and ka.resp.name = x",
    "ka.verb = create and jevt.rawtime = 0 and ka.req.pod.host_network = true",
  ]

  @Test func classesOfEventsAreToldOnce() throws {
    var file = ""
    for (number, condition) in Self.conditions.enumerated() {
      file += "- rule: r\(number)\n  desc: d\n  condition: \(condition)\n  output: o\n  priority: INFO\n"
      file += "  source: k8s_audit\n"
    }
    var detector = Detector(try load(file))
    func sightings(_ bytes: [UInt8], stamp: UInt32) -> [Int: RuleSight] {
      var found: [Int: RuleSight] = [:]
      _ = forEachEvent(of: bytes) { event in
        detector.detect(event)
        for seen in Self.new(&detector, event, stamp) { found[seen.rule] = seen.sight }
      }
      return found
    }
    let blind: RuleSight = [.misses]
    let low: [Int: RuleSight] = [0: blind, 1: [.matches, .exceeds], 2: [.matches], 3: blind]
    #expect(sightings(Self.event("Metadata"), stamp: 0) == low)
    #expect(sightings(Self.event("Metadata"), stamp: 0).isEmpty)
    // Of another cluster, of the first one again, and an hour later.
    #expect(sightings(Self.event("Metadata"), stamp: 1) == low)
    #expect(sightings(Self.event("Metadata"), stamp: 0).isEmpty)
    #expect(sightings(Self.event("Metadata"), stamp: 1 << 16) == low)
    let body = #","requestObject":{"spec":{}}"#
    let middle: [Int: RuleSight] = [0: [.matches], 1: [.matches], 2: [.matches], 3: blind]
    #expect(sightings(Self.event("Request", body: body), stamp: 0) == middle)
    // A request may have no body: the level is what counts.
    #expect(sightings(Self.event("Request"), stamp: 0) == middle)
    #expect(sightings(Self.event("RequestResponse", body: body), stamp: 0)[3] == [.matches])
    #expect(sightings(Self.event("Metadata", verb: "get"), stamp: 0) == [2: [.matches]])
    #expect(sightings(Self.event("Metadata", resource: "services"), stamp: 0) == [3: blind])
    #expect(sightings(Self.event("Metadata", resource: "services", verb: "get"), stamp: 0).isEmpty)
    #expect(sightings(Self.event("Whatever"), stamp: 0).isEmpty)
  }

  /// Of random rules on random events: with its body a rule matches what it does not without, so it is said to miss; and the
  /// other way round.
  @Test(arguments: 0..<Campaign.size("rule_sightings", short: 6))
  func againstWhatRulesDo(_ round: Int) throws {
    let seed = UInt64(Campaign.seed + round)
    var maker = RandomConditionTests.Maker(random: SplitMix64(seed: seed))
    var events = OrderedEvent(seed: seed &+ 3)
    var file = ""
    for number in 0..<20 {
      file += "- rule: r\(number)\n  desc: d\n  condition: >-\n    \(maker.condition(depth: 3).text)\n  output: o\n"
      file += "  priority: INFO\n  source: k8s_audit\n"
    }
    let rules = try load(file)
    var detector = Detector(rules)
    var told = 0
    for number in 0..<150 {
      let line = events.next()
      guard let cut = Self.cut(line) else { continue }
      var with: Set<Int> = []
      _ = forEachEvent(of: Array((line + "\n").utf8)) { event in
        detector.detect(event)
        with = Set(detector.matches)
      }
      _ = forEachEvent(of: Array((cut + "\n").utf8)) { event in
        detector.detect(event)
        let without = Set(detector.matches)
        let seen = Self.new(&detector, event, UInt32(number))
        let sights = Dictionary(uniqueKeysWithValues: seen.map { ($0.rule, $0.sight) })
        for rule in with.union(without) {
          let sight = sights[rule] ?? []
          if without.contains(rule) { #expect(sight.contains(.matches), "seed \(seed), rule \(rule): \(cut)") }
          if !with.contains(rule) { #expect(sight.contains(.exceeds), "seed \(seed), rule \(rule): \(line)") }
          if !without.contains(rule) { #expect(sight.contains(.misses), "seed \(seed), rule \(rule): \(line)") }
          told += 1
        }
      }
    }
    #expect(told > 200)
    Campaign.report("rule_sightings", "seed \(seed), \(rules.rules.count) rules, \(told) matches")
  }

  /// An ordered event as level Metadata has it; nil where its bodies cannot be told by their keys.
  private static func cut(_ line: String) -> String? {
    guard line.split(separator: #""requestReceivedTimestamp""#).count == 2,
      let end = line.firstRange(of: #","requestReceivedTimestamp":"#)
    else { return nil }
    let keys = [#","requestObject":"#, #","responseObject":"#, #","request\u004fbject":"#]
    let starts = keys.compactMap { line.firstRange(of: $0)?.lowerBound }
    return (String(line[..<(starts.min() ?? end.lowerBound)]) + String(line[end.lowerBound...])).replacing(
      #""level":"RequestResponse""#, with: #""level":"Metadata""#)
  }
}
