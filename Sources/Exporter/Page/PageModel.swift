internal import Diagnostics
internal import Inputs
internal import Metrics

/// Everything that the page shows: plain values at one instant.
struct PageModel: Sendable {
  struct Input: Sendable {
    var name: String
    var status: InputStatus.Snapshot
  }

  var readings: Readings
  var inputs: [Input]
  var version: String
  /// Unix time of the process' start, and now.
  var startedAt: Microseconds
  var now: Microseconds
  /// What every link begins with: empty, or `/x/y`.
  var linkPrefix: String
  var telemetryPath: String
  /// Why the exporter is not ready; nil when it is.
  var obstacle: String?
  /// Where the documentation is; no link when empty.
  var documentationURL = ""
}

/// What the page says of the readings: sums and the largest rows of the shortest window.
struct PageFigures: Sendable {
  struct Cluster: Sendable {
    var name: String
    var requests = 0.0
    var denied = 0.0
    var serverErrorRatio: Double?
    var rbacMutations = 0.0
    var lastEvent: Microseconds?
    /// How far behind each input is, by its name.
    var lags: [(input: String, seconds: Double)] = []
    var lagSeconds: Double? { lags.map(\.seconds).max() }
  }
  /// A user or a source IP, and how often it is refused.
  struct Refused: Sendable {
    var name: String
    var count = 0.0
    /// By reason.
    var reasons: [String: Double] = [:]
    /// How many different ones of the other kind.
    var others: Set<String> = []
  }
  struct Change: Sendable {
    var cluster, user, verb, resource, outcome: String
    var count: Double
  }

  /// The name of the shortest window; nil while no window holds anything.
  var window: String?
  var requests = 0.0
  var denied = 0.0
  /// Over all clusters; nil while there is no request.
  var serverErrorRatio: Double?
  var rbacMutations = 0.0
  /// The busiest first.
  var clusters: [Cluster] = []
  /// The most refused first.
  var users: [Refused] = []
  var sourceIPs: [Refused] = []
  /// The most frequent first.
  var changes: [Change] = []
  /// The family that is fullest, with its share; nil when none is bounded.
  var fullest: (family: String, share: Double)?

  private let readings: Readings

  init(_ readings: Readings) {
    self.readings = readings
    window = Self.shortestWindow(in: readings)
    readClusters()
    readRefused()
    readChanges()
    readFullness()
  }

  /// The sum of a family's samples.
  func sum(_ family: FamilyID) -> Double { readings[family].rows.reduce(0) { $0 + $1.value } }

  private typealias Labels = [Label: String]

  /// The rows of a family, those of another window left out.
  private func rows(_ family: FamilyID) -> [(labels: Labels, value: Double)] {
    let set = readings[family]
    return set.rows.compactMap { row in
      let labels = Labels(set.labels(of: row).map { ($0.label, $0.value) }, uniquingKeysWith: { first, _ in first })
      if let other = labels[.window], other != window { return nil }
      return (labels, row.value)
    }
  }

  private static func shortestWindow(in readings: Readings) -> String? {
    let families: [FamilyID] = [.windowRequests, .windowDeniedRequests, .windowRBACMutations]
    let names = families.flatMap { family in
      readings[family].rows.compactMap { readings[family].value(of: .window, in: $0) }
    }
    return Set(names).min { left, right in
      (PageFormat.seconds(ofWindow: left) ?? .max, left) < (PageFormat.seconds(ofWindow: right) ?? .max, right)
    }
  }

  private mutating func readClusters() {
    var all: [String: Cluster] = [:]
    var failed = 0.0
    func change(_ labels: Labels, _ body: (inout Cluster) -> Void) {
      let name = labels[.cluster] ?? "(unknown)"
      body(&all[name, default: Cluster(name: name)])
    }
    for row in rows(.clusterExpected) { change(row.labels) { _ in } }
    for row in rows(.windowRequests) {
      change(row.labels) { $0.requests += row.value }
      if row.labels[.codeClass] == "5xx" { failed += row.value }
    }
    for row in rows(.windowDeniedRequests) { change(row.labels) { $0.denied += row.value } }
    for row in rows(.windowServerErrorRatio) { change(row.labels) { $0.serverErrorRatio = row.value } }
    for row in rows(.windowRBACMutations) { change(row.labels) { $0.rbacMutations += row.value } }
    for row in rows(.clusterLastEvent) where row.value.magnitude < 1e12 {
      change(row.labels) { $0.lastEvent = max($0.lastEvent ?? .min, Microseconds(row.value * 1e6)) }
    }
    for row in rows(.eventLag) { change(row.labels) { $0.lags.append((row.labels[.input] ?? "(unknown)", row.value)) } }
    clusters = all.values.sorted { ($1.requests, $0.name) < ($0.requests, $1.name) }
    requests = clusters.reduce(0) { $0 + $1.requests }
    denied = clusters.reduce(0) { $0 + $1.denied }
    rbacMutations = clusters.reduce(0) { $0 + $1.rbacMutations }
    serverErrorRatio = requests > 0 ? failed / requests : nil
  }

  private mutating func readRefused() {
    var byUser: [String: Refused] = [:]
    var byIP: [String: Refused] = [:]
    for row in rows(.windowDeniedRequests) {
      let user = row.labels[.user] ?? "(unknown)"
      let address = row.labels[.sourceIP] ?? "(unknown)"
      let reason = row.labels[.reason] ?? "unknown"
      func add(_ all: inout [String: Refused], _ name: String, _ other: String) {
        all[name, default: Refused(name: name)].count += row.value
        all[name]?.reasons[reason, default: 0] += row.value
        all[name]?.others.insert(other)
      }
      add(&byUser, user, address)
      add(&byIP, address, user)
    }
    users = byUser.values.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    sourceIPs = byIP.values.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  private mutating func readChanges() {
    changes = rows(.windowRBACMutations).map { row in
      func text(_ label: Label) -> String { row.labels[label] ?? "(none)" }
      return Change(
        cluster: text(.cluster), user: text(.user), verb: text(.verb), resource: text(.resource),
        outcome: text(.outcome), count: row.value)
    }.sorted { ($1.count, $0.user, $0.resource, $0.verb) < ($0.count, $1.user, $1.resource, $1.verb) }
  }

  private mutating func readFullness() {
    var limits: [String: Double] = [:]
    for row in rows(.seriesLimit) { limits[row.labels[.family] ?? ""] = row.value }
    let shares = rows(.series).compactMap { row -> (family: String, share: Double)? in
      guard let family = row.labels[.family], let limit = limits[family], limit > 0 else { return nil }
      return (family, row.value / limit)
    }
    fullest = shares.max { ($0.share, $1.family) < ($1.share, $0.family) }
  }
}
