internal import AWS

// The settings of `inputs.cloudtrail`.
extension Schema {
  static let cloudtrail: [Setting] = [
    Setting(
      "inputs.cloudtrail.targets", \.inputs.cloudtrail.targets,
      Shape<AWSPlace>.cloudTrailTarget.list("list of regions or {region, …}", limit: 64),
      flag: "input.cloudtrail.region",
      example: "[{region: eu-west-1, role_arn: \"arn:aws:iam::123456789012:role/audit-reader\"}]",
      fields: Shape<AWSPlace>.cloudTrailFields,
      help:
        "Accounts and regions whose calls of EKS are asked of CloudTrail (docs/cloudtrail.md). On the command line: a region "
        + "each, read with the credentials that the process finds."),
    Setting(
      "inputs.cloudtrail.poll_interval", \.inputs.cloudtrail.pollSeconds, .duration(1...3600),
      help: "How often each account and region is asked. The quota is two requests a second, a page of 50 events each."),
    Setting(
      "inputs.cloudtrail.overlap", \.inputs.cloudtrail.overlapSeconds, .duration(10...6 * 3600),
      help:
        "How late CloudTrail may show an event and still have it counted. So much is asked for again and again; events that "
        + "come again are known by their IDs."),
    Setting(
      "inputs.cloudtrail.look_back", \.inputs.cloudtrail.lookBackSeconds, .duration(0...86_400),
      help: "How far back the first run begins. Later ones begin where the last one was."),
  ]
}
