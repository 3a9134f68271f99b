import AuditEvents
import Rules
import TestSupport
import Testing

/// What an audit policy lets rules see, against requests that are made, cut to what the policy logs of them, and evaluated.
@Suite struct PolicyTests {
  /// A request with all that can be logged of it.
  struct Request {
    var asked = AuditPolicy.Request()
    /// What the object is called in the end.
    var name = ""
    var body = 0

    private static func members(_ members: [(String, String)]) -> String {
      members.filter { !$0.1.isEmpty }.map { "\"\($0.0)\":\"\($0.1)\"" }.joined(separator: ",")
    }

    /// What is logged at a stage; nil where nothing can be.
    func event(_ stage: Stage, _ level: RuleField.Level) -> String? {
      if asked.user == nil, stage != .responseStarted { return nil }
      let user = Self.members([("username", asked.user ?? "")])
      let groups = asked.groups.map { "\"\($0)\"" }.joined(separator: ",")
      var text = #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\#(level.label)","auditID":"1","stage":""#
      text += #"\#(stage.label)","requestURI":"\#(asked.path)","verb":"\#(asked.verb)","user":{\#(user)"#
      text += (groups.isEmpty ? "" : ",\"groups\":[\(groups)]") + "}"
      if !asked.resource.isEmpty {
        let reference = Self.members([
          ("resource", asked.resource), ("namespace", asked.namespace), ("name", name), ("apiGroup", asked.group),
          ("subresource", asked.subresource),
        ])
        text += ",\"objectRef\":{\(reference)}"
      }
      if stage != .requestReceived { text += #","responseStatus":{"metadata":{},"code":200}"# }
      let isRead = stage != .requestReceived && asked.user != nil
      if isRead, level >= .request {
        text += #","requestObject":{"a":"\#(body & 1)","b":"\#(body >> 1 & 1)"}"#
      }
      if isRead, stage != .responseStarted, level == .requestResponse {
        text += #","responseObject":{"c":"\#(body >> 2)"}"#
      }
      text += #","requestReceivedTimestamp":"2026-01-02T03:04:05.678901Z","#
      return text + #""stageTimestamp":"2026-01-02T03:04:05.678901Z"}"# + "\n"
    }

    static let users: [(name: String?, groups: [String])] = [
      ("alice", ["system:authenticated", "admins"]), ("bob", ["system:authenticated"]),
      ("system:anonymous", ["system:unauthenticated"]), (nil, []),
      ("system:serviceaccount:x:y", ["system:serviceaccounts", "system:serviceaccounts:x", "system:authenticated"]),
    ]

    /// Every combination of a few words, as far as an API server takes it.
    static let all: [Request] = {
      let kinds = [
        ("", "pods", ""), ("", "pods", "exec"), ("", "secrets", ""), ("apps", "deployments", ""),
        ("rbac.authorization.k8s.io", "clusterroles", ""), ("x.io", "widgets", ""), ("y.io", "widgets", "status"),
      ]
      var all: [Request] = []
      for user in users {
        for (group, resource, subresource) in kinds {
          for verb in ["get", "create", "list", "patch"] {
            if subresource == "exec", verb == "list" || verb == "patch" { continue }
            for (namespace, name) in [("", "n"), ("default", verb == "list" ? "" : "m"), ("kube-system", "n")] {
              let isFree = resource == "widgets"
              let isOfCluster = resource == "clusterroles"
              guard isFree || isOfCluster == namespace.isEmpty || verb == "list" && !isOfCluster else { continue }
              var request = Request()
              (request.asked.user, request.asked.groups) = user
              (request.asked.group, request.asked.resource, request.asked.subresource) = (group, resource, subresource)
              (request.asked.verb, request.asked.namespace, request.name) = (verb, namespace, name)
              request.asked.name = verb == "create" && subresource.isEmpty ? "" : name
              request.asked.path = "/apis/q"
              all.append(request)
            }
          }
        }
        for path in ["/healthz", "/healthz/etcd", "/version", "/metrics"] {
          for verb in ["get", "patch"] {
            var request = Request()
            (request.asked.user, request.asked.groups) = user
            (request.asked.verb, request.asked.path) = (verb, path)
            all.append(request)
          }
        }
      }
      return all.flatMap { request in
        (request.asked.user == nil ? [0] : [0, 3, 4, 7]).map { body in
          var request = request
          request.body = body
          return request
        }
      }
    }()
  }

  // MARK: - Random rules and policies

  struct Maker {
    var random: SplitMix64

