@testable import Counting

/// What windowed rules mean, by brute force: it keeps every request that ever came, and looks at all of them each time.
struct WindowModel {
  struct Hit {
    let rule: UInt128
    let cluster: String
    let key: String
    let value: String
    let second: Int64
  }

  struct Feed {
    var newest: Int64
    var lag: Int64
    var heard: Int64
  }

  let settings: CountingSettings
  var rules: [DetectionRule]
  var now: Int64 = 0
  private var feeds: [String: [Int: Feed]] = [:]
  private var edges: [String: Int64] = [:]
  private var hits: [Hit] = []
  /// When a rule began to learn, by rule and cluster.
  private var since: [String: Int64] = [:]
  /// Requests that had no room, by fingerprint and cluster.
  private(set) var overflow: [String: Int] = [:]

  init(_ settings: CountingSettings) {
    self.settings = settings
    rules = settings.detectionRules
  }

  mutating func apply(_ rules: [DetectionRule]) {
    self.rules = rules
    let known = Set(rules.compactMap { $0.window?.fingerprint })
    hits.removeAll { !known.contains($0.rule) }
    let names = known.map { "\($0)" }
    since = since.filter { names.contains(String($0.key.prefix { $0 != "/" })) }
    overflow = overflow.filter { names.contains(String($0.key.prefix { $0 != "/" })) }
  }

  mutating func keepTime(_ time: Int64) {
    guard !settings.followsEventTime, now - time > 120_000_000 else { return }
    now = time
    (hits, since, edges) = ([], [:], [:])
    for (cluster, inputs) in feeds {
      for (input, feed) in inputs {
        feeds[cluster]?[input] = Feed(newest: min(feed.newest, now), lag: feed.lag, heard: min(feed.heard, now))
      }
      advance(cluster)
    }
  }

  mutating func advance(_ cluster: String) {
    guard let heard = feeds[cluster] else { return }
    let maxLag = settings.maxLagSeconds.map { $0 * 1_000_000 } ?? .max
    let lag = heard.values.filter { now - $0.heard <= maxLag }.map(\.lag).max() ?? 0
    edges[cluster] = max(edges[cluster] ?? 0, now - lag)
  }

  /// An event is counted; its time in microseconds, nil for none. Answers the time that it counts at.
  mutating func hear(_ stated: Int64?, cluster: String, input: Int, arrival given: Int64) -> Int64 {
    now = max(now, settings.followsEventTime ? stated ?? 0 : given)
    let arrival = settings.followsEventTime ? now : given
    let time = min(arrival, stated ?? arrival)
    advance(cluster)
    var feed = feeds[cluster]?[input] ?? Feed(newest: -1, lag: 0, heard: now)
    feed.heard = now
    if time > feed.newest {
      feed.newest = time
      feed.lag = max(0, arrival - time)
      if let limit = settings.maxLagSeconds { feed.lag = min(feed.lag, limit * 1_000_000) }
    }
    feeds[cluster, default: [:]][input] = feed
    advance(cluster)
    return time
  }

  private func isInReach(_ second: Int64, _ window: DetectionWindow, _ cluster: String) -> Bool {
    let width = window.seconds / 30
    return (edges[cluster] ?? 0) / 1_000_000 / width - 30 <= second / width
  }

  private func isIn(_ hit: Hit) -> Bool {
    guard let window = rules.first(where: { $0.window?.fingerprint == hit.rule })?.window else { return false }
    return isInReach(hit.second, window, hit.cluster)
  }

  /// The number of requests, or of different values, not cut at the threshold.
  func value(_ window: DetectionWindow, _ cluster: String, _ key: String) -> Int {
    let held = hits.filter {
      $0.rule == window.fingerprint && $0.cluster == cluster && $0.key == key && isIn($0)
    }
    return window.isDistinct ? Set(held.map(\.value)).count : held.count
  }

  /// Whether the rule matches with this request.
  mutating func count(_ rule: Int, cluster: String, key: String, value: String, time: Int64) -> Bool {
    guard let window = rules[rule].window else { return false }
    let second = time / 1_000_000
    guard isInReach(second, window, cluster) else { return false }
    let name = "\(window.fingerprint)/\(cluster)"
    if window.learnSeconds > 0, since[name] == nil { since[name] = second }
    let isLearning = window.learnSeconds > 0 && second - (since[name] ?? 0) < window.learnSeconds
    guard hasRoom(window, cluster, key) else {
      overflow[name, default: 0] += 1
      return false
    }
    let before = self.value(window, cluster, key)
    hits.append(Hit(rule: window.fingerprint, cluster: cluster, key: key, value: value, second: second))
    let after = self.value(window, cluster, key)
    return before < window.atLeast && after >= window.atLeast && !isLearning
  }

  /// Whether the key is there already, or may come to those that are.
  private mutating func hasRoom(_ window: DetectionWindow, _ cluster: String, _ key: String) -> Bool {
    var keys: Set<String> = []
    for hit in hits where hit.rule == window.fingerprint && hit.cluster == cluster && isIn(hit) { keys.insert(hit.key) }
    if keys.contains(key) { return true }
    guard keys.count < settings.windowLimits.keys else { return false }
    for cluster in feeds.keys.sorted() { advance(cluster) }
    return bytes + Self.bytes(window) <= settings.windowLimits.bytes
  }

  /// What keys that are not empty take.
  var bytes: Int {
    var keys: [String: Int] = [:]
    for hit in hits where isIn(hit) {
      let window = rules.first { $0.window?.fingerprint == hit.rule }?.window
      keys["\(hit.rule)/\(hit.cluster)/\(hit.key)"] = window.map(Self.bytes) ?? 0
    }
    return keys.values.reduce(0, +)
  }

  private static func bytes(_ window: DetectionWindow) -> Int {
    96 + (window.isDistinct ? 20 : 8) * window.atLeast
  }
}
