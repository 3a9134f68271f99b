internal import Concurrency
internal import Diagnostics
internal import Transport

/// Gets credentials from where they come from: one round, no cache.
struct CredentialFetcher {
  let session: AWSSession
  /// Whose STS is asked.
  let region: String

  /// A token of Kubernetes has two thousand characters, STS takes 20,000.
  private static let tokenBytesLimit = 20_000

  /// - Errors: the reason of the link that failed; what it says names the place and holds no secret.
  func fetch(_ source: CredentialSource) throws(Failure) -> Credentials {
    switch source {
    case .keys(let credentials, _): return credentials
    case .webIdentity(let identity): return try exchange(identity)
    case .role(let role, let base): return try assume(role, base)
    case .container(let endpoint): return try ask(endpoint)
    case .instance: return try askInstance()
    }
  }

  // MARK: - STS

  private func exchange(_ identity: WebIdentity) throws(Failure) -> Credentials {
    let token = try token(identity.tokenFile, .webIdentity)
    let form = [
      ("RoleArn", identity.roleARN), ("RoleSessionName", identity.sessionName), ("WebIdentityToken", token),
    ]
    return try sts("AssumeRoleWithWebIdentity", form, source: nil, .webIdentity) { code in
      switch code {
      case "AccessDenied", "AccessDeniedException":
        "Let the trust policy of \(identity.roleARN) name this cluster's OIDC provider and this service account"
      case "ExpiredTokenException", "InvalidIdentityToken":
        "Look whether the kubelet renews \(identity.tokenFile), and whether IAM knows the cluster's OIDC provider"
      default: "Look at the role \(identity.roleARN), and whether STS can be reached from here"
      }
    }
  }

  private func assume(_ role: AssumedRole, _ base: CredentialSource) throws(Failure) -> Credentials {
    // Sessions of roles may assume another for an hour at most.
    let isLongLived = if case .keys(let keys, _) = base { keys.sessionToken == nil } else { false }
    var form = [
      ("RoleArn", role.roleARN), ("RoleSessionName", role.sessionName),
      ("DurationSeconds", String(isLongLived ? role.durationSeconds : min(role.durationSeconds, 3600))),
    ]
    if let externalID = role.externalID { form.append(("ExternalId", externalID)) }
    return try sts("AssumeRole", form, source: base, .assumeRole) { code in
      code.hasPrefix("AccessDenied")
        ? "Allow sts:AssumeRole on \(role.roleARN) to the credentials of the link \(base.link.rawValue), and let its trust "
          + "policy name them and the external ID"
        : "Look at the role \(role.roleARN), and whether STS can be reached from here"
    }
  }

  private func sts(
    _ action: String, _ form: [(String, String)], source: CredentialSource?, _ link: CredentialLink,
    remedy: (String) -> String
  ) throws(Failure) -> Credentials {
    let url = AWSService.sts.endpoint(region: region, session.environment) + "/"
    do throws(CallFailure) {
      return try session.form(
        .sts, action, version: "2011-06-15", region: region, source: source, parameters: form
      ) { bytes in
        guard let elements = XMLText.elements(bytes) else { return nil }
        func value(_ name: String) -> String? { elements["\(action)Response/\(action)Result/Credentials/\(name)"] }
        guard let id = value("AccessKeyId"), let key = value("SecretAccessKey"), let token = value("SessionToken"),
          let expiration = value("Expiration").flatMap({ Timestamp.read($0) })
        else { return nil }
        return Credentials(accessKeyID: id, secretKey: key, sessionToken: token, expiration: expiration)
      }
    } catch {
      // The credentials that the call was to be signed with failed: that link is named, not this one.
      if error.code.hasPrefix("credentials_") {
        throw Failure(.init(error.code), error.text, at: place("POST", url), remedy: "")
      }
      throw Failure(
        link.reason, "\(action): \(error.text)", at: place("POST", url), remedy: remedy(error.code))
    }
  }

  // MARK: - Metadata

  private func ask(_ endpoint: ContainerEndpoint) throws(Failure) -> Credentials {
    var request = HTTPRequest("GET", endpoint.url, headers: [Header("Accept", "application/json")])
    switch endpoint.authorization {
    case .none: break
    case .value(let value): request.headers.append(Header("Authorization", value))
    case .file(let path): request.headers.append(Header("Authorization", try token(path, .container)))
    }
    let name = CallName(service: "container", operation: "GetCredentials", region: "")
    let answer = try metadata(request, name, .container, milliseconds: session.containerMilliseconds, attempts: 3) {
      "Look whether the agent that serves \(URLParts(endpoint.url).host) runs on this node, and whether this service "
        + "account or task has a role"
    }
    return try credentials(answer, endpoint.url, .container)
  }

