internal import Inputs

// The settings of `inputs.kinesis`.
extension Schema {
  static let kinesis: [Setting] = [
    Setting(
      "inputs.kinesis.streams", \.inputs.kinesis.targets,
      Shape<KinesisSettings.Target>.kinesisTarget.list("list of ARNs or {stream, region, …}", limit: 64),
      example: "[{stream: audit, region: eu-west-1}]", fields: Shape<KinesisSettings.Target>.fields,
      help:
        "Kinesis Data Streams that audit logs are read from, as subscriptions of CloudWatch Logs write them (docs/eks.md)."
    ),
    Setting(
      "inputs.kinesis.start", \.inputs.kinesis.start, Shape<KinesisSettings.Start>.kinesisStart,
      example: "trim_horizon",
      help:
        "Where the first run begins: `latest` with what comes from then on, `trim_horizon` with all that the stream has, or at a "
        + "time. Later ones begin where the last one was."),
    Setting(
      "inputs.kinesis.poll_interval", \.inputs.kinesis.pollSeconds, .duration(1...3600),
      help:
        "How often each shard is asked for what is new. All readers of a shard together may ask five times a second."),
  ]
}
