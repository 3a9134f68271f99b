import AuditEvents

@testable import Counting

/// What the definitions of DESIGN.md say, by brute force: it keeps every event and every series in plain lists, and
/// asks them all each time. No structure of it is shared with what is tested.
struct Model {
  struct Entry {
    var labels: [String: String]
    var isExact: Bool
    var isOverflow = false
    var count = 0
    var changed: Int64
    var reading: Int
    var shown: Set<Int> = []
    var cluster: String { labels["k8s_cluster"] ?? "" }
    var address: String { labels["source_ip"] ?? "" }
  }

  struct Hit {
    var labels: [String: String]
    var second: Int64
  }

  struct Family {
    var entries: [Entry] = []
    var hits: [Hit] = []
    var overflow = 0
    var expired = 0
  }

  struct Feed {
    var newest: Int64
    var lag: Int64
    var heard: Int64
  }

  let settings: CountingSettings
  var now: Int64 = 0
  var feeds: [String: [Int: Feed]] = [:]
  var edges: [String: Int64] = [:]
  var clusters: [String] = []
  var families: [String: Family] = [:]
  var stages: [String: [Stage: Int]] = [:]
  var requests: [(cluster: String, codeClass: String, second: Int64)] = []
  var refused: [(cluster: String, address: String, user: String, second: Int64)] = []
  var folded: Set<String> = []
  var late: [Int: Int] = [:]
  var skewed: [Int: Int] = [:]
  var number = 0
  var scraped = 0

  /// Those that are loaded now.
  var rules: [DetectionRule] = []

  init(_ settings: CountingSettings) {
    self.settings = settings
    rules = settings.detectionRules
  }

  mutating func cluster(_ name: String) -> String {
    if clusters.contains(name) { return name }
    if clusters.count - (clusters.contains("(other)") ? 1 : 0) < settings.clusterLimit {
      clusters.append(name)
      return name
    }
    if !clusters.contains("(other)") { clusters.append("(other)") }
    return "(other)"
  }

  /// The system's clock shows this: set back far, all windows begin anew.
  mutating func keepTime(_ time: Int64) {
    guard !settings.followsEventTime, now - time > 120_000_000 else { return }
    now = time
    (requests, refused, edges) = ([], [], [:])
    for (name, before) in families {
      var family = before
      family.hits = []
      for place in family.entries.indices {
        family.entries[place].shown = []
        family.entries[place].changed = min(now, family.entries[place].changed)
      }
      families[name] = family
    }
    for (cluster, inputs) in feeds {
      for (input, feed) in inputs {
        feeds[cluster]?[input] = Feed(newest: min(feed.newest, now), lag: feed.lag, heard: min(feed.heard, now))
      }
      advance(cluster)
    }
  }

  /// Moves the edge of one cluster on, as its feeds stand.
  mutating func advance(_ cluster: String) {
    guard let heard = feeds[cluster] else { return }
    let maxLag = settings.maxLagSeconds.map { $0 * 1_000_000 } ?? .max
    let lag = heard.values.filter { now - $0.heard <= maxLag }.map(\.lag).max() ?? 0
    edges[cluster] = max(edges[cluster] ?? 0, now - lag)
  }

  mutating func count(_ event: TestEvent, cluster: String, input: Int, arrival given: Int64) {
    let stated = event.seconds.map { Int64(($0 * 1e6).rounded()) }
    var arrival = given
    if settings.followsEventTime {
      now = max(now, stated ?? 0)
      arrival = now
    } else {
      now = max(now, arrival)
    }
    var time = stated ?? arrival
    if time > arrival {
      if time - arrival > 60_000_000 { skewed[input, default: 0] += 1 }
      time = arrival
    }
    advance(cluster)
    var feed = feeds[cluster]?[input] ?? Feed(newest: .min, lag: 0, heard: 0)
    feed.heard = now
    if time > feed.newest {
      feed.newest = time
      feed.lag = min(max(0, arrival - time), (settings.maxLagSeconds ?? .max / 2_000_000) * 1_000_000)
    }
    feeds[cluster, default: [:]][input] = feed
    advance(cluster)
    stages[cluster, default: [:]][event.stage, default: 0] += 1
    guard isRequest(event) else { return }
    let second = time / 1_000_000
    let inReach = settings.windows.isEmpty || settings.windows.contains { isIn($0, second, cluster) }
    if !inReach { late[input, default: 0] += 1 }
    let codeClass = event.code == 0 ? "unknown" : "\(event.code / 100)xx"
    requests.append((cluster, codeClass, second))
    countFamilies(event, cluster, second)
  }

  func isRequest(_ event: TestEvent) -> Bool {
    event.stage == .responseComplete || event.stage == .panic
      || (event.stage == .responseStarted && event.user.isEmpty && event.code >= 400)
  }

  /// p(edge) − 30 ≤ p(e), with whole seconds.
  func isIn(_ window: WindowSpan, _ second: Int64, _ cluster: String) -> Bool {
    let width = window.seconds / 30
    return (edges[cluster] ?? 0) / 1_000_000 / width - 30 <= second / width
  }

  /// Counts a hit in the entry with these labels, made when it is not there.
  mutating func hit(
    _ family: String, _ labels: [String: String], _ second: Int64, isExact: Bool = true, isOverflow: Bool = false
  ) {
    var counted = families[family] ?? Family()
    let place = counted.entries.firstIndex { $0.labels == labels } ?? counted.entries.count
    if place == counted.entries.count {
      counted.entries.append(Entry(labels: labels, isExact: isExact, isOverflow: isOverflow, changed: 0, reading: 0))
    }
    counted.entries[place].count += 1
    counted.entries[place].changed = now
    counted.entries[place].reading = number + 1
    counted.hits.append(Hit(labels: labels, second: second))
    families[family] = counted
  }

  func has(_ family: String, _ labels: [String: String]) -> Bool {
    families[family]?.entries.contains { $0.labels == labels } ?? false
  }

  func isFull(_ family: String, _ limit: FamilyLimit, _ cluster: String) -> Bool {
    let admitted = (families[family]?.entries ?? []).filter { !$0.isOverflow }
    return admitted.count >= limit.inAll
      || admitted.filter { $0.cluster == cluster }.count >= limit.perCluster
  }

  func held(_ family: String, _ cluster: String, _ label: String, _ value: String) -> Int {
    (families[family]?.entries ?? []).filter {
      $0.isExact && $0.cluster == cluster && $0.labels[label] == value
    }.count
  }
}
