internal import YAML

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
