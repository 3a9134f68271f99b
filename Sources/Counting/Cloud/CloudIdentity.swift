internal import AuditEvents
internal import Metrics

/// Who called an AWS API, as one name for all sessions of a role.
///
/// - Rule: of an assumed role, the role's ARN (its session issuer's, or the one that the session's ARN tells); else the ARN;
///   else the name of the user, the service that called, the principal's ID, the account: whichever comes first.
/// - Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element".
enum CloudIdentity {
  struct Principal {
    let name: String
    /// A service of AWS, not anybody who could be hidden.
    let isService: Bool
  }

  /// Nil when the record does not say.
  static func principal(_ identity: JSONValue?) -> Principal? {
    guard let identity else { return nil }
    if identity.content("type") == "AssumedRole",
      let issuer = identity.object("sessionContext")?.object("sessionIssuer")?.content("arn")
    {
      return Principal(name: issuer, isService: false)
    }
    if let arn = identity.content("arn") { return Principal(name: role(ofSession: arn) ?? arn, isService: false) }
    if let name = identity.content("userName") { return Principal(name: name, isService: false) }
    if let service = identity.content("invokedBy") { return Principal(name: service, isService: true) }
    for key in ["principalId", "accountId"] {
      if let name = identity.content(key) { return Principal(name: name, isService: false) }
    }
    return nil
  }

  /// `arn:aws:iam::123456789012:role/admin` of `arn:aws:sts::123456789012:assumed-role/admin/session`; nil for any other.
  private static func role(ofSession arn: String) -> String? {
    let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 6, parts[2] == "sts" else { return nil }
    let names = parts[5].split(separator: "/", omittingEmptySubsequences: false)
    guard names.count >= 3, names[0] == "assumed-role" else { return nil }
    return "\(parts[0]):\(parts[1]):iam::\(parts[4]):role/\(names[1])"
  }

  /// The service account that has assumed a role by a token of its cluster (IRSA): `system:serviceaccount:<namespace>:<name>`.
  /// Nil when somebody else has.
  static func serviceAccount(_ record: borrowing CloudTrailRecord) -> String? {
    let subject =
      record.responseElements?.content("subjectFromWebIdentityToken") ?? record.identity?.content("userName")
    return subject.flatMap { $0.hasPrefix("system:serviceaccount:") ? $0 : nil }
  }
}

extension JSONValue {
  /// The content of a member that is a string, escapes undone and UTF-8 repaired; nil when it is none, or empty.
  func content(_ name: String) -> String? {
    guard let value = member(name.utf8Span.span), value.kind == .string else { return nil }
    return value.content
  }

  /// The same of this value.
  var content: String? {
    let text = text
    guard kind == .string, !text.isEmpty else { return nil }
    var bytes: [UInt8] = []
    LabelValue.appendContent(of: text, part: 0..<text.count, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A member that is an object.
  func object(_ name: String) -> JSONValue? {
    member(name.utf8Span.span).flatMap { $0.kind == .object ? $0 : nil }
  }

  /// The elements of a member that is a list.
  func list(_ name: String) -> [JSONValue] {
    guard let list = member(name.utf8Span.span), list.kind == .array else { return [] }
    var elements = list.elements()
    var all: [JSONValue] = []
    while all.count < 256, let element = elements.next() { all.append(element) }
    return all
  }

  /// A member that is a number, not negative; nil when it is none.
  func number(_ name: String) -> Double? {
    guard let value = member(name.utf8Span.span), value.kind == .number, value.text.count <= 64,
      let number = Double(value.text.description), number.isFinite, number >= 0
    else { return nil }
    return number
  }
}
