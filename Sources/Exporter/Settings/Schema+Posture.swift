internal import Posture

// The settings of `posture`.
extension Schema {
  static let posture: [Setting] = [
    Setting(
      "posture.targets", \.posture.targets,
      Shape<PostureTarget>.postureTarget.list("list of regions or {region, …}", limit: 64),
      example: "[{region: all, role_arn: \"arn:aws:iam::123456789012:role/audit-reader\"}]",
      fields: Shape<PostureTarget>.fields,
      help:
        "Accounts and regions whose EKS clusters are asked what they log (docs/posture.md); `all` is every region that is "
        + "switched on. None: nothing is asked."),
    Setting(
      "posture.interval", \.posture.intervalSeconds, .duration(1...86_400),
      help: "How often clusters are asked. Each asking is a request for each cluster, and a few for each region."),
    Setting(
      "posture.silent_after", \.posture.silentAfterSeconds, .duration(0...7 * 86_400),
      help:
        "A cluster whose audit log is on and that sends nothing for so long is `silent`. 0 where its events go to another "
        + "exporter: then no cluster is called silent, and none that is found is expected."),
    Setting(
      "posture.requests_per_second", \.posture.requestsPerSecond, .integer(1...100),
      help: "Requests a second of one operation, account and region. Everybody in the account shares the quota."),
  ]
}
