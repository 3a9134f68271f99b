public import AWS
public import Concurrency
public import Diagnostics
public import Logging
public import Transport

/// How often clusters are looked at, and how much may be asked.
public struct PostureSettings: Sendable, Equatable {
  /// None: nothing is looked at.
  public var targets: [PostureTarget] = []
  public var intervalSeconds: Int64 = 300
  /// How long a cluster may send nothing while its audit log is on; 0 where events do not come here.
  public var silentAfterSeconds: Int64 = 1800
  /// Of each operation, account and region.
  public var requestsPerSecond = 5

  public init() {}

  /// The same for the throttle.
  public var rate: Throttle.Rate {
    Throttle.Rate(perSecond: Double(requestsPerSecond), burst: Double(2 * requestsPerSecond))
  }
}

/// Looks at the clusters of one target again and again, on a thread of its own.
public final class PostureWatch {
  private let target: PostureTarget
  private let index: Int
  private let settings: PostureSettings
  private let auditor: EKSAuditor
  private let status: PostureStatus
  private let clock: Clock
  private let stop: StopSignal
  private let logger: Logger
  private let counts: CallCounts

  /// - Parameters:
  ///   - index: the target's place among the settings' targets.
  ///   - base, homeRegion: as in `EKSAuditor`.
  public init(
    _ session: AWSSession, _ settings: PostureSettings, index: Int, base: CredentialSource, homeRegion: String?,
    status: PostureStatus, counts: CallCounts, clock: Clock, stop: StopSignal, logger: Logger
  ) {
    target = settings.targets[index]
    self.index = index
    self.settings = settings
    auditor = EKSAuditor(session, target, base: base, homeRegion: homeRegion, rate: settings.rate)
    self.status = status
    self.counts = counts
    self.clock = clock
    self.stop = stop
    self.logger = logger
  }

  /// Looks until the process stops.
  public func run() {
    while !stop.isRaised {
      let begun = Clock.monotonic
      do throws(CallFailure) { try look() } catch { return }
      let spent = (Clock.monotonic - begun) / 1000
      _ = stop.wait(milliseconds: Int32(clamping: max(100, settings.intervalSeconds * 1000 - spent)))
    }
  }

  /// One round over all regions. Each region is shown as soon as it is known.
  ///
  /// - Errors: only when the process stops.
  public func look() throws(CallFailure) {
    let former = status.reports(of: index)
    let account = try auditor.account()
    let regions: [String]
    do throws(CallFailure) { regions = try auditor.regions() } catch {
      if error.outcome == .stopped { throw error }
      let known = former ?? [RegionReport(provider: .aws, account: account.number, region: "")]
      let reports = known.map { report in
        RegionReport.failed(account: account.number, region: report.region, error).following(report, at: clock.now)
      }
      tell(reports, former)
      return status.show(reports, of: index)
    }
    // Before all of them are known, a cluster that is not there may be in a region that was not asked yet.
    let areKnown = regions.allSatisfy { region in former?.contains { $0.region == region } == true }
    var reports = (former ?? []).filter { regions.contains($0.region) }
    for region in regions {
      let before = reports.first { $0.region == region }
      if before == nil { begin(region) }
      let found = try auditor.audit(region: region, account: account.number, isProven: account.isProven)
      let report = found.following(before, at: clock.now)
      tell(report, before)
      if let at = reports.firstIndex(where: { $0.region == region }) {
        reports[at] = report
      } else {
        reports.append(report)
      }
      if areKnown { status.show(reports, of: index) }
    }
    status.show(reports, of: index)
  }

  /// The calls that come begin to be counted at 0.
  private func begin(_ region: String) {
    for operation in EKS.readingOperations {
      counts.begin(CallName(service: AWSService.eks.name, operation: operation, region: region))
    }
  }

  // MARK: - Saying

  private func tell(_ reports: [RegionReport], _ former: [RegionReport]?) {
    for report in reports { tell(report, former?.first { $0.region == report.region }) }
  }

  /// What has changed since the round before.
  private func tell(_ report: RegionReport, _ former: RegionReport?) {
    var place: Logger.Metadata = ["region": "\(report.region)", "account": "\(report.account)"]
    if let role = target.place.roleARN { place["role"] = "\(role)" }
    if let doubt = report.doubt, doubt != former?.doubt {
      logger.warning(
        "cannot look at all clusters",
        metadata: place.merging([
          "reason": "\(doubt.rawValue)", "error": "\(report.doubtText)", "remedy": "\(Self.remedy(doubt))",
        ]) { $1 })
    } else if report.doubt == nil, former?.doubt != nil {
      logger.info("all clusters are looked at again", metadata: place)
    }
    for cluster in report.clusters {
      let before = former?.clusters.first { $0.name == cluster.name }
      guard let status = LoggingStatus(cluster), status != before.flatMap({ LoggingStatus($0) }) else { continue }
      var facts = place.merging(["cluster": "\(cluster.label)", "status": "\(status.rawValue)"]) { $1 }
      if !cluster.missingTypes.isEmpty { facts["off"] = "\(cluster.missingTypes.joined(separator: ","))" }
      if status == .unknown, let doubt = cluster.doubt {
        facts["reason"] = "\(doubt.rawValue)"
        if !cluster.doubtText.isEmpty { facts["error"] = "\(cluster.doubtText)" }
      }
      logger.log(level: status == .enabled ? .info : .warning, "how a cluster logs", metadata: facts)
    }
    if !report.storesText.isEmpty, former?.storesText.isEmpty ?? true {
      logger.warning(
        "how long logs are kept is not known",
        metadata: place.merging([
          "error": "\(report.storesText)", "remedy": "Allow logs:DescribeLogGroups, as in docs/posture.md",
        ]) { $1 })
    }
  }

  /// What to do where a region cannot be looked at.
  static func remedy(_ doubt: Doubt) -> String {
    switch doubt {
    case .accessDenied:
      "Allow eks:ListClusters, eks:DescribeCluster and, for every region, ec2:DescribeRegions, as in docs/posture.md"
    case .credentials: "Mend the credentials of this target"
    case .throttled: "Lower posture.requests_per_second, or raise posture.interval"
    case .regionOff: "Switch the region on for the account, or leave it out of posture.targets"
    case .unreachable, .timeout: "Check the way to eks.REGION.amazonaws.com: name server, https_proxy, VPC endpoint"
    case .clustersLimit: "Divide the accounts among several exporters"
    case .notReady: "Look again when the cluster's status is ACTIVE"
    case .notReported: "Look at what EKS says: aws eks describe-cluster --query cluster.logging"
    case .incompleteList, .serverError, .refused, .unreadable: "Look at what the service said; most of this passes"
    }
  }
}

extension Doubt {
  /// What to do where it is about a whole region.
  public var remedy: String { PostureWatch.remedy(self) }
}
