// The settings of `inputs.cloudwatch`.
extension Schema {
  static let cloudwatch: [Setting] = [
    Setting(
      "inputs.cloudwatch.targets", \.inputs.cloudwatch.targets,
      Shape<Settings.CloudWatch.Target>.cloudWatchTarget.list("list of regions or {region, …}", limit: 64),
      flag: "input.cloudwatch.region",
      example: "[{region: eu-west-1, role_arn: \"arn:aws:iam::123456789012:role/audit-reader\"}]",
      fields: Shape<Settings.CloudWatch.Target>.fields,
      help:
        "Accounts and regions whose EKS audit logs are read from CloudWatch Logs (docs/eks.md). On the command line: a region "
        + "each, read with the credentials that the process finds."),
    Setting(
      "inputs.cloudwatch.stream_prefix", \.inputs.cloudwatch.streamPrefix,
      .string("text", limit: 512),
      help:
        "What the names of the log streams with audit events begin with. EKS writes other control-plane logs beside them."
    ),
    Setting(
      "inputs.cloudwatch.poll_interval", \.inputs.cloudwatch.pollSeconds, .duration(1...3600),
      help:
        "How often each log group is asked for what is new. Each asking is a request, and one more for each further page."
    ),
    Setting(
      "inputs.cloudwatch.overlap", \.inputs.cloudwatch.overlapSeconds, .duration(10...6 * 3600),
      help:
        "How late an event may come to CloudWatch and still be counted. So much is asked for again and again; events that come "
        + "again are known by their IDs."),
    Setting(
      "inputs.cloudwatch.look_back", \.inputs.cloudwatch.lookBackSeconds, .duration(0...30 * 86_400),
      help:
        "How far back the first run begins. Later ones begin where the last one was, however long ago; clusters that appear are "
        + "read from their beginning."),
    Setting(
      "inputs.cloudwatch.discovery_interval", \.inputs.cloudwatch.discoverySeconds, .duration(1...86_400),
      help: "How often log groups are looked for: a new cluster is found after so long at the latest."),
    Setting(
      "inputs.cloudwatch.requests_per_second", \.inputs.cloudwatch.requestsPerSecond, .integer(1...100),
      help:
        "Requests a second of one operation, account and region. The quota of FilterLogEvents is 5 in the smaller regions, and "
        + "everybody in the account shares it."),
  ]
}
