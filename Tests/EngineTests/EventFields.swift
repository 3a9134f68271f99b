import Diagnostics

/// One audit event in plain values, and its text in the shapes that a log may have. Strings are JSON's inside.
struct EventFields {
  let serial: Int
  var stage = "ResponseComplete"
  var user = "alice"
  var verb = "get"
  var code = 200
  var resource = "pods"
  var address = "192.0.2.1"
  var hasBody = false
  var time: Microseconds = AuditText.now

  init(serial: Int) { self.serial = serial }

  /// One request is counted at its end, or where a failed authentication has nothing else (DESIGN.md, "Request").
  var outcome: Outcome {
    let counts = stage == "ResponseComplete" || stage == "ResponseStarted" && user.isEmpty && code >= 400
    return counts ? Outcome(counted: 1) : Outcome(notARequest: 1)
  }

  private var timestamp: String { Timestamp.text(time).dropLast() + "789Z" }

  private var members: [(key: String, value: String)] {
    var members = [
      ("level", hasBody ? "\"RequestResponse\"" : "\"Metadata\""), ("auditID", "\"id-\(serial)\""),
      ("stage", "\"\(stage)\""), ("requestURI", "\"/api/v1/\(resource)?n=\(serial)\""), ("verb", "\"\(verb)\""),
      ("user", user.isEmpty ? "{}" : "{\"username\":\"\(user)\",\"groups\":[\"g\"]}"),
      ("sourceIPs", "[\"\(address)\"]"), ("userAgent", "\"kubectl\""),
      ("objectRef", "{\"resource\":\"\(resource)\",\"namespace\":\"default\",\"apiVersion\":\"v1\"}"),
    ]
    if stage != "RequestReceived" { members.append(("responseStatus", "{\"metadata\":{},\"code\":\(code)}")) }
    if hasBody { members.append(("requestObject", "{\"a\":[1,{\"b\":\"}\\\"{\"}]}")) }
    members.append(("requestReceivedTimestamp", "\"\(timestamp)\""))
    members.append(("stageTimestamp", "\"\(timestamp)\""))
    members.append(("annotations", "{\"authorization.k8s.io/decision\":\"\(code == 403 ? "forbid" : "allow")\"}"))
    return members
  }

  private static let head = [("kind", "\"Event\""), ("apiVersion", "\"audit.k8s.io/v1\"")]

  /// As the API server writes it.
  var ordered: String { "{" + Self.joined(Self.head + members, ":", ",") + "}" }
  /// The same fields backwards.
  var reordered: String { "{ " + Self.joined((Self.head + members).reversed(), " : ", " ,\t") + " }" }
  /// Over many lines.
  var printed: String { "{\n  " + Self.joined(Self.head + members, ": ", ",\n  ") + "\n}" }
  /// As an item of a list.
  var item: String { "{" + Self.joined(members, ":", ",") + "}" }

  private static func joined(_ members: [(String, String)], _ colon: String, _ comma: String) -> String {
    members.map { "\"\($0.0)\"\(colon)\($0.1)" }.joined(separator: comma)
  }
}
