internal import AWS
internal import Concurrency
internal import Diagnostics
internal import Posture
internal import Transport

/// `posture check`: one round over everything, printed.
struct PostureCheck {
  private let targets: [PostureTarget]
  private let rate: Throttle.Rate
  private let format: ListFormat
  private let console: Console

  /// - Parameter regions: to look at these alone; none for all that the settings name.
  init(_ settings: Settings, regions: [String], _ format: ListFormat, _ console: Console) {
    targets = Self.targets(settings.postureTargets, in: regions)
    rate = settings.posture.rate
    self.format = format
    self.console = console
  }

  /// The targets narrowed to regions: one that is every region becomes each of them, and where no target is in one, that
  /// region is looked at as the targets reach it.
  static func targets(_ all: [PostureTarget], in regions: [String]) -> [PostureTarget] {
    guard !regions.isEmpty else { return all }
    var narrowed: [PostureTarget] = []
    for region in regions {
      let named = all.filter { $0.isEveryRegion || $0.place.region == region }
      for var target in named.isEmpty ? all : named {
        target.place.region = region
        if !narrowed.contains(where: { $0.place == target.place }) { narrowed.append(target) }
      }
    }
    return narrowed
  }

  /// The exit code.
  func run() -> Int32 {
    do throws(Failure) {
      let environment = ProcessEnvironment.current()
      let chain = try CredentialChain(environment)
      let base = try chain.source()
      let session = try AWSSession.make(environment, policy: CallPolicy(), stop: StopSignal())
      var reports: [RegionReport] = []
      for target in targets { reports += look(session, target, base, chain.region) }
      console.out(
        format == .json ? PostureJSON.text(reports) : PostureTable(reports).text(columns: Terminal.columns(1)))
      return Self.exitCode(reports)
    } catch {
      console.error(FailureReport.lines([error]))
      return 2
    }
  }

  private func look(
    _ session: AWSSession, _ target: PostureTarget, _ base: CredentialSource, _ homeRegion: String?
  ) -> [RegionReport] {
    let auditor = EKSAuditor(session, target, base: base, homeRegion: homeRegion, rate: rate)
    var account = (number: target.place.account, isProven: false)
    do throws(CallFailure) {
      account = try auditor.account()
      var reports: [RegionReport] = []
      for region in try auditor.regions() {
        // A large account takes minutes.
        if Terminal.isTerminal(2) { console.error("Looking at \(region)\n") }
        reports.append(try auditor.audit(region: region, account: account.number, isProven: account.isProven))
      }
      return reports
    } catch {
      let region = target.isEveryRegion ? "" : target.place.region
      return [RegionReport.failed(account: account.number, region: region, error)]
    }
  }

  /// 0 when every cluster is enabled; 1 when one is known not to be; else 2: something could not be judged.
  static func exitCode(_ reports: [RegionReport]) -> Int32 {
    let statuses = reports.flatMap(\.clusters).compactMap { LoggingStatus($0) }
    if statuses.contains(where: { $0 != .enabled && $0 != .unknown }) { return 1 }
    return statuses.contains(.unknown) || reports.isEmpty || reports.contains { $0.doubt != nil } ? 2 : 0
  }
}

/// `{"clusters": […], "regions": […]}`: what was found, and where the list of clusters is missing or not whole.
enum PostureJSON {
  static func text(_ reports: [RegionReport]) -> String {
    let clusters = reports.flatMap(\.clusters).map(cluster)
    let regions = reports.filter { $0.doubt != nil }.map { report in
      object([
        ("provider", quoted(report.provider.rawValue)), ("account", quoted(report.account)),
        ("region", quoted(report.region)), ("reason", quoted(report.doubt?.rawValue ?? "")),
        ("error", quoted(report.doubtText)),
      ])
    }
    return "{\"clusters\":\(list(clusters)),\n\"regions\":\(list(regions))}\n"
  }

  private static func cluster(_ facts: ClusterFacts) -> String {
    let types = facts.logTypes.map { ($0.name, $0.isExported.map { $0 ? "true" : "false" } ?? "null") }
    let findings = CheckList.judge(facts).compactMap { judgement -> String? in
      let what: (String, String)
      switch judgement.finding {
      case .satisfied: return nil
      case .violated(let text, let remedy): what = (text, remedy)
      case .unknown(let doubt): what = ("not known: \(doubt.text)", doubt.remedy)
      }
      return object([
        ("rule", quoted(judgement.rule)), ("what", quoted(what.0)), ("remedy", quoted(what.1)),
        ("advice", judgement.isDeciding ? "false" : "true"),
      ])
    }
    return object([
      ("provider", quoted(facts.provider.rawValue)), ("account", quoted(facts.account)),
      ("region", quoted(facts.region)), ("cluster", quoted(facts.name)),
      ("status", quoted(LoggingStatus(facts)?.rawValue ?? "not_applicable")), ("log_types", object(types)),
      ("reason", facts.doubt.map { quoted($0.rawValue) } ?? "null"),
      ("findings", "[\(findings.joined(separator: ","))]"),
    ])
  }

  private static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }

  private static func list(_ items: [String]) -> String {
    items.isEmpty ? "[]" : "[\n" + items.joined(separator: ",\n") + "\n]"
  }

  private static func quoted(_ text: String) -> String { LogFormat.quoted(text) }
}
