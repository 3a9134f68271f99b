internal import Diagnostics
public import AWS
public import Transport

/// Asks EKS what the clusters of one account log, region by region. What fails in one region or for one cluster costs
/// nothing else: it is reported there.
///
/// - Limit: `EKS.clustersLimit` clusters of a region.
public struct EKSAuditor {
  /// What stands for every region that is switched on.
  public static let everyRegion = "all"
  /// Where the account and its regions are asked for, where nobody names a region.
  public static let usualRegion = "us-east-1"

  private let session: AWSSession
  private let target: PostureTarget
  private let source: CredentialSource
  private let rate: Throttle.Rate
  private let homeRegion: String

  /// - Parameters:
  ///   - base: the process' own credentials.
  ///   - homeRegion: where the account and its regions are asked for, if the target is every region.
  public init(
    _ session: AWSSession, _ target: PostureTarget, base: CredentialSource, homeRegion: String?,
    rate: Throttle.Rate = EKS.usualRate
  ) {
    self.session = session
    self.target = target
    self.rate = rate
    source = target.place.source(base)
    self.homeRegion = target.isEveryRegion ? homeRegion ?? Self.usualRegion : target.place.region
  }

  /// The account's number; what the role's ARN says where it cannot be asked for.
  public func account() throws(CallFailure) -> (number: String, isProven: Bool) {
    do throws(CallFailure) {
      return (try session.account(region: homeRegion, source: source), true)
    } catch {
      if error.outcome == .stopped { throw error }
      return (target.place.account, false)
    }
  }

  /// The regions to look at.
  public func regions() throws(CallFailure) -> [String] {
    guard target.isEveryRegion else { return [target.place.region] }
    return try EC2(session, region: homeRegion, source: source).regions()
  }

  /// Looks at one region.
  ///
  /// - Parameter isProven: whether the credentials are known to be good: a region that calls them unknown is switched off.
  /// - Errors: only when the process stops.
  public func audit(region: String, account: String, isProven: Bool) throws(CallFailure) -> RegionReport {
    var report = RegionReport(provider: .aws, account: account, region: region)
    let eks = EKS(session, region: region, source: source, account: quotaAccount(account), rate: rate)
    let listed: (names: [String], isWhole: Bool)
    do throws(CallFailure) { listed = try eks.clusters() } catch {
      if error.outcome == .stopped { throw error }
      report.fail(Doubt(error, isProven: isProven), error.text)
      return report
    }
    if !listed.isWhole { report.fail(.incompleteList, Doubt.incompleteList.text) }
    for name in listed.names {
      guard let facts = try facts(of: name, eks, report) else { continue }
      if facts.isApplicable { report.isWhole = report.isWhole && facts.doubt?.isOfCall != true }
      if report.account.isEmpty { report.account = facts.account }
      report.clusters.append(facts)
    }
    if !report.clusters.isEmpty { try addStores(to: &report) }
    return report
  }

  private func quotaAccount(_ account: String) -> String { account.isEmpty ? target.place.roleARN ?? "" : account }

  /// Nil where the cluster has gone since it was listed.
  private func facts(of name: String, _ eks: EKS, _ report: RegionReport) throws(CallFailure) -> ClusterFacts? {
    var facts = ClusterFacts(
      provider: .aws, account: report.account, region: report.region, name: name, label: target.clusterPrefix + name)
    facts.roleARN = target.place.roleARN
    do throws(CallFailure) {
      EKSLogging.fill(&facts, from: try eks.cluster(name))
    } catch {
      if error.outcome == .stopped { throw error }
      if error.code == "ResourceNotFoundException" { return nil }
      (facts.doubt, facts.doubtText) = (Doubt(error, isProven: false), error.text)
    }
    return facts
  }

  private func addStores(to report: inout RegionReport) throws(CallFailure) {
    let logs = CloudWatchLogs(session, region: report.region, source: source, account: quotaAccount(report.account))
    var stores: [String: LogStore] = [:]
    var doubt: Doubt?
    do throws(CallFailure) {
      for group in try logs.groups(prefix: "/aws/eks/") {
        stores[group.name] = LogStore(
          name: group.name, retentionSeconds: group.retentionDays.map { Int64(clamping: $0) * 86_400 },
          isReadable: group.storageClass != "INFREQUENT_ACCESS")
      }
      if stores.count >= CloudWatchLogs.groupsLimit { doubt = .incompleteList }
    } catch {
      if error.outcome == .stopped { throw error }
      doubt = Doubt(error, isProven: false)
      report.storesText = error.text
    }
    for at in report.clusters.indices {
      let store = stores["/aws/eks/\(report.clusters[at].name)/cluster"]
      report.clusters[at].store = store.map { .found($0) } ?? doubt.map { .unknown($0) } ?? .missing
    }
  }
}

/// The clusters of one account, in one region or in all of them.
public struct PostureTarget: Sendable, Hashable {
  /// Its region is `EKSAuditor.everyRegion` for all that are switched on.
  public var place: AWSPlace
  /// What stands before the names of its clusters.
  public var clusterPrefix: String

  public init(_ place: AWSPlace, clusterPrefix: String = "") {
    self.place = place
    self.clusterPrefix = clusterPrefix
  }

  public var isEveryRegion: Bool { place.region == EKSAuditor.everyRegion }
}

extension Doubt {
  /// Whether it is a call that failed, and not what the answer says.
  var isOfCall: Bool { self != .notReported && self != .notReady }

  /// - Parameter isProven: whether another region took the same credentials.
  init(_ failure: CallFailure, isProven: Bool) {
    if failure.code.hasPrefix("credentials_") {
      self = .credentials
      return
    }
    let unknownKeys = ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"]
    if failure.code == "OptInRequired" || isProven && unknownKeys.contains(failure.code) {
      self = .regionOff
      return
    }
    self =
      switch failure.outcome {
      case .denied: .accessDenied
      case .throttled: .throttled
      case .timeout: .timeout
      case .unreachable, .tls, .broken, .stopped, .success: .unreachable
      case .serverError: .serverError
      case .refused: .refused
      case .tooLarge, .unreadable: .unreadable
      }
  }
}
