internal import Concurrency
public import Diagnostics
import Glibc

/// Finds where credentials come from, as the AWS SDKs do: environment, web identity, profile, container, instance.
///
/// The first link that is configured counts. One that is configured and faulty is an error and not passed over: whoever set
/// it up meant it.
/// - Source: docs.aws.amazon.com/sdkref, "Standardized credential providers". Botocore asks an explicit profile before
///   web identity; the other SDKs, and this one, do not.
public struct CredentialChain: Sendable {
  /// Roles that assume one another.
  static let profilesLimit = 8

  private let environment: ProcessEnvironment
  private let profiles: Profiles

  /// Reads the profiles.
  ///
  /// - Errors: reason `credentials_profile`: a file that was named cannot be read, or is none.
  public init(_ environment: ProcessEnvironment) throws(Failure) {
    self.environment = environment
    profiles = try Profiles(environment)
  }

  /// The region that is configured; nil for none.
  public var region: String? {
    environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? profiles[profiles.active]?["region"]
  }

  /// Where credentials come from.
  ///
  /// - Errors: a reason `credentials_…` of the link that is set up wrongly.
  public func source() throws(Failure) -> CredentialSource {
    if let keys = try environmentKeys() { return keys }
    if let role = environment["AWS_ROLE_ARN"], let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] {
      let name = environment["AWS_ROLE_SESSION_NAME"] ?? AssumedRole.defaultSessionName
      return .webIdentity(WebIdentity(roleARN: role, tokenFile: file, sessionName: name))
    }
    if let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] {
      throw CredentialLink.webIdentity.failure(
        "AWS_WEB_IDENTITY_TOKEN_FILE is \(file) and AWS_ROLE_ARN is not set",
        "Annotate the service account with eks.amazonaws.com/role-arn, and start the pod anew")
    }
    if let source = try profile(profiles.active, asked: environment["AWS_PROFILE"] != nil) { return source }
    if let endpoint = try containerEndpoint() { return .container(endpoint) }
    if environment.isTrue("AWS_EC2_METADATA_DISABLED") {
      throw CredentialLink.instance.failure(
        "no credentials are configured, and AWS_EC2_METADATA_DISABLED is true",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, IRSA or EKS Pod Identity")
    }
    return .instance
  }

  private func environmentKeys() throws(Failure) -> CredentialSource? {
    let token = environment["AWS_SESSION_TOKEN"] ?? environment["AWS_SECURITY_TOKEN"]
    switch (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) {
    case (nil, nil): return nil
    case (let id?, let key?):
      return .keys(Credentials(accessKeyID: id, secretKey: key, sessionToken: token), link: .environment)
    case (let id, _):
      throw CredentialLink.environment.failure(
        id == nil
          ? "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not"
          : "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not",
        "Set both, or neither")
    }
  }

  // MARK: - Profiles

  /// - Parameter asked: whether somebody named this profile: then it must be there and lead somewhere.
  private func profile(_ name: String, asked: Bool, after: [String] = []) throws(Failure) -> CredentialSource? {
    guard let profile = profiles[name] else {
      guard asked else { return nil }
      throw CredentialLink.profile.failure(
        "there is no profile \(name)", "Add it to ~/.aws/config or ~/.aws/credentials, or correct AWS_PROFILE")
    }
    if let role = profile["role_arn"] { return try roleProfile(name, profile, role, after: after) }
    if let keys = try profileKeys(name, profile) { return keys }
    for (key, what) in [
      ("sso_session", "single sign-on"), ("sso_start_url", "single sign-on"),
      ("credential_process", "an external program"), ("login_session", "a login session"),
    ] where profile[key] != nil {
      throw CredentialLink.profile.failure(
        "profile \(name) gets its credentials by \(what) (\(key)), which is not supported",
        "Use keys, role_arn with source_profile, web identity, a container's or an instance's role")
    }
    guard asked else { return nil }
    throw CredentialLink.profile.failure(
      "profile \(name) holds no credentials", "Give it aws_access_key_id and aws_secret_access_key, or role_arn")
  }

  private func profileKeys(_ name: String, _ profile: [String: String]) throws(Failure) -> CredentialSource? {
    switch (profile["aws_access_key_id"], profile["aws_secret_access_key"]) {
    case (nil, nil): return nil
    case (let id?, let key?):
      return .keys(
        Credentials(accessKeyID: id, secretKey: key, sessionToken: profile["aws_session_token"]), link: .profile)
    default:
      throw CredentialLink.profile.failure(
        "profile \(name) has only one of aws_access_key_id and aws_secret_access_key", "Give it both")
    }
  }

  private func roleProfile(
    _ name: String, _ profile: [String: String], _ arn: String, after: [String]
  ) throws(Failure) -> CredentialSource {
    func failure(_ what: String, _ remedy: String) -> Failure {
      CredentialLink.profile.failure("profile \(name) \(what)", remedy)
    }
    if let file = profile["web_identity_token_file"] {
      let session = profile["role_session_name"] ?? AssumedRole.defaultSessionName
      return .webIdentity(WebIdentity(roleARN: arn, tokenFile: file, sessionName: session))
    }
    if profile["mfa_serial"] != nil {
      throw failure("asks for a one-time password (mfa_serial)", "Nobody is here to type it: use a role without it")
    }
    if after.contains(name) {
      throw failure("comes back to itself: \((after + [name]).joined(separator: " → "))", "Break the circle")
    }
    guard after.count < Self.profilesLimit else {
      throw failure("stands behind \(after.count) others", "Shorten the chain of source_profile")
    }
    var role = AssumedRole(
      roleARN: arn, externalID: profile["external_id"],
      sessionName: profile["role_session_name"] ?? AssumedRole.defaultSessionName)
    if let text = profile["duration_seconds"] {
      guard let seconds = Int(text), (900...43_200).contains(seconds) else {
        throw failure("has duration_seconds = \(text)", "Use 900 to 43200")
      }
      role.durationSeconds = seconds
    }
    switch (profile["source_profile"], profile["credential_source"]) {
    case (let source?, nil):
      // A profile may name itself: then its own keys are meant.
      if source == name, let keys = try profileKeys(name, profile) { return .role(role, base: keys) }
      let base = try self.profile(source, asked: true, after: after + [name])
      guard let base else { throw failure("has no source", "Correct source_profile") }
      return .role(role, base: base)
    case (nil, let word?): return .role(role, base: try namedSource(word, failure))
    case (nil, nil): throw failure("has role_arn and no source", "Add source_profile or credential_source")
    default: throw failure("has both source_profile and credential_source", "Remove one of them")
    }
  }

  private func namedSource(
    _ word: String, _ failure: (String, String) -> Failure
  ) throws(Failure) -> CredentialSource {
    switch word {
    case "Ec2InstanceMetadata": return .instance
    case "Environment":
      if let keys = try environmentKeys() { return keys }
      throw failure("has credential_source = Environment, and there are no keys in it", "Set AWS_ACCESS_KEY_ID")
    case "EcsContainer":
      if let endpoint = try containerEndpoint() { return .container(endpoint) }
      throw failure(
        "has credential_source = EcsContainer, and no container endpoint is set",
        "Run it where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set")
    default:
      throw failure(
        "has credential_source = \(word)", "Use Environment, Ec2InstanceMetadata or EcsContainer")
    }
  }

  // MARK: - Container

  /// Hosts that may be asked without TLS: what the machine itself serves.
  private static let linkHosts = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]"]

  private func containerEndpoint() throws(Failure) -> ContainerEndpoint? {
    let url: String
    if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      url = "http://169.254.170.2" + path
    } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      url = full
    } else {
      return nil
    }
    let parts = URLParts(url)
    let isLocal = Self.linkHosts.contains(parts.hostName) || Self.isLoopback(parts.hostName)
    guard parts.scheme == "https" || parts.scheme == "http" && isLocal else {
      throw CredentialLink.container.failure(
        "\(parts.host) is neither this machine nor reached by https",
        "Correct AWS_CONTAINER_CREDENTIALS_FULL_URI: credentials must not cross a network in plain text")
    }
    if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      return ContainerEndpoint(url: url, authorization: .file(file))
    }
    let value = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    return ContainerEndpoint(url: url, authorization: value.map { .value($0) } ?? .none)
  }

  private static func isLoopback(_ host: String) -> Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

