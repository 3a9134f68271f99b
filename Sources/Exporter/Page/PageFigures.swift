internal import Diagnostics
internal import Metrics

/// What the page says of a reading: sums, the rows of its tables, and the alerts that would fire.
struct PageFigures: Sendable {
  struct Cluster: Sendable {
    var name: String
    var requests = 0.0
    var denied = 0.0
    var serverErrorRatio: Double?
    /// Those that succeeded, as everywhere.
    var rbacMutations = 0.0
    var lastEvent: Microseconds?
    /// How far behind each input is, by its name.
    var lags: [(input: String, seconds: Double)] = []
    /// Over the last hour; nil while nothing was heard.
    var trend: Trends.Cluster?
    /// Alerts that would fire for it.
    var alarms: Set<String> = []
    var lagSeconds: Double? { lags.map(\.seconds).max() }
  }

  /// A user, a source IP, or an object, and what was asked.
  struct Row: Sendable {
    var labels: [Label: String]
    var parts: [[Label: String]]
    var others: Int
    var total: UInt64
    var recent: UInt64
    var panes: [UInt64]

    /// The different values of a label among its largest series, in their order.
    func values(_ label: Label) -> [String] {
      var values: [String] = []
      for part in parts { if let value = part[label], !values.contains(value) { values.append(value) } }
      return values
    }
  }

  struct Table: Sendable {
    var rows: [Row] = []
    var count = 0
  }

  /// Names of the short window and of the one that is drawn.
  let window: String
  let trendWindow: String
  let plotter: Plotter
  let findings: [AlertFinding]

  var requests = 0.0
  var denied = 0.0
  /// Over all clusters; nil while there is no request.
  var serverErrorRatio: Double?
  var rbacMutations = 0.0
  /// Those in trouble first, then the busiest.
  var clusters: [Cluster] = []
  let users: Table
  let sourceIPs: Table
  let changes: Table
  let objects: Table
  /// The family that is fullest, with its share; nil when none is bounded.
  var fullest: (family: String, share: Double)?

  private let readings: Readings

  init(_ readings: Readings, now: Microseconds) {
    self.readings = readings
    let trends = readings.trends ?? Trends()
    window = trends.recentWindow.isEmpty ? "5m" : trends.recentWindow
    trendWindow = trends.window.isEmpty ? "1h" : trends.window
    plotter = Plotter(trends.axis, recentSeconds: PageFormat.seconds(ofWindow: window) ?? 0)
    findings = AlertConditions.findings(in: readings, nowSeconds: (Double(now) / 1e6).rounded(.down))
    users = Self.table(trends.refusedUsers)
    sourceIPs = Self.table(trends.refusedSourceIPs)
    changes = Self.table(trends.rbacMutations)
    objects = Self.table(trends.trackedObjects)
    readClusters(trends)
    readFullness()
  }

  /// The sum of a family's samples.
  func sum(_ family: FamilyID) -> Double { readings[family].rows.reduce(0) { $0 + $1.value } }

  /// The same of one input.
  func sum(_ family: FamilyID, input: String) -> Double {
    let samples = readings[family]
    return samples.rows.reduce(0) { $0 + (samples.value(of: .input, in: $1) == input ? $1.value : 0) }
  }

  /// All panes of all clusters.
  func total(_ panes: KeyPath<Trends.Cluster, [UInt64]>) -> [UInt64] {
    var total = [UInt64](repeating: 0, count: readings.trends?.axis.count ?? 0)
    for cluster in readings.trends?.clusters ?? [] {
      for (at, value) in cluster[keyPath: panes].enumerated() where at < total.count { total[at] += value }
    }
    return total
  }

  private static func table(_ table: Trends.Table) -> Table {
    Table(
      rows: table.rows.map { row in
        let parts = row.parts.rows.map { part in
          Dictionary(row.parts.labels(of: part).map { ($0.label, $0.value) }) { first, _ in first }
        }
        return Row(
          labels: parts.first ?? [:], parts: parts, others: row.others, total: row.total, recent: row.recent,
          panes: row.panes)
      }, count: table.count)
  }

  /// What a query finds in the reading.
  func groups(_ query: SampleQuery) -> [SampleQuery.Group] { query.groups(in: readings) }

  private func groups(_ family: FamilyID, by labels: [Label], _ matchers: [SampleQuery.Matcher] = [])
    -> [SampleQuery.Group]
  {
    SampleQuery(.sum, by: labels, family, matchers).groups(in: readings)
  }

  private mutating func readClusters(_ trends: Trends) {
    var all: [String: Cluster] = [:]
    func change(_ group: SampleQuery.Group, _ body: (inout Cluster) -> Void) {
      let name = group.values.first ?? ""
      body(&all[name, default: Cluster(name: name)])
    }
    let inWindow = [SampleQuery.Matcher.equals(.window, window)]
    for group in groups(.clusterExpected, by: [.cluster]) { change(group) { _ in } }
    var failed = 0.0
    for group in groups(.windowRequests, by: [.cluster, .codeClass], inWindow) {
      change(group) { $0.requests += group.value }
      if group.values.last == "5xx" { failed += group.value }
    }
    for group in groups(.windowDeniedRequests, by: [.cluster], inWindow) { change(group) { $0.denied = group.value } }
    for group in groups(.windowServerErrorRatio, by: [.cluster], inWindow) {
      change(group) { $0.serverErrorRatio = group.value }
    }
    for group in groups(.windowRBACMutations, by: [.cluster], inWindow + [.equals(.outcome, "success")]) {
      change(group) { $0.rbacMutations = group.value }
    }
    let newest = SampleQuery(.max, by: [.cluster], .clusterLastEvent).groups(in: readings)
    for group in newest where group.value.magnitude < 1e12 {
      change(group) { $0.lastEvent = Microseconds(group.value * 1e6) }
    }
    for group in groups(.eventLag, by: [.cluster, .input]) {
      change(group) { $0.lags.append((group.values.last ?? "", group.value)) }
    }
    for trend in trends.clusters { all[trend.name]?.trend = trend }
    for finding in findings {
      if let name = finding.labels.first(where: { $0.label == .cluster })?.value {
        all[name]?.alarms.insert(finding.condition.name)
      }
    }
    clusters = all.values.sorted {
      ($1.alarms.count, $1.requests, $0.name) < ($0.alarms.count, $0.requests, $1.name)
    }
    requests = clusters.reduce(0) { $0 + $1.requests }
    denied = clusters.reduce(0) { $0 + $1.denied }
    rbacMutations = clusters.reduce(0) { $0 + $1.rbacMutations }
    serverErrorRatio = requests > 0 ? failed / requests : nil
  }

  private mutating func readFullness() {
    var limits: [String: Double] = [:]
    for group in groups(.seriesLimit, by: [.family]) { limits[group.values[0]] = group.value }
    let shares = groups(.series, by: [.family]).compactMap { group -> (family: String, share: Double)? in
      guard let limit = limits[group.values[0]], limit > 0 else { return nil }
      return (group.values[0], group.value / limit)
    }
    fullest = shares.max { ($0.share, $1.family) < ($1.share, $0.family) }
  }
}
