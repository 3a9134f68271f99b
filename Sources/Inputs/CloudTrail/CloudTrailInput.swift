internal import AWS
public import Diagnostics
internal import Logging
internal import Transport

/// Asks CloudTrail for the calls of EKS: one thread for each account and region.
///
/// CloudTrail shows events some minutes late and in no strict order, so the overlap is asked for again each time; what was
/// handed in before is left out here, and after a restart known to the engine by its event ID.
public struct CloudTrailInput: Input {
  public static let name = "cloudtrail"

  private static let words = CloudReport.Words(
    source: "CloudTrail", actions: "cloudtrail:LookupEvents", pace: "how often others ask", host: "cloudtrail")

  private let settings: CloudTrailSettings

  public init(_ settings: CloudTrailSettings) { self.settings = settings }

  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  public func start(in context: InputContext) throws(Failure) {
    let base = try context.beginCloud(
      settings.places, counting: CloudReport.callReasons, .cloudTrail, CloudTrail.operations)
    for (index, place) in settings.places.enumerated() {
      let source = place.source(base)
      context.logger.info(
        "reading CloudTrail",
        metadata: [
          "region": "\(place.region)", "credentials": "\(source.link.rawValue)", "role": "\(place.roleARN ?? "")",
        ])
      try context.thread("cloudtrail-\(index)") { [settings] in
        let report = CloudReport(Self.words, place, index: index, context, source: source, naming: [:])
        do throws(Failure) {
          let session = try AWSSession.make(ProcessEnvironment.current(), policy: context.calls, stop: context.stop)
          TrailReader(session, place, index: index, settings, source: source, report, context).run()
        } catch { report.failed(error) }
      }
    }
  }
}
