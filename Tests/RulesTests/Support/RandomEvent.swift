import TestSupport

/// Events that no cluster writes: every part may be missing, null, of the wrong kind, escaped or empty.
struct RandomEvent {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func pick<T>(_ items: [T]) -> T { items[Int.random(in: items.indices, using: &random)] }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  static let words = [
    "alice", "bob", "system:node:n1", "system:serviceaccount:kube-system:x", "nginx", "a/b", "x y", "ä", "",
    "kube-system",
    "default", "A", "aa", "pods", "secrets", "*",
  ]

  mutating func text() -> String { quoted(pick(Self.words)) }

  /// A JSON string, now and then with escapes that mean the same.
  mutating func quoted(_ word: String) -> String {
    guard chance(15), let first = word.unicodeScalars.first, first.value < 0x80 else { return "\"" + word + "\"" }
    let digits = String(first.value, radix: 16)
    let escape = #"\u"# + String(repeating: "0", count: 4 - digits.count) + digits
    return "\"" + escape + word.unicodeScalars.dropFirst().map(String.init).joined() + "\""
  }

  mutating func list(_ element: (inout RandomEvent) -> String) -> String {
    var elements: [String] = []
    for _ in 0..<Int.random(in: 0...3, using: &random) { elements.append(element(&self)) }
    return "[" + elements.joined(separator: chance(20) ? " , " : ",") + "]"
  }

  /// The members that are there, in any order.
  mutating func object(_ members: [(String, String)], missing: Int = 25) -> String {
    var there: [String] = []
    for (key, value) in members where !chance(missing) {
      there.append("\"\(key)\":" + (chance(6) ? pick(["null", "7", "true", "\"w\"", "[]", "{}"]) : value))
    }
    if chance(20) { there.shuffle(using: &random) }
    return "{" + there.joined(separator: chance(10) ? " , " : ",") + "}"
  }

  private mutating func security() -> String {
    let bool = pick(["true", "false"])
    let number = String(Int.random(in: 0...2000, using: &random))
    let capabilities = object([("add", list { $0.pick([#""SYS_ADMIN""#, #""NET_ADMIN""#]) }), ("drop", "[]")])
    return object(
      [
        ("privileged", bool), ("allowPrivilegeEscalation", bool), ("readOnlyRootFilesystem", bool),
        ("runAsUser", number),
        ("runAsGroup", number), ("procMount", #""Default""#), ("capabilities", capabilities), ("fsGroup", number),
        ("supplementalGroups", list { _ in "11" }),
      ], missing: 40)
  }

  private mutating func container() -> String {
    let image = pick([
      "nginx", "nginx:1.2", "host:5000/a/b:tag", "host:5000/x", "a@sha256:12", "a/b:c@sha256:1:2", "r/x:1:2",
    ])
    let ports = list { $0.object([("hostPort", "80"), ("containerPort", "8080")]) }
    return object(
      [
        ("name", text()), ("image", quoted(image)), ("command", list { $0.text() }), ("args", list { $0.text() }),
        ("ports", ports), ("securityContext", security()),
      ], missing: 12)
  }

  private mutating func volume() -> String {
    let path = pick(["/proc", "/var/run", "/etc/kubernetes", "/"])
    return object([
      ("name", text()), ("hostPath", object([("path", quoted(path))], missing: 5)),
      ("flexVolume", object([("driver", text())])), ("emptyDir", "{}"),
    ])
  }

  mutating func body() -> String {
    let spec = object([
      ("containers", list { $0.container() }), ("initContainers", list { $0.container() }),
      ("ephemeralContainers", list { $0.container() }), ("volumes", list { $0.volume() }),
      ("securityContext", security()), ("hostIPC", "true"), ("hostNetwork", pick(["true", "false"])),
      ("hostPID", "true"),
      ("type", #""NodePort""#), ("ports", list { $0.object([("port", "80")]) }),
    ])
    let rule = "apiGroups nonResourceURLs verbs resources".split(separator: " ")
    let subjects = list {
      let kind = $0.pick([#""User""#, #""Group""#, #""ServiceAccount""#])
      return $0.object([("kind", kind), ("name", $0.text()), ("namespace", $0.text())], missing: 10)
    }
    return object(
      [
        ("spec", spec), ("subjects", subjects), ("roleRef", object([("name", #""cluster-admin""#)])),
        ("rules", list { event in event.object(rule.map { (String($0), event.list { $0.text() }) }) }),
        ("data", object([("password", text()), ("a\\\"b", #""\u0001<&é\\""#)])),
        ("metadata", object([("name", text())])),
      ], missing: 15)
  }

  /// One event on one line.
  mutating func next() -> String {
    let uri = pick([
      "/api/v1/pods?limit=5&watch=true", "/exec?command=sh&command=-c&command=cat+%2Fetc%2Fpasswd&container=x",
      "/x?command=%zz&command=a;b&command=ok", "/", "/a?command", "/?command=&command=1",
    ])
    let reference = object([
      ("resource", pick([#""pods""#, #""secrets""#, #""roles""#, text()])), ("namespace", text()), ("name", text()),
      ("subresource", pick([#""exec""#, #""status""#])),
    ])
    let annotations = object([
      ("authorization.k8s.io/decision", pick([#""allow""#, #""forbid""#, #""maybe""#])),
      ("authorization.k8s.io/reason", text()), ("cluster_name", text()),
      ("authentication.openshift.io/username", text()), ("authentication.openshift.io/decision", text()),
      ("pod-security.kubernetes.io/audit-violations", text()),
      ("validation.policy.admission.k8s.io/validation_failure", text()),
    ])
    let verb = pick(["get", "list", "create", "delete", "patch", "brew"])
    let stage = pick(["ResponseComplete", "ResponseStarted", "RequestReceived", "Panic"])
    var members = [
      ("kind", #""Event""#), ("apiVersion", #""audit.k8s.io/v1""#), ("level", #""RequestResponse""#),
      ("auditID", quoted("id-\(Int.random(in: 0...99, using: &random))")), ("stage", quoted(stage)),
      ("requestURI", quoted(uri)), ("verb", quoted(verb)),
    ].map { "\"\($0.0)\":\($0.1)" }
    let rest = [
      ("user", object([("username", text()), ("groups", list { $0.text() })], missing: 10)),
      ("impersonatedUser", object([("username", text())])), ("sourceIPs", list { _ in #""10.0.0.1""# }),
      ("userAgent", text()), ("objectRef", reference),
      (
        "responseStatus",
        object([("code", String(pick([200, 201, 403, 404, 500]))), ("reason", text())], missing: 10)
      ),
      ("requestObject", body()), ("responseObject", object([("metadata", object([("name", text())]))])),
      ("annotations", annotations),
    ]
    for (key, value) in rest where !chance(15) { members.append("\"\(key)\":" + value) }
    members.append(#""stageTimestamp":"2026-01-02T03:04:05.678901Z""#)
    return "{" + members.joined(separator: ",") + "}"
  }
}