    /// - Parameter left: tests that may stand there; each is used up.
    mutating func condition(_ depth: Int, _ left: inout [String]) -> String {
      guard depth > 0, left.count > 1, random.chance(80) else { return left.popLast() ?? "ka.verb exists" }
      if random.chance(25) { return "not " + condition(depth - 1, &left) }
      let parts = [condition(depth - 1, &left), condition(depth - 1, &left)]
      return "(" + parts.joined(separator: random.chance(60) ? " and " : " or ") + ")"
    }

    /// One test of each field.
    mutating func tests() -> [String] {
      [
        random.pick(["ka.verb = create", "ka.verb in (get, list)", "not ka.verb = patch"]),
        random.pick([
          "ka.user.name = alice", "ka.user.name startswith system:", "not ka.user.name exists",
          "not ka.user.name in (bob, alice)",
        ]),
        random.pick([
          "ka.target.resource = pods", "ka.target.resource in (secrets, widgets)", "ka.target.resource exists",
          "not ka.target.resource = deployments",
        ]),
        random.pick(["ka.target.subresource exists", "ka.target.subresource = exec"]),
        random.pick(["ka.target.namespace = kube-system", "not ka.target.namespace = default"]),
        random.pick(["ka.target.name = n", "not ka.target.name exists"]),
        random.pick(["jevt.value[/objectRef/apiGroup] = apps", "not jevt.value[/objectRef/apiGroup] exists"]),
        "jevt.value[/requestObject/a] = 1", "jevt.value[/requestObject/b] = 1", "jevt.value[/responseObject/c] = 1",
      ].shuffled(using: &random)
    }

    private mutating func some(_ words: [String], _ percent: Int) -> [String] {
      random.chance(percent) ? (0..<random.pick(1...2)).map { _ in random.pick(words) } : []
    }

