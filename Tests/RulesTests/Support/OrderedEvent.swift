import TestSupport

/// Events whose fields stand where the API server writes them, so that the decoder reads them by their order, with bodies that
/// no API server writes: repeated and escaped keys, keys of an event inside, either body missing, first or of another kind.
struct OrderedEvent {
  var random: RandomEvent

  init(seed: UInt64) { random = RandomEvent(seed: seed) }

  static let users = ["alice", "bob", "system:node:n1", "system:serviceaccount:kube-system:x", "a/b", "ä", ""]
  static let texts = [
    "x", "the password", "pass\\u0077ord", "aws_access_key_id=1", "\\u003cpassword\\u003e", "\\u0026assword",
    "\\npassphrase",
    "\\\\u0070assword", "\\/password", "\\u0008password", "password", "\\u000aws_access_key_id", "passwor",
    "\\u00e9password",
    "passpasswordphrase", "\\\"password\\\"", "\\\\\\u0061ws_access_key_id", "",
  ]

  private mutating func metadata() -> String {
    let decoys = [
      #""requestObject":{"data":{"a":"password"}}"#, #""request\u004fbject":{"data":{"a":"password"}}"#,
      #""annotations":{"authorization.k8s.io/reason":"alice"}"#, #""x":",\"requestObject\":{}""#,
    ]
    return random.chance(20) ? "{" + random.pick(decoys) + "}" : #"{"name":"n"}"#
  }

  private mutating func configMap() -> String {
    var members: [String] = []
    for at in 0..<random.pick([0, 1, 2, 5]) {
      let key = random.pick(["k\(at)", "password", "a"])
      members.append("\"\(key)\":\"\(random.pick(Self.texts))\(random.pick(Self.texts))\"")
    }
    let separator = random.pick([",", ",", " , ", ",\t"])
    let data =
      random.chance(8)
      ? random.pick(["null", "[\"password\"]", "\"password\"", "7"])
      : "{" + members.joined(separator: separator) + "}"
    var parts = ["\"kind\":\"ConfigMap\"", "\"metadata\":" + metadata(), "\"data\":" + data]
    if random.chance(10) { parts.append("\"data\":{\"a\":\"b\"}") }
    if random.chance(20) { parts.shuffle(using: &random.random) }
    return "{" + parts.joined(separator: separator) + "}"
  }

  private mutating func anyBody() -> String {
    if random.chance(8) { return random.pick(["null", "7", "[]", "{}", "\"x\"", "[{\"spec\":{}}]"]) }
    return random.chance(50) ? configMap() : random.body()
  }

  /// The bodies with their keys and the commas before them.
  private mutating func bodies() -> String {
    let request = ",\"requestObject\":" + anyBody()
    let response = ",\"responseObject\":" + anyBody()
    switch random.pick(Array(0..<20)) {
    case 0..<4: return ""
    case 4..<9: return request
    case 9..<15: return request + response
    case 15: return response
    case 16: return request + request.replacing("alice", with: "bob") + response
    case 17: return response + request
    case 18: return request + response + ",\"requestObject\":" + anyBody()
    default: return request + response + ",\"request\\u004fbject\":" + anyBody()
    }
  }

  private mutating func word() -> String { random.pick(RandomEvent.words.filter { $0 != "" }) }

  /// One event on one line.
  mutating func next(user: String? = nil) -> String {
    var text = #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":""#
    text += #"0a1b2c3d-0000-4000-8000-00000000000a","stage":""#
    text += random.pick(["ResponseComplete", "ResponseComplete", "ResponseStarted", "RequestReceived"])
    text +=
      #"","requestURI":"\#(random.pick(["/api/v1/pods", "/healthz", "/api/v1/x?command=sh&command=-c"]))","verb":""#
    text += random.pick(["get", "list", "create", "delete", "patch", "brew"]) + #"","user":{"username":""#
    text += user ?? random.pick(Self.users)
    text += "\""
    if random.chance(70) { text += #","groups":["\#(word())","system:authenticated"]"# }
    text += "}"
    if random.chance(80) { text += #","sourceIPs":["10.0.0.1","\#(word())"]"# }
    if random.chance(80) { text += #","userAgent":"\#(word())""# }
    text += #","objectRef":{"resource":"\#(random.pick(["pods", "configmaps", "secrets", "roles"]))""#
    if random.chance(70) { text += #","namespace":"\#(word())""# }
    if random.chance(70) { text += #","name":"\#(word())""# }
    text += #","apiVersion":"v1""#
    if random.chance(30) { text += #","subresource":"\#(random.pick(["exec", "status"]))""# }
    text += #"},"responseStatus":{"metadata":{},"code":\#(random.pick([200, 201, 403, 404]))}"#
    text += bodies()
    text += #","requestReceivedTimestamp":"2026-01-02T03:04:05.678901Z","stageTimestamp":"2026-01-02T03:04:05.678901Z""#
    text += #","annotations":{"authorization.k8s.io/decision":"\#(random.pick(["allow", "forbid", "maybe"]))""#
    if random.chance(70) { text += #","authorization.k8s.io/reason":"\#(word())""# }
    if random.chance(30) { text += #","cluster_name":"{\"annotations\":{\"""# }
    return text + "}}"
  }
}
