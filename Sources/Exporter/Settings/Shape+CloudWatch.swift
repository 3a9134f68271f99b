internal import YAML

extension Shape where Value == Settings.CloudWatch.Target {
  static let fields = [
    Field(name: "region", help: "The region, `eu-west-1`.", isRequired: true),
    Field(
      name: "log_group_prefix",
      help:
        "What the names of the log groups begin with: `/aws/eks/` (the default) and the beginning of clusters' names."),
    Field(
      name: "role_arn",
      help: "The role to assume for it, in another account say. Default: the process' own credentials."),
    Field(name: "external_id", help: "What the trust policy of `role_arn` asks for as `sts:ExternalId`."),
    Field(
      name: "cluster_prefix",
      help: "What to put before the names of its clusters, where two accounts or regions have clusters of one name."),
  ]

  /// A mapping, or the region alone.
  static var cloudWatchTarget: Shape {
    Shape(
      name: "region or {region, …}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          return AWSText.region.read(node, &complaints).map { Settings.CloudWatch.Target(region: $0) }
        }
        guard let reader = FieldReader(node, fields, &complaints),
          let region = reader.value("region", AWSText.region, &complaints)
        else { return nil }
        var target = Settings.CloudWatch.Target(region: region)
        if let prefix = reader.value("log_group_prefix", AWSText.logGroupPrefix, &complaints) {
          target.logGroupPrefix = prefix
        }
        target.roleARN = reader.value("role_arn", AWSText.role, &complaints)
        target.externalID = reader.value("external_id", AWSText.externalID, &complaints)
        target.clusterPrefix = reader.value("cluster_prefix", ClusterName.shape, &complaints) ?? ""
        if target.externalID != nil, target.roleARN == nil {
          complaints.add(Refusal("external_id is given without role_arn", "Add role_arn, or remove it"), at: node)
          return nil
        }
        return target
      },
      write: { target in
        let more = [
          ("log_group_prefix", target.logGroupPrefix == "/aws/eks/" ? nil : target.logGroupPrefix),
          ("role_arn", target.roleARN), ("external_id", target.externalID),
          ("cluster_prefix", target.clusterPrefix.isEmpty ? nil : target.clusterPrefix),
        ].compactMap { name, text in text.map { "\(name): \(Shape<String>.quoted($0))" } }
        if more.isEmpty { return target.region }
        return "{" + (["region: \(target.region)"] + more).joined(separator: ", ") + "}"
      })
  }
}

/// Names as AWS has them.
enum AWSText {
  /// It becomes a part of host names.
  static let region = Shape<String>.checked("region") { text throws(Refusal) in
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let isRegion =
      (3...6).contains(parts.count) && text.utf8.count <= 40 && parts.allSatisfy { !$0.isEmpty }
      && text.unicodeScalars.allSatisfy { isLower($0) || isDigit($0) || $0 == "-" }
    guard isRegion else {
      throw Refusal("\(Shape<String>.quoted(text)) is not a region", "Write one, such as eu-west-1")
    }
    return text
  }

  static let logGroupPrefix = Shape<String>.checked("log group prefix") { text throws(Refusal) in
    guard text.hasPrefix("/aws/eks/"), text.utf8.count <= 512,
      text.unicodeScalars.allSatisfy({
        isLower($0) || isUpper($0) || isDigit($0) || "_-/.#".unicodeScalars.contains($0)
      })
    else {
      throw Refusal(
        "\(Shape<String>.quoted(text)) is not the beginning of a log group of EKS", "Write /aws/eks/, or /aws/eks/prod-"
      )
    }
    return text
  }

  static let role = Shape<String>.checked("role") { text throws(Refusal) in
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "arn", parts[1].hasPrefix("aws"), parts[2] == "iam", parts[3].isEmpty,
      parts[4].utf8.count == 12, parts[4].unicodeScalars.allSatisfy(isDigit), parts[5].hasPrefix("role/"),
      text.utf8.count <= 2048, URLText.isVisible(text)
    else {
      throw Refusal(
        "\(Shape<String>.quoted(text)) is not the ARN of a role",
        "Write one, such as arn:aws:iam::123456789012:role/NAME")
    }
    return text
  }

  static let externalID = Shape<String>.checked("external ID") { text throws(Refusal) in
    guard (2...1224).contains(text.utf8.count),
      text.unicodeScalars.allSatisfy({
        isLower($0) || isUpper($0) || isDigit($0) || "_+=,.@:/-".unicodeScalars.contains($0)
      })
    else { throw Refusal("the external ID is none", "Use 2 to 1224 letters, digits and any of _ + = , . @ : / -") }
    return text
  }

  private static func isLower(_ scalar: Unicode.Scalar) -> Bool { ("a"..."z").contains(scalar) }
  private static func isUpper(_ scalar: Unicode.Scalar) -> Bool { ("A"..."Z").contains(scalar) }
  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