/// Both files of profiles.
struct Profiles: Sendable {
  /// The profile in use.
  let active: String
  private var sections: [String: [String: String]] = [:]

  init(_ environment: ProcessEnvironment) throws(Failure) {
    active = environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
    let home = environment["HOME"].map { $0 + "/.aws/" }
    let config = try Self.read(environment, named: "AWS_CONFIG_FILE", home.map { $0 + "config" })
    for (name, keys) in config {
      if name == "default" {
        sections["default", default: [:]].merge(keys) { own, _ in own }
      } else if name.hasPrefix("profile ") {
        // `[profile default]` wins over `[default]`, and is the same profile.
        sections[String(name.dropFirst("profile ".count)), default: [:]].merge(keys) { _, new in new }
      }
    }
    // Keys of the credentials file win.
    for (name, keys) in try Self.read(
      environment, named: "AWS_SHARED_CREDENTIALS_FILE", home.map { $0 + "credentials" })
    {
      sections[name, default: [:]].merge(keys) { _, new in new }
    }
  }

  subscript(name: String) -> [String: String]? { sections[name] }

  private static func read(
    _ environment: ProcessEnvironment, named variable: String, _ usual: String?
  ) throws(Failure) -> [(String, [String: String])] {
    guard let path = environment[variable] ?? usual else { return [] }
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try environment.file(path) } catch {
      // The usual files need not be there.
      if environment[variable] == nil, error.code == ENOENT || error.code == ENOTDIR || error.code == EACCES {
        return []
      }
      throw Failure(
        CredentialLink.profile.reason, "cannot be read: \(error.text)", at: .path(path),
        remedy: "Correct \(variable), or the permissions of the file")
    }
    do throws(INIFile.Malformed) {
      // In a fixed order: `[default]` before `[profile default]`.
      return try INIFile(String(decoding: bytes, as: UTF8.self)).sections.sorted { $0.key < $1.key }
    } catch {
      throw Failure(
        CredentialLink.profile.reason, error.what, at: .text(file: path, line: error.line, column: 1),
        remedy: "Correct this line")
    }
  }
}

extension CredentialLink {
  /// What failed is this link.
  func failure(_ what: String, _ remedy: String) -> Failure {
    Failure(reason, what, at: .process, remedy: remedy)
  }
}
