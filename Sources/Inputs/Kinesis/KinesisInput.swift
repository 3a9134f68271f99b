internal import AWS
public import Diagnostics
internal import Logging
internal import Transport

extension Failure.Reason {
  /// A stream has more shards than are read.
  static let shardsLimit = Failure.Reason("shards_limit")
  /// A shard was gone before all of it was read.
  static let shardExpired = Failure.Reason("shard_expired")
}

/// Reads audit logs out of Kinesis Data Streams, as subscriptions of CloudWatch Logs put them there: one thread for each stream.
///
/// Which shards are read and from where on is `ShardPlan`'s matter. Each answer with records is one batch, which holds the
/// position too, so that a crash at any instant neither loses a record nor counts one twice.
public struct KinesisInput: Input {
  public static let name = "kinesis"

  private static let words = CloudReport.Words(
    source: "Kinesis", actions: "kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords",
    pace: "the rate of other readers", host: AWSService.kinesis.name)

  private let settings: KinesisSettings

  public init(_ settings: KinesisSettings) { self.settings = settings }

  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  public func start(in context: InputContext) throws(Failure) {
    let base = try context.beginCloud(
      settings.targets.map(\.place), counting: CloudReport.callReasons + [.shardsLimit, .shardExpired], .kinesis,
      Kinesis.operations)
    for (index, target) in settings.targets.enumerated() {
      let source = target.place.source(base)
      context.logger.info(
        "reading Kinesis",
        metadata: [
          "region": "\(target.place.region)", "stream": "\(target.stream)", "credentials": "\(source.link.rawValue)",
          "role": "\(target.place.roleARN ?? "")",
        ])
      try context.thread("kinesis-\(index)") { [settings] in
        let report = CloudReport(
          Self.words, target.place, index: index, context, source: source, naming: ["stream": "\(target.stream)"])
        do throws(Failure) {
          let session = try AWSSession.make(ProcessEnvironment.current(), policy: context.calls, stop: context.stop)
          StreamReader(session, target, settings, source: source, report, context).run()
        } catch { report.failed(error) }
      }
    }
  }
}
