public import Transport

/// The one operation of EC2 that is needed: which regions an account has.
public struct EC2 {
  private let session: AWSSession
  private let region: String
  private let source: CredentialSource

  /// - Parameter region: which one is asked; each knows all of its partition.
  public init(_ session: AWSSession, region: String, source: CredentialSource) {
    self.session = session
    self.region = region
    self.source = source
  }

  /// The regions that are enabled for the account, in the order of their names.
  public func regions() throws(CallFailure) -> [String] {
    try session.form(
      .ec2, "DescribeRegions", version: "2016-11-15", region: region, source: source
    ) { bytes in
      let names = XMLText.texts(bytes, at: "DescribeRegionsResponse/regionInfo/item/regionName")
      guard let names, !names.isEmpty, names.allSatisfy(AWSPlace.isRegion) else { return nil }
      return names.sorted()
    }
  }
}

extension AWSSession {
  /// The number of the account that credentials belong to. Everybody may ask.
  ///
  /// - Parameter region: whose STS is asked.
  public func account(region: String, source: CredentialSource) throws(CallFailure) -> String {
    try form(.sts, "GetCallerIdentity", version: "2011-06-15", region: region, source: source) { bytes in
      let number = XMLText.elements(bytes)?["GetCallerIdentityResponse/GetCallerIdentityResult/Account"] ?? ""
      let isNumber = number.utf8.count == 12 && number.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      return isNumber ? number : nil
    }
  }
}
