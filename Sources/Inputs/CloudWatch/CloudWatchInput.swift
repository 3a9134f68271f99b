internal import AWS
internal import Concurrency
public import Diagnostics
internal import Engine
internal import Logging
internal import Transport

/// Reads the audit logs of EKS clusters out of CloudWatch Logs: one thread for each target, an account in a region.
///
/// What is asked and what of the answers is new is `LogGroupReader`'s matter. Each page with new events is one batch, which
/// holds the positions too, so that a crash at any instant neither loses an event nor counts one twice.
public struct CloudWatchInput: Input {
  public static let name = "cloudwatch"

  private let settings: CloudWatchSettings

  public init(_ settings: CloudWatchSettings) { self.settings = settings }

  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  public func start(in context: InputContext) throws(Failure) {
    let environment = ProcessEnvironment.current()
    let base = try CredentialChain(environment).source()
    // What is missing on this machine is said now, and not by each thread.
    _ = try AWSSession.make(environment, policy: context.calls, stop: context.stop)
    context.status.begin(counting: TargetReport.reasons)
    context.status.update { [targets = settings.targets] snapshot in
      snapshot.scopes = targets.map { InputStatus.CloudScope(account: $0.account, region: $0.region) }
    }
    for region in Set(settings.targets.map(\.region)) {
      for operation in CloudWatchLogs.operations {
        context.calls.counts.begin(
          CallName(service: AWSService.cloudWatchLogs.name, operation: operation, region: region))
      }
    }
    let claims = GroupClaims(context.positions)
    for (index, target) in settings.targets.enumerated() {
      let role = target.roleARN.map { AssumedRole(roleARN: $0, externalID: target.externalID) }
      let source = role.map { CredentialSource.role($0, base: base) } ?? base
      context.logger.info(
        "reading CloudWatch Logs",
        metadata: [
          "region": "\(target.region)", "log_group_prefix": "\(target.logGroupPrefix)",
          "credentials": "\(source.link.rawValue)", "role": "\(target.roleARN ?? "")",
        ])
      try context.thread("cloudwatch-\(index)") { [settings] in
        let report = TargetReport(target, index: index, context, source: source)
        do throws(Failure) {
          let session = try AWSSession.make(environment, policy: context.calls, stop: context.stop)
          TargetReader(session, target, index: index, settings, source: source, claims, report, context).run()
        } catch { report.failed(error) }
      }
    }
  }
}
