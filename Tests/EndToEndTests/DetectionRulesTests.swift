import TestSupport
import Testing

/// The rules of `rules/`, each with an event that fires it and one that nearly does (`Tests/Detections`), through the real
/// program.
@Suite struct DetectionRulesTests {
  static let rules = Files.beside("../../rules/detections.yaml")
  /// Fills the lists of the rules that are off without.
  static let tuning = Files.beside("../Detections/tuning.yaml")

  /// A rule as `rules list` tells it.
  struct Rule: Sendable {
    let name: String
    let priority: String
    let isEnabled: Bool
    /// One that a single event does not tell: `WindowedRulesTests` has its events.
    let isWindowed: Bool
    let tags: [String]

    var entry: String { tags.first { $0.hasPrefix("kae-") } ?? "" }
    var technique: String { tags.first { $0.hasPrefix("T1") } ?? "" }
    var level: String { (tags.first { $0.hasPrefix("level:") } ?? "").replacing("level:", with: "") }

    static func all() throws -> [Rule] {
      let outcome = try Program.run(["rules", "list", "--format", "json", DetectionRulesTests.rules])
      return try (JSON.parse(outcome.output)["rules"]?.array ?? []).map { rule in
        Rule(
          name: rule["name"]?.string ?? "", priority: rule["priority"]?.string ?? "",
          isEnabled: rule["enabled"]?.bool ?? false, isWindowed: rule["window"] != nil,
          tags: (rule["tags"]?.array ?? []).compactMap(\.string))
      }
    }
  }

  /// What the two events of a rule must fire: lines of the same number in the two files.
  struct Case {
    let rule: String
    /// Its event's line, and what else fires for it.
    let fires: String
    let also: [String]
    /// The event that differs in one thing, and what fires for it instead.
    let nearly: String
    let instead: [String]

    static func all() throws -> [Case] {
      let folder = Files.beside("../Detections/")
      let expected = try JSON.parse(Files.read(folder + "EXPECTED.json")).array ?? []
      func lines(_ name: String) throws -> [String] {
        String(decoding: try Files.read(folder + name), as: UTF8.self).split(separator: "\n").map { String($0) }
      }
      let (fires, nearly) = (try lines("fires.jsonl"), try lines("nearly.jsonl"))
      try #require(fires.count == expected.count && nearly.count == expected.count)
      return expected.indices.map { at in
        func names(_ key: String) -> [String] { (expected[at][key]?.array ?? []).compactMap(\.string) }
        return Case(
          rule: expected[at]["rule"]?.string ?? "", fires: fires[at], also: names("also"), nearly: nearly[at],
          instead: names("instead"))
      }
    }
  }

