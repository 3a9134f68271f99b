/// An account in a region, and the role that reaches it: what a target of any input from AWS names.
public struct AWSPlace: Sendable, Hashable {
  public var region: String
  /// The role to assume; nil to go with the credentials that the process has.
  public var roleARN: String?
  /// What the role's trust policy asks for as `sts:ExternalId`.
  public var externalID: String?

  public init(region: String, roleARN: String? = nil, externalID: String? = nil) {
    self.region = region
    self.roleARN = roleARN
    self.externalID = externalID
  }

  /// The account that the role belongs to; empty where no role is said.
  public var account: String {
    guard let parts = roleARN?.split(separator: ":", omittingEmptySubsequences: false), parts.count > 4 else {
      return ""
    }
    return String(parts[4])
  }

  /// Where credentials for it come from.
  ///
  /// - Parameter base: where the process' own come from.
  public func source(_ base: CredentialSource) -> CredentialSource {
    guard let roleARN else { return base }
    return .role(AssumedRole(roleARN: roleARN, externalID: externalID), base: base)
  }
}