    mutating func policy() -> AuditPolicy {
      var rules: [AuditPolicy.Rule] = []
      for line in 1...random.pick(2...6) {
        var rule = AuditPolicy.Rule(level: random.chance(25) ? nil : random.pick(RuleField.Level.all))
        rule.line = line
        rule.users = some(["alice", "bob", "system:anonymous"], 25)
        rule.userGroups = some(
          ["admins", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"], 25)
        rule.verbs = some(["get", "create", "list", "patch"], 40)
        if random.chance(15) {
          rule.nonResourceURLs = some(["/healthz*", "/version", "*", "/healthz", "/met*"], 100)
        } else {
          rule.namespaces = some(["kube-system", "default", ""], 20)
          for _ in 0..<random.pick(0...2) {
            var entry = AuditPolicy.Resources(group: random.pick(["", "", "apps", "x.io", "*"]))
            entry.resources = some(["pods", "secrets", "pods/exec", "pods/*", "*/status", "widgets", "*"], 80)
            entry.resourceNames = entry.resources.isEmpty ? [] : some(["n", "m"], 20)
            rule.resources.append(entry)
          }
        }
        if random.chance(20) { rule.omitStages.insert(random.pick([.requestReceived, .responseComplete])) }
        rules.append(rule)
      }
      return AuditPolicy(rules: rules)
    }
  }

  /// A request has its first and its last event; one that is long has another between; a failed authentication has that alone.
  static let stages: [Stage] = [.requestReceived, .responseStarted, .responseComplete]

  /// For each level, stage and request, the rules that match its event, a bit each.
  private static func matches(_ rules: RuleSet) -> [[[UInt64]]] {
    var detector = Detector(rules)
    return RuleField.Level.all.map { level in
      stages.map { stage in
        Request.all.map { request in
          let isLong = request.asked.subresource == "exec" || request.asked.user == nil
          guard stage != .responseStarted || isLong, let event = request.event(stage, level) else { return 0 }
          var found: UInt64 = 0
          _ = forEachEvent(of: Array(event.utf8)) { event in
            detector.detect(event)
            for rule in detector.matches { found |= 1 << rule }
          }
          return found
        }
      }
    }
  }

  /// What becomes of the requests that rules match, or ought to: a bit for each rule.
  private struct Outcome {
    var hits: UInt64 = 0
    var misses: UInt64 = 0
    var exceeds: UInt64 = 0

    init(_ policy: AuditPolicy, _ matches: [[[UInt64]]]) {
      for (number, request) in Request.all.enumerated() {
        func found(_ level: RuleField.Level, _ omitted: Set<Stage>) -> UInt64 {
          stages.indices.reduce(0) { found, stage in
            omitted.contains(stages[stage]) ? found : found | matches[level.rawValue][stage][number]
          }
        }
        // What a rule makes of the first event, which has no body yet, is no loss: the last one comes.
        let full = found(.requestResponse, [.requestReceived])
        let all = found(.requestResponse, [])
        let taking = policy.rule(for: request.asked).map { policy.rules[$0] }
        let logged = taking.flatMap { taking in taking.level.map { found($0, taking.omitStages) } } ?? 0
        hits |= logged
        misses |= full & ~logged
        exceeds |= logged & ~all
      }
    }

    func status(_ rule: Int) -> PolicyFinding.Status {
      let bit: UInt64 = 1 << rule
      if (misses | exceeds) & bit == 0 { return .evaluable }
      if hits & bit == 0 { return .blind }
      return exceeds & bit != 0 ? .noisy : .partlyBlind
    }
  }

  /// Whatever happens to a request was said; and little was said that happens to none. What may be there is more than the
  /// few words of these requests, and tests of one rule may exclude each other.
  @Test(arguments: 0..<Campaign.size("audit_policies", short: 1))
  func againstRequests(_ round: Int) throws {
    let seed = UInt64(Campaign.seed + round)
    var maker = Maker(random: SplitMix64(seed: seed))
    var file = ""
    var conditions: [String] = []
    for number in 0..<40 {
      var tests = maker.tests()
      let stage = number % 4 == 3 ? "ka.verb exists" : "ka.stage = ResponseComplete"
      conditions.append("\(stage) and " + maker.condition(3, &tests))
      file +=
        "- rule: r\(number)\n  desc: d\n  condition: >-\n    \(conditions[number])\n  output: o\n  priority: INFO\n"
      file += "  source: k8s_audit\n"
    }
    let rules = try load(file)
    let matches = Self.matches(rules)
    var counts: [PolicyFinding.Status: Int] = [:]
    var others = 0
    for _ in 0..<8 {
      let policy = maker.policy()
      let outcome = Outcome(policy, matches)
      for finding in rules.check(policy) {
        let expected = outcome.status(finding.rule)
        counts[expected, default: 0] += 1
        if finding.status != expected { others += 1 }
        let bit: UInt64 = 1 << finding.rule
        let isSaid =
          (outcome.misses & bit == 0 || finding.status != .evaluable)
          && (outcome.hits & bit == 0 || finding.status != .blind)
          && (outcome.exceeds & bit == 0 || finding.causes.contains { $0.fault == .noisy })
        guard !isSaid, finding.status != .undecided else { continue }
        Issue.record("seed \(seed): \(finding), but \(expected): \(conditions[finding.rule]) with \(policy)")
      }
    }
    for status in PolicyFinding.Status.allCases where status != .undecided {
      #expect(counts[status, default: 0] > 2, "\(status)")
    }
    #expect(others < 8 * 40 / 6)
    Campaign.report(
      "audit_policies", "seed \(seed), 8 policies, 40 rules, \(Request.all.count) requests, \(others) otherwise")
  }

  // MARK: - Policies that there are

  static func bundled() throws -> RuleSet {
    let path = Files.beside("../../rules/detections.yaml")
    return try RuleSet.load([RuleFile(name: path, bytes: try Files.read(path))])
  }

  static func findings(_ path: String, _ rules: RuleSet) throws -> [String: PolicyFinding] {
    let policy = try AuditPolicy.read(try Files.read(Files.beside("../../" + path)), file: path).policy
    return Dictionary(uniqueKeysWithValues: rules.check(policy).map { (rules.rules[$0.rule].name, $0) })
  }

  /// The policy of this repository hides health probes, and keeps bodies of ConfigMaps out of the log.
  @Test func ourPolicy() throws {
    let found = try Self.findings("deploy/audit-policy.yaml", try Self.bundled())
    let partly: Set = [
      "anonymous-request-refused", "attack-tool", "privileged-identity-impersonated", "policy-violated",
      "many-objects-deleted", "refused-to-new-client",
    ]
    for (name, finding) in found {
      let expected: PolicyFinding.Status =
        name == "credentials-in-configmap" ? .blind : partly.contains(name) ? .partlyBlind : .evaluable
      #expect(finding.status == expected, "\(name): \(finding)")
    }
    let blind = try #require(found["credentials-in-configmap"])
    #expect(blind.causes.map(\.fault) == [.tooLow] && blind.causes[0].level == .metadata)
    #expect(
      blind.mending == [
        "- level: Request", "  verbs: [create, patch, update]", "  resources:", #"    - group: """#,
        "      resources: [configmaps]",
      ])
  }

