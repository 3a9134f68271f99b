internal import AWS
internal import YAML

/// The fields of a target that say which account and region it is in, and how to get there: the same for all inputs from
/// AWS.
enum CloudPlace {
  static let region = Field(name: "region", help: "The region, `eu-west-1`.", isRequired: true)
  static let role = [
    Field(
      name: "role_arn",
      help: "The role to assume for it, in another account say. Default: the process' own credentials."),
    Field(name: "external_id", help: "What the trust policy of `role_arn` asks for as `sts:ExternalId`."),
  ]
  static let clusterPrefix = Field(
    name: "cluster_prefix",
    help: "What to put before the names of its clusters, where two accounts or regions have clusters of one name.")

  /// Reads them out of a mapping; nil after a complaint.
  static func read(_ reader: FieldReader, _ node: YAMLNode, _ complaints: inout Complaints) -> AWSPlace? {
    guard let region = reader.value("region", AWSText.region, &complaints) else { return nil }
    let place = AWSPlace(
      region: region, roleARN: reader.value("role_arn", AWSText.role, &complaints),
      externalID: reader.value("external_id", AWSText.externalID, &complaints))
    if place.externalID != nil, place.roleARN == nil {
      complaints.add(Refusal("external_id is given without role_arn", "Add role_arn, or remove it"), at: node)
      return nil
    }
    return place
  }

  /// Writes a target: a region alone where nothing else is said of it.
  ///
  /// - Parameter more: its other fields; nil for those that have their defaults.
  static func write(_ place: AWSPlace, _ more: [(String, String?)]) -> String {
    let said = ([("role_arn", place.roleARN), ("external_id", place.externalID)] + more)
      .compactMap { name, text in text.map { "\(name): \(Shape<String>.quoted($0))" } }
    if said.isEmpty { return place.region }
    return "{" + (["region: \(place.region)"] + said).joined(separator: ", ") + "}"
  }
}