  /// The rules that match each event, sorted, windowed ones left out; events are told apart by their times.
  static func matches(_ events: [String], _ options: [String] = [tuning]) throws -> [[String]] {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(events.map { $0 + "\n" }.joined().utf8), to: folder + "/events.jsonl")
      let outcome = try Program.run(
        ["rules", "test", rules] + options + ["--events", folder + "/events.jsonl", "--format", "json"])
      #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
      let windowed = Set(try Rule.all().filter(\.isWindowed).map(\.name))
      var found: [String: [String]] = [:]
      for line in outcome.outputText.split(separator: "\n") {
        let match = try JSON.parse(String(line))
        guard let rule = match["rule"]?.string, !windowed.contains(rule) else { continue }
        found[String((match["time"]?.string ?? "").prefix(19)), default: []].append(rule)
      }
      let times = events.map(time)
      try #require(Set(times).count == times.count, "two events have the same time")
      return times.map { found[$0, default: []].sorted() }
    }
  }

  /// To the second.
  private static func time(_ event: String) -> String {
    let key = "\"stageTimestamp\":\""
    guard let at = event.firstRange(of: key) else { return "" }
    return String(event[at.upperBound...].prefix(19))
  }

  // MARK: - Events

  @Test func everyRuleHasAnEventThatFiresItAndOneThatNearlyDoes() throws {
    let cases = try Case.all()
    #expect(cases.map(\.rule) == (try Rule.all().filter { !$0.isWindowed }.map(\.name)))
    #expect(cases.count >= 80)
    let fired = try Self.matches(cases.map(\.fires))
    let nearly = try Self.matches(cases.map(\.nearly))
    for (at, test) in cases.enumerated() {
      #expect(fired[at] == (test.also + [test.rule]).sorted(), "\(test.rule)")
      #expect(nearly[at] == test.instead && !test.instead.contains(test.rule), "nearly \(test.rule)")
    }
  }

  /// What a rule's tag says it needs is enough, and less is not.
  @Test func levelsAreTrue() throws {
    let levels = Dictionary(uniqueKeysWithValues: try Rule.all().map { ($0.name, $0.level) })
    let cases = try Case.all()
    for test in cases {
      #expect(test.fires.contains("\"level\":\"\(levels[test.rule] ?? "")\""), "\(test.rule)")
      #expect(test.fires.contains("requestObject") == (levels[test.rule] == "Request"), "\(test.rule)")
      #expect(!test.fires.contains("responseObject"), "\(test.rule)")
    }
    // Of an event of level Metadata, no rule that needs more says anything: none is blind and loud.
    let cut = (cases.map(\.fires) + cases.map(\.nearly)).map(Self.cutToMetadata)
    let matches = try Self.matches(cut)
    for found in matches { #expect(found.allSatisfy { levels[$0] == "Metadata" }, "\(found)") }
    for (test, found) in zip(cases, matches) {
      #expect(found.contains(test.rule) == (levels[test.rule] == "Metadata"), "\(test.rule)")
    }
  }

  /// The body stands before the times, as the API server writes it.
  private static func cutToMetadata(_ event: String) -> String {
    guard let start = event.firstRange(of: ",\"requestObject\":"),
      let end = event.firstRange(of: ",\"requestReceivedTimestamp\":")
    else { return event }
    return (String(event[..<start.lowerBound]) + String(event[end.lowerBound...])).replacing(
      "\"level\":\"Request\"", with: "\"level\":\"Metadata\"")
  }

  /// All events that a request may have, and each rule counts once for it.
  @Test func eachRequestCountsOnce() throws {
    let cases = try Case.all()
    let stages = ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    let log = cases.flatMap { test in
      stages.map { stage in
        let event = stages.reduce(test.fires) {
          $0.replacing("\"stage\":\"\($1)\"", with: "\"stage\":\"\(stage)\"")
        }
        guard stage == "RequestReceived", let status = event.firstRange(of: ",\"responseStatus\":"),
          let times = event.firstRange(of: ",\"requestReceivedTimestamp\":")
        else { return event }
        return String(event[..<status.lowerBound]) + String(event[times.lowerBound...])
      }
    }
    let input = Array(log.map { $0 + "\n" }.joined().utf8)
    let page = try Program.replay(["-"], input: input, options: ["--rules", Self.rules, "--rules", Self.tuning])
    var wanted: [String: Int] = [:]
    for test in cases { for rule in test.also + [test.rule] { wanted[rule, default: 0] += 1 } }
    for (rule, count) in wanted {
      #expect(page.sum("kube_audit_detections_total", ["rule": rule]) == count, "\(rule)")
    }
  }

  @Test func whatIsOffWithoutAListIsQuietUntilItIsFilled() throws {
    let off = Set(try Rule.all().filter { !$0.isEnabled }.map(\.name))
    #expect(!off.isEmpty)
    let cases = try Case.all()
    let matches = try Self.matches(cases.map(\.fires), [])
    for (test, found) in zip(cases, matches) {
      #expect(found == ([test.rule] + test.also).filter { !off.contains($0) }.sorted(), "\(test.rule)")
    }
  }

  // MARK: - Shapes

  /// The event at another second, which is the number.
  private func timed(_ event: String, _ number: Int) -> String {
    let (hour, minute, second) = (10 + number / 2500, 10 + number / 50 % 50, 10 + number % 50)
    return event.replacing(
      "\"stageTimestamp\":\"\(Self.time(event))", with: "\"stageTimestamp\":\"2026-01-06T\(hour):\(minute):\(second)")
  }

  /// Whether a rule's event still fires it with something in the place of something else.
  private func matches(_ rule: String, _ part: String, _ others: [String]) throws -> [Bool] {
    let test = try #require(try Case.all().first { $0.rule == rule })
    #expect(test.fires.contains(part), "\(part)")
    let events = others.enumerated().map { timed(test.fires.replacing(part, with: $1), $0) }
    return try Self.matches(events).map { $0.contains(rule) }
  }

  @Test(arguments: [
    ("sensitive-host-path", "/etc/kubernetes/pki"), ("dangerous-pod-template", "/var/run/docker.sock"),
  ])
  func pathsOfNodesAreToldApart(_ rule: String, _ path: String) throws {
    let sensitive = [
      "/", "/etc", "/etc/", "//etc", "/./etc", "/proc/1", "/root", "/run/containerd", "/var/run/docker.sock",
      "/var/lib/kubelet/pods", "/home/me", "/dev/sda", "/usr/bin",
    ]
    let harmless = ["/data", "/data/etc", "/var/log", "/mnt", "/opt/etc", "/var/lib/mine", "/usr/share"]
    func quoted(_ path: String) -> String { "\"path\":\"\(path)\"" }
    let found = try matches(rule, quoted(path), (sensitive + harmless).map(quoted))
    #expect(found == sensitive.map { _ in true } + harmless.map { _ in false })
  }

  @Test func templatesAreReadWhole() throws {
    let volume = "\"hostPath\":{\"path\":\"/var/run/docker.sock\",\"type\":\"\"}"
    let scratch = "\"emptyDir\":{}"
    let dangerous = [
      "\"hostPath\":{\"type\":\"\",\"path\":\"/var/run/docker.sock\"}",
      "\(scratch)}],\"hostPID\":true,\"hostAliases\":[{\"ip\":\"10.0.0.1\"",
      "\(scratch)}],\"hostNetwork\":true,\"hostAliases\":[{\"ip\":\"10.0.0.1\"",
    ]
    let harmless = [
      scratch, "\(scratch)}],\"hostPID\":false,\"hostAliases\":[{\"ip\":\"10.0.0.1\"",
      "\"configMap\":{\"name\":\"\\\"hostPID\\\":true\"}",
    ]
    #expect(
      try matches("dangerous-pod-template", volume, dangerous + harmless) == [true, true, true, false, false, false])
    // With the dangerous volume gone, what a container may.
    let pod = "\"containers\":[{\"name\":\"main\","
    let contexts =
      ["\"privileged\":true", "\"privileged\":false"]
      + [
        "\"capabilities\":{\"add\":[\"CHOWN\",\"SYS_ADMIN\"]}",
        "\"capabilities\":{\"add\":[\"CHOWN\"],\"drop\":[\"ALL\"]}",
      ]
    let test = try #require(try Case.all().first { $0.rule == "dangerous-pod-template" })
    let events = contexts.enumerated().map { number, context in
      timed(
        test.fires.replacing(volume, with: scratch)
          .replacing(pod, with: "\(pod)\"securityContext\":{\(context)},"), number)
    }
    #expect(try Self.matches(events).map { $0.contains(test.rule) } == [true, false, true, false])
  }

  /// A name stands in a certificate request at any place, so in any of the three ways of base64.
  @Test func namesInCertificateRequestsAreFoundAtAnyPlace() throws {
    let names = ["system:masters", "system:kube-scheduler", "system:node:worker-1", "system:nodes", "system:admin"]
    let harmless = ["system:mistress", "developers", "system:authenticated", "kube-scheduler", "masters:system"]
    let test = try #require(try Case.all().first { $0.rule == "certificate-for-privileged-identity" })
    let start = try #require(test.fires.firstRange(of: "\"request\":\"")).upperBound
    let length = try #require(test.fires[start...].firstIndex(of: "\""))
    var events: [String] = []
    var wanted: [Bool] = []
    for before in 0..<51 {
      for name in before % 3 == 0 ? names + harmless : names {
        let content =
          [UInt8](repeating: 0x30, count: before) + Array("\u{13}\u{0E}".utf8) + Array(name.utf8) + [0x30, 0]
        let pem =
          "-----BEGIN CERTIFICATE REQUEST-----\n" + lines(base64(content)) + "-----END CERTIFICATE REQUEST-----\n"
        let request = test.fires.replacing(String(test.fires[start..<length]), with: base64(Array(pem.utf8)))
        events.append(timed(request, events.count))
        wanted.append(names.contains(name))
      }
    }
    #expect(try Self.matches(events).map { $0.contains(test.rule) } == wanted)
  }

  private func base64(_ bytes: [UInt8]) -> String {
    let signs = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    return stride(from: 0, to: bytes.count, by: 3).map { at in
      let part = bytes[at..<min(at + 3, bytes.count)]
      let bits = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
      let text = [18, 12, 6, 0].map { String(signs[bits >> $0 & 63]) }.prefix(part.count + 1).joined()
      return text + String(repeating: "=", count: 3 - part.count)
    }.joined()
  }

  /// Of 64 signs, as PEM has them.
  private func lines(_ text: String) -> String {
    let signs = Array(text)
    return stride(from: 0, to: signs.count, by: 64).map { String(signs[$0..<min($0 + 64, signs.count)]) + "\n" }
      .joined()
  }

  // MARK: - Ordinary traffic

  /// What a cluster's own components do fires nothing that makes a ticket; what people and workloads do is told.
  @Test(arguments: [("metadata", 11, 3000), ("mixed", 12, 1200)])
  func theClustersOwnTrafficIsQuiet(_ profile: String, _ seed: Int, _ count: Int) throws {
    let log = try GeneratedLog(events: count, profile: profile, seed: seed)
    try Files.withTemporaryFolder { folder in
      // What `rules test` takes at once.
      let lines = log.lines.reduce(into: [UInt8]()) { if $0.count + $1.count < 4_000_000 { $0 += $1 + [0x0A] } }
      try Files.write(lines, to: folder + "/log")
      let outcome = try Program.run(["rules", "test", Self.rules, "--events", folder + "/log", "--format", "json"])
      var others = 0
      for line in outcome.outputText.split(separator: "\n") {
        let match = try JSON.parse(String(line))
        guard !["notice", "informational"].contains(match["priority"]?.string) else { continue }
        let output = match["output"]?.string ?? ""
        let isComponent = ["system:node:", "system:kube-", "system:apiserver", "system:serviceaccount:kube-system:"]
          .contains(where: output.hasPrefix)
        #expect(!isComponent, "\(line)")
        others += isComponent ? 0 : 1
      }
      #expect(others > 5)
    }
  }

  /// Of the events of others, all that make a ticket or a page: what they were published to show, and one that their
  /// publisher leaves out, a pod that Google's robot makes, whose name there is none of Google's.
  @Test func corporaFireWhatTheyAreAbout() throws {
    let find = ["find", Files.beside("../Corpora"), "-name", "*.json", "-o", "-name", "*.log"]
    let files = try Process.run(find).outputText.split(separator: "\n").map { String($0) }.filter {
      !$0.hasSuffix("EXPECTED.json") && !$0.hasSuffix("falco_tests.json")
    }
    let page = try Program.replay(files.sorted(), options: ["--rules", Self.rules])
    var found: [String: Int] = [:]
    for sample in page.samples("kube_audit_detections_total") where sample.value > 0 {
      guard !["notice", "informational"].contains(sample.labels["priority"] ?? "") else { continue }
      found[sample.labels["rule"] ?? "", default: 0] += Int(sample.value)
    }
    #expect(found == Self.corpora)
  }

  private static let corpora = [
    "access": ["exec-or-attach": 3, "anonymous-request-allowed": 1, "secrets-listed-cluster-wide": 3],
    "permissions": [
      "cluster-admin-bound": 2, "role-with-wildcard": 3, "role-that-can-exec": 1, "role-that-can-reach-kubelets": 1,
      "built-in-role-changed": 3, "certificate-request-changed": 1, "service-account-changed-in-system-namespace": 1,
      "admission-webhook-changed": 1,
    ],
    "workloads": [
      "privileged-container": 4, "host-network-pod": 2, "sensitive-host-path": 2, "dangerous-capability": 1,
      "pod-in-system-namespace": 1, "node-port-service": 1, "collection-deleted": 1,
    ],
  ].values.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
}
