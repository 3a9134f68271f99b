import AuditEvents
import Counting
import Crypto
import Diagnostics
import Engine
import Metrics
import TestSupport

/// An hour of three clusters, told to the real engine: what the page is drawn from.
struct PageStory: ~Copyable {
  struct Event {
    var user = "system:kube-scheduler"
    var address = "10.0.0.4"
    var code = 200
    var decision = "allow"
    var verb = "get"
    var resource = "pods"
    var group = ""
    var namespace = "default"
    var name = "a"
  }

  static let now: Microseconds = 1_772_337_906_000_000
  static let inputs = ["file", "webhook", "stdin"]

  var engine: Engine
  /// Lines by cluster and minute before now.
  private var lines: [String: [Int: [String]]] = [:]
  private let lag: [String: Int]

  /// - Parameter lag: minutes by which a cluster's events are late.
  init(expected: [String] = [], lag: [String: Int] = [:]) {
    var counting = CountingSettings()
    counting.inputs = Self.inputs
    var settings = EngineSettings(counting: counting)
    settings.expectedClusters = expected
    engine = Engine(settings, key: SipKey(1, 2))
    self.lag = lag
  }

  /// Adds `count` events spread evenly over a minute, `ago` minutes before now, in the order of time that `tell` gives.
  mutating func add(_ cluster: String, ago: Int, times count: Int = 1, _ event: Event) {
    for at in 0..<count {
      let time = Self.now - Microseconds(ago) * 60_000_000 + Microseconds(at) * 59_000_000 / Microseconds(count)
      lines[cluster, default: [:]][ago, default: []].append(Self.line(event, time: time))
    }
  }

  static func line(_ event: Event, time: Microseconds) -> String {
    let user = event.user.isEmpty ? "{}" : "{\"username\":\(quoted(event.user)),\"groups\":[]}"
    let stage = event.user.isEmpty ? "ResponseStarted" : "ResponseComplete"
    return """
      {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"\(stage)",\
      "requestURI":"/","verb":"\(event.verb)","user":\(user),"sourceIPs":[\(quoted(event.address))],\
      "objectRef":{"resource":"\(event.resource)","namespace":"\(event.namespace)","name":"\(event.name)",\
      "apiGroup":"\(event.group)"},"responseStatus":{"code":\(event.code)},\
      "requestReceivedTimestamp":"\(Timestamp.text(time))","stageTimestamp":"\(Timestamp.text(time))",\
      "annotations":{"authorization.k8s.io/decision":"\(event.decision)"}}

      """
  }

  /// A JSON string; every character that could end it is escaped.
  private static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
        ? "\\u" + String(0x1_0000 + scalar.value, radix: 16).dropFirst() : String(scalar)
    }
    return "\"\(escaped.joined())\""
  }

  /// Hands everything in, minute by minute as it arrives, and reads.
  mutating func tell() -> Readings {
    for minute in stride(from: 90, through: 0, by: -1) {
      for (stream, cluster) in lines.keys.sorted().enumerated() {
        let late = lag[cluster] ?? 0
        guard let text = lines[cluster]?[minute + late]?.joined() else { continue }
        engine.count(
          Batch(
            input: cluster == "prod-us" ? 1 : 0, cluster: cluster,
            arrival: Self.now - Microseconds(max(0, minute - 1)) * 60_000_000 - 1_000_000 * (minute == 0 ? 0 : 1),
            shape: .stream(id: UInt64(stream)), bytes: ByteBuffer(text.utf8), reservedBytes: 0,
            sourceBytes: text.utf8.count))
      }
    }
    return engine.readings(at: Self.now, withTrends: true)
  }
}

