/// An event as the API server writes it, with parts to replace.
struct SampleEvent {
  var level = "Metadata"
  var id = "id-1"
  var stage = "ResponseComplete"
  var uri = "/api/v1/namespaces/shop/secrets/db?limit=5\\u0026watch=true"
  var verb = "get"
  var user = #"{"username":"ann","uid":"1","groups":["g","h"],"extra":{"k":["v","w"]}}"#
  var more = ""
  var sourceIPs = #"["1.1.1.1","2.2.2.2"]"#
  var reference = #","objectRef":{"resource":"secrets","namespace":"shop","name":"db","apiVersion":"v1"}"#
  var status = #","responseStatus":{"metadata":{},"code":200}"#
  var bodies = ""
  var annotations = #","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"\"r\""}"#

  /// One line, no line feed.
  var json: String {
    """
    {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\(level)","auditID":"\(id)","stage":"\(stage)",\
    "requestURI":"\(uri)","verb":"\(verb)","user":\(user)\(more),"sourceIPs":\(sourceIPs),"userAgent":"agent/1"\
    \(reference)\(status)\(bodies),"requestReceivedTimestamp":"2026-01-05T08:00:00.000001Z",\
    "stageTimestamp":"2026-01-05T08:00:01.500000Z"\(annotations)}
    """
  }

  /// The same inside a JSON string.
  var quoted: String { quote(json) }
}

/// `text` as a JSON string.
func quote(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out + "\""
}
