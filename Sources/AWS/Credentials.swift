public import Diagnostics

/// What requests are signed with. Its text says nothing of its secrets, so that it can be printed by accident.
public struct Credentials: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  public let accessKeyID: String
  let secretKey: String
  /// Nil for long-lived keys.
  let sessionToken: String?
  /// When they run out; nil when they do not.
  public let expiration: Microseconds?

  public init(accessKeyID: String, secretKey: String, sessionToken: String? = nil, expiration: Microseconds? = nil) {
    self.accessKeyID = accessKeyID
    self.secretKey = secretKey
    self.sessionToken = sessionToken
    self.expiration = expiration
  }

  public var description: String { "credentials of \(accessKeyID)" }
  public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }

  /// How much they want to be replaced.
  enum Freshness { case fresh, ageing, spent }

  /// Fifteen minutes before they run out fresh ones are asked for, and the old ones serve on while that fails; from ten
  /// minutes on no request is made without fresh ones. Of short-lived ones it is the last half and the last quarter.
  ///
  /// - Parameter obtained: when they came.
  func freshness(at now: Microseconds, obtained: Microseconds) -> Freshness {
    guard let expiration else { return .fresh }
    let life = max(0, expiration - obtained)
    let left = expiration - now
    if left <= min(600_000_000, life / 4) { return .spent }
    return left <= min(900_000_000, life / 2) ? .ageing : .fresh
  }
}

/// Where credentials come from: one link of the chain that the AWS SDKs have.
public enum CredentialSource: Sendable, Hashable {
  /// Keys as they stand in the environment or in a profile.
  case keys(Credentials, link: CredentialLink)
  /// A token of Kubernetes (IRSA) or of another identity provider, exchanged at STS.
  case webIdentity(WebIdentity)
  /// A role that is assumed with other credentials.
  indirect case role(AssumedRole, base: CredentialSource)
  /// An agent of the container's host: ECS, or EKS Pod Identity.
  case container(ContainerEndpoint)
  /// The instance's metadata, version 2.
  case instance

  /// The link that an error names.
  public var link: CredentialLink {
    switch self {
    case .keys(_, let link): link
    case .webIdentity: .webIdentity
    case .role: .assumeRole
    case .container: .container
    case .instance: .instance
    }
  }
}

/// A link of the chain; the word of an error's reason.
public enum CredentialLink: String, Sendable, CaseIterable {
  case environment, profile, container, instance
  case webIdentity = "web_identity"
  case assumeRole = "assume_role"

  /// `credentials_web_identity`.
  public var reason: Failure.Reason { Failure.Reason("credentials_" + rawValue) }
}

/// A role that a token is exchanged for.
public struct WebIdentity: Sendable, Hashable {
  public let roleARN: String
  /// Read at each refresh: the kubelet renews it.
  public let tokenFile: String
  public let sessionName: String
}

/// A role to assume, its parameters as in a profile.
public struct AssumedRole: Sendable, Hashable {
  public var roleARN: String
  public var externalID: String?
  public var sessionName: String
  /// 900 to 43,200; at most 3,600 where the base is itself a role's.
  public var durationSeconds: Int

  public init(
    roleARN: String, externalID: String? = nil, sessionName: String = defaultSessionName, durationSeconds: Int = 3600
  ) {
    self.roleARN = roleARN
    self.externalID = externalID
    self.sessionName = sessionName
    self.durationSeconds = durationSeconds
  }

  /// What CloudTrail shows as the session where nobody gave a name.
  public static let defaultSessionName = "kube-audit-exporter"
}

/// Where a container asks for credentials.
public struct ContainerEndpoint: Sendable, Hashable {
  /// What the request carries as `Authorization`.
  public enum Authorization: Sendable, Hashable {
    case none
    case value(String)
    /// Read at each refresh.
    case file(String)
  }
  public let url: String
  public let authorization: Authorization
}
