internal import AWS
public import Diagnostics
internal import Logging
internal import Transport

extension Failure.Reason {
  /// A log group of a class that FilterLogEvents does not read.
  static let infrequentAccess = Failure.Reason("infrequent_access")
  /// Two targets name one log group.
  static let namedTwice = Failure.Reason("named_twice")
  /// A target has more log groups than are read.
  static let logGroupsLimit = Failure.Reason("log_groups_limit")
  /// There was no room to recognise all events of the overlap.
  static let overlapShortened = Failure.Reason("overlap_shortened")
}

/// Reads the audit logs of EKS clusters out of CloudWatch Logs: one thread for each target, an account in a region.
///
/// What is asked and what of the answers is new is `LogGroupReader`'s matter. Each page with new events is one batch, which
/// holds the positions too, so that a crash at any instant neither loses an event nor counts one twice.
public struct CloudWatchInput: Input {
  public static let name = "cloudwatch"

  private static let words = CloudReport.Words(
    source: "CloudWatch Logs", actions: "logs:DescribeLogGroups and logs:FilterLogEvents",
    pace: "inputs.cloudwatch.requests_per_second", host: AWSService.cloudWatchLogs.name)

  private let settings: CloudWatchSettings

  public init(_ settings: CloudWatchSettings) { self.settings = settings }

  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  public func start(in context: InputContext) throws(Failure) {
    let base = try context.beginCloud(
      settings.targets.map(\.place),
      counting: CloudReport.callReasons + [.infrequentAccess, .namedTwice, .logGroupsLimit, .overlapShortened],
      .cloudWatchLogs, CloudWatchLogs.operations)
    let claims = GroupClaims(context.positions)
    for (index, target) in settings.targets.enumerated() {
      let source = target.place.source(base)
      context.logger.info(
        "reading CloudWatch Logs",
        metadata: [
          "region": "\(target.place.region)", "log_group_prefix": "\(target.logGroupPrefix)",
          "credentials": "\(source.link.rawValue)", "role": "\(target.place.roleARN ?? "")",
        ])
      try context.thread("cloudwatch-\(index)") { [settings] in
        let report = CloudReport(
          Self.words, target.place, index: index, context, source: source,
          naming: ["log_group_prefix": "\(target.logGroupPrefix)"])
        do throws(Failure) {
          let session = try AWSSession.make(ProcessEnvironment.current(), policy: context.calls, stop: context.stop)
          TargetReader(session, target, index: index, settings, source: source, claims, report, context).run()
        } catch { report.failed(error) }
      }
    }
  }
}
