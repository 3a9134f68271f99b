/// A service of AWS, as it is named in addresses, signatures, calls and variables.
public struct AWSService: Sendable, Hashable {
  /// The label `service`, the first part of the host, and the name in signatures: these services have one for all.
  public let name: String
  /// What `AWS_ENDPOINT_URL_` is followed by.
  let variable: String
  /// What `X-Amz-Target` begins with; empty where operations are paths or forms.
  let target: String

  public static let cloudWatchLogs = AWSService(name: "logs", variable: "CLOUDWATCH_LOGS", target: "Logs_20140328")
  public static let cloudTrail = AWSService(
    name: "cloudtrail", variable: "CLOUDTRAIL", target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101")
  public static let kinesis = AWSService(name: "kinesis", variable: "KINESIS", target: "Kinesis_20131202")
  public static let eks = AWSService(name: "eks", variable: "EKS", target: "")
  public static let sts = AWSService(name: "sts", variable: "STS", target: "")
  public static let ec2 = AWSService(name: "ec2", variable: "EC2", target: "")

  /// Where the service is, without a slash at the end: `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, or the public
  /// address of the region.
  ///
  /// - Source: docs.aws.amazon.com/sdkref, "Service-specific endpoints"; the partitions of botocore's endpoints.json.
  public func endpoint(region: String, _ environment: ProcessEnvironment) -> String {
    if !environment.isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
      let url = environment["AWS_ENDPOINT_URL_" + variable] ?? environment["AWS_ENDPOINT_URL"]
    {
      return url.last == "/" ? String(url.dropLast()) : url
    }
    return "https://\(name).\(region).\(Self.domain(of: region))"
  }

  private static let domains = [
    ("cn-", "amazonaws.com.cn"), ("us-iso-", "c2s.ic.gov"), ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"), ("us-isof-", "csp.hci.ic.gov"), ("eusc-", "amazonaws.eu"),
  ]

  private static func domain(of region: String) -> String {
    domains.first { region.hasPrefix($0.0) }?.1 ?? "amazonaws.com"
  }
}