  /// Every rule that reads bodies is blind where none is logged, and the rules that mend it do so.
  @Test func metadataAlone() throws {
    let rules = try Self.bundled()
    let found = try Self.findings("examples/audit-policy.yaml", rules)
    for (rule, level) in zip(rules.rules, rules.neededLevels) where rule.isEnabled {
      let finding = try #require(found[rule.name])
      #expect(finding.status == (level > .metadata ? .blind : .evaluable), "\(finding)")
      #expect(finding.mending.isEmpty == (level == .metadata))
    }
    for (rule, lines) in zip(rules.rules, rules.neededPolicies) {
      if rule.isEnabled { #expect(lines == found[rule.name]?.mending) }
    }
    let all = found.values.flatMap(\.mending) + ["- level: Metadata"]
    let mended = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n" + all.map { $0 + "\n" }.joined()
    let policy = try AuditPolicy.read(Array(mended.utf8), file: "mended.yaml").policy
    for finding in rules.check(policy) {
      #expect(finding.status == .evaluable, "\(rules.rules[finding.rule].name): \(finding)")
    }
  }

  /// Amazon's: events are not logged, ConfigMaps at Metadata but for aws-auth; everything else that rules read is there.
  @Test func policyOfEKS() throws {
    let rules = try Self.bundled()
    let found = try Self.findings("Tests/Policies/eks.yaml", rules)
    #expect(found.values.allSatisfy { [.evaluable, .partlyBlind].contains($0.status) })
    let configMaps = try #require(found["credentials-in-configmap"])
    #expect(configMaps.status == .partlyBlind && configMaps.causes.map(\.fault) == [.tooLow])
    let events = try #require(found["events-deleted"])
    #expect(events.status == .partlyBlind && events.causes.map(\.fault) == [.notLogged])
    for (rule, level) in zip(rules.rules, rules.neededLevels) where rule.isEnabled && level > .metadata {
      #expect(
        found[rule.name]?.status == (rule.name == "credentials-in-configmap" ? .partlyBlind : .evaluable),
        "\(rule.name)")
    }
  }

  @Test func stagesAndMissingFields() throws {
    func status(_ condition: String, _ policy: String) throws -> PolicyFinding {
      let text = "apiVersion: audit.k8s.io/v1\nkind: Policy\n" + policy
      let policy = try AuditPolicy.read(Array(text.utf8), file: "p.yaml").policy
      return try #require(try load(ruleText(condition)).check(policy).first)
    }
    let done = "ka.stage = ResponseComplete and ka.verb = create"
    #expect(try status(done, "omitStages: [RequestReceived]\nrules:\n- level: Metadata\n").status == .evaluable)
    let omitted = try status(done, "omitStages: [ResponseComplete]\nrules:\n- level: Metadata\n")
    #expect(omitted.status == .blind && omitted.causes.map(\.fault) == [.stageOmitted])
    #expect(omitted.mending == ["# line 5: take ResponseComplete out of omitStages"])
    // A failed authentication has one event, and no user that a rule could name.
    let failed = "ka.response.code = 401 and not ka.user.name exists"
    #expect(try status(failed, "rules:\n- level: Metadata\n  omitStages: [ResponseStarted]\n").status == .blind)
    #expect(try status(failed, "rules:\n- level: Metadata\n  userGroups: [system:unauthenticated]\n").status == .blind)
    #expect(try status(failed, "rules:\n- level: None\n  users: [a]\n- level: Metadata\n").status == .evaluable)
    // A cluster-scoped object has no namespace, whatever namespaces the policy names.
    let role = "ka.target.resource = clusterroles and ka.verb = create"
    let named = "rules:\n- level: Metadata\n  namespaces: [kube-system]\n- level: None\n"
    #expect(try status(role, named).status == .blind)
    // Subresources take other verbs than one another.
    let update = "ka.target.resource = pods and ka.verb = update"
    let hidden =
      "rules:\n- level: None\n  resources: [{group: \"\", resources: [\"pods/status\"]}]\n- level: Metadata\n"
    #expect(try status(update, hidden).status == .partlyBlind)
    let noisy = try status(
      "ka.target.resource = ingresses and ka.verb = create and not jevt.value[/requestObject/spec/tls] exists",
      "rules:\n- level: Metadata\n")
    #expect(noisy.status == .noisy)
    #expect(noisy.mending.last == "      resources: [ingresses]")
  }
}