extension PageStory {
  /// A quiet hour that goes wrong in its last minutes.
  static func busy() -> Readings {
    var story = PageStory(expected: ["dr-silent"], lag: ["staging": 11])
    var random = SplitMix64(seed: 7)
    for ago in 1...75 {
      for (cluster, requests) in [("prod-eu", 60), ("prod-us", 44), ("staging", 6)] {
        story.add(cluster, ago: ago, times: requests + random.pick(-6...9), Event())
      }
      story.add("prod-us", ago: ago, times: ago < 7 ? 9 : random.oneIn(4) ? 1 : 0, Event(code: 503))
      story.add("prod-eu", ago: ago, times: random.pick(0...2), Event(user: "", address: "203.0.113.9", code: 401))
      if random.oneIn(3) { story.controllers(ago: ago, &random) }
    }
    story.spike()
    story.guessing(&random)
    story.changing()
    return story.tell()
  }

  private mutating func controllers(ago: Int, _ random: inout SplitMix64) {
    let controller = "system:serviceaccount:kube-system:generic-garbage-collector"
    add("prod-eu", ago: ago, times: random.pick(1...3), Event(user: controller, verb: "delete", resource: "secrets"))
    add(
      "prod-us", ago: ago, times: 2, Event(user: "system:kube-scheduler", code: 201, verb: "create", resource: "pods"))
    add("prod-us", ago: ago, Event(user: controller, verb: "list", resource: "secrets"))
    let quota = Event(
      user: "argocd-application-controller", address: "10.40.0.8", code: 403, verb: "create", resource: "pods")
    add("prod-us", ago: ago, times: random.pick(1...2), quota)
    let forbidden = Event(
      user: "alice@example.org", address: "198.51.100.24", code: 403, decision: "forbid", verb: "list")
    add("prod-eu", ago: ago, forbidden)
  }

  private mutating func spike() {
    let refused = Event(
      user: "system:serviceaccount:payments:ledger-reconciler", address: "10.12.4.77", code: 403, decision: "forbid",
      verb: "list", resource: "secrets", namespace: "payments")
    for (ago, count) in [(5, 40), (4, 210), (3, 388), (2, 371), (1, 195)] {
      add("prod-eu", ago: ago, times: count, refused)
    }
  }

  private mutating func guessing(_ random: inout SplitMix64) {
    for at in 0..<26 {
      let guess = Event(user: "dev-\(at)", address: "198.51.100.200", code: 403, decision: "forbid", verb: "list")
      add("prod-us", ago: 9 - at / 4, guess)
    }
    for ago in 20..<26 {
      let anonymous = Event(
        user: "system:anonymous", address: "2001:db8:85a3::8a2e:370:7334", code: 403, decision: "forbid")
      add("prod-us", ago: ago, times: 4, anonymous)
    }
    let role =
      "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_DeveloperAccess_0123456789abcdef/bob.the.builder@example.org"
    add("prod-eu", ago: 31, times: 22, Event(user: role, address: "198.51.100.24", code: 403, decision: "forbid"))
    add(
      "staging", ago: 14, times: 4,
      Event(user: "خالد@example.org", address: "198.51.100.7", code: 403, decision: "forbid"))
  }

  private mutating func changing() {
    let rbac = "rbac.authorization.k8s.io"
    add(
      "prod-eu", ago: 3,
      Event(
        user: "alice@example.org", code: 201, verb: "create", resource: "clusterrolebindings", group: rbac,
        name: "debug-admin"))
    add(
      "prod-us", ago: 12, times: 2,
      Event(user: "dev-3", code: 403, decision: "forbid", verb: "delete", resource: "roles", group: rbac))
    let sync = Event(
      user: "system:serviceaccount:argocd:argocd-application-controller", verb: "patch", resource: "rolebindings",
      group: rbac)
    for ago in [8, 38, 68] { add("staging", ago: ago + 11, times: 3, sync) }
    add(
      "prod-us", ago: 7,
      Event(
        user: "platform-admin", verb: "update", resource: "configmaps", namespace: "kube-system", name: "aws-auth"))
    add(
      "prod-eu", ago: 40,
      Event(
        user: "cert-manager", verb: "patch", resource: "validatingwebhookconfigurations",
        group: "admissionregistration.k8s.io"))
  }
}