  private func askInstance() throws(Failure) -> Credentials {
    let isIPv6 = session.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
    let usual = isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
    let given = session.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? usual
    let base = given.last == "/" ? String(given.dropLast()) : given
    let remedy =
      "Give the instance a role; in a pod use IRSA or EKS Pod Identity, or raise the metadata's hop limit to 2. Version 1 "
      + "of the metadata is not asked"
    func send(_ request: HTTPRequest, _ operation: String) throws(Failure) -> HTTPAnswer {
      try metadata(
        request, CallName(service: "imds", operation: operation, region: ""), .instance,
        milliseconds: session.instanceMilliseconds, attempts: 2
      ) { remedy }
    }
    let ttl = Header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
    let token = try send(HTTPRequest("PUT", base + "/latest/api/token", headers: [ttl]), "GetToken")
    let key = Header("X-aws-ec2-metadata-token", try line(token, base))
    let list = base + "/latest/meta-data/iam/security-credentials/"
    let role = try line(try send(HTTPRequest("GET", list, headers: [key]), "GetRole"), list)
    let url = list + URLParts.encoded(role)
    return try credentials(try send(HTTPRequest("GET", url, headers: [key]), "GetCredentials"), url, .instance)
  }

  /// The one line of an answer.
  private func line(_ answer: HTTPAnswer, _ url: String) throws(Failure) -> String {
    let text = String(decoding: answer.body, as: UTF8.self)
    let first = text.split(whereSeparator: \.isNewline).first ?? ""
    guard !first.isEmpty, first.utf8.count <= 4096 else {
      throw Failure(
        CredentialLink.instance.reason, "the instance's metadata answers nothing", at: place("GET", url),
        remedy: "Give the instance a role")
    }
    return String(first)
  }

  private func metadata(
    _ request: HTTPRequest, _ name: CallName, _ link: CredentialLink, milliseconds: Int, attempts: Int,
    remedy: () -> String
  ) throws(Failure) -> HTTPAnswer {
    var request = request
    request.limits.connectMilliseconds = milliseconds
    request.limits.wholeMilliseconds = milliseconds
    request.limits.bodyBytes = 64 << 10
    // What the machine itself serves is never behind a proxy.
    request.usesProxy = false
    do throws(CallFailure) {
      return try session.caller.call(name, attempts: attempts) { () throws(CallFailure) -> HTTPRequest in
        request
      } judge: { answer -> Verdict<HTTPAnswer> in
        if answer.status == 200 { return .success(answer) }
        let kind: CallOutcome =
          answer.status >= 500
          ? .serverError : answer.status == 429 ? .throttled : answer.status == 404 ? .refused : .denied
        let failure = CallFailure(kind, "status \(answer.status)")
        return kind == .serverError || kind == .throttled ? .again(kind, failure) : .final(kind, failure)
      }
    } catch {
      throw Failure(
        link.reason, "\(name.operation): \(error.text)", at: place(request.method, request.url), remedy: remedy())
    }
  }

  /// Reads `{"AccessKeyId": …, "SecretAccessKey": …, "Token": …, "Expiration": …}`.
  private func credentials(_ answer: HTTPAnswer, _ url: String, _ link: CredentialLink) throws(Failure) -> Credentials {
    var members: [String: String] = [:]
    do throws(JSONReader.Malformed) {
      members = try JSONReader.read(answer.body) { (reader) throws(JSONReader.Malformed) in
        var members: [String: String] = [:]
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          if ["AccessKeyId", "SecretAccessKey", "Token", "Expiration", "Code"].contains(key) {
            members[key] = try reader.optionalString()
          } else {
            try reader.skip()
          }
        }
        return members
      }
    } catch {}
    if let code = members["Code"], code != "Success" {
      throw Failure(
        link.reason, "the answer says \(SafeText.escaped(code, limitBytes: 100))", at: place("GET", url),
        remedy: "Look at the role that is attached here, and at its trust policy")
    }
    let expiration = members["Expiration"].map { Timestamp.read($0) }
    guard let id = members["AccessKeyId"], let key = members["SecretAccessKey"], expiration != .some(nil) else {
      throw Failure(
        link.reason, "the answer holds no credentials", at: place("GET", url),
        remedy: "Look at what answers at this address")
    }
    return Credentials(
      accessKeyID: id, secretKey: key, sessionToken: members["Token"], expiration: expiration ?? nil)
  }

  // MARK: - Parts

  private func token(_ path: String, _ link: CredentialLink) throws(Failure) -> String {
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try session.environment.file(path) } catch {
      throw Failure(
        link.reason, "the token cannot be read: \(error.text)", at: .path(path),
        remedy: "Look whether the pod's projected volume is mounted and readable to this user")
    }
    guard !bytes.isEmpty, bytes.count <= Self.tokenBytesLimit, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw Failure(
        link.reason, "the file holds no token: \(bytes.count) bytes, all of which should be printable", at: .path(path),
        remedy: "Write the token alone into it, without a line break")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func place(_ method: String, _ url: String) -> Failure.Place {
    let parts = URLParts(url)
    return .request(method: method, host: parts.host, path: parts.path)
  }
}
