import AuditEvents
import TestSupport

@testable import Counting

extension Model {
  static let priorities = [
    "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
  ]

  func labels(_ rule: DetectionRule, _ cluster: String) -> [String: String] {
    ["k8s_cluster": cluster, "rule": rule.name, "priority": Self.priorities[rule.priority]]
  }

  mutating func countDetections(_ matches: [Int], _ event: TestEvent, cluster: String, arrival given: Int64) {
    let arrival = settings.followsEventTime ? now : given
    let time = min(arrival, event.seconds.map { Int64(($0 * 1e6).rounded()) } ?? arrival)
    for match in matches {
      admit(
        "detections_total", settings.limits.detections, cluster, time / 1_000_000, labels(rules[match], cluster),
        ["rule"])
    }
  }

  /// Series at 0 that nobody needs go, and those that rules want come.
  mutating func settleRules() {
    let name = "detections_total"
    let enabled = rules.filter(\.isEnabled)
    families[name, default: Family()].entries = (families[name]?.entries ?? []).filter { entry in
      entry.count > 0 || entry.isOverflow || enabled.contains { labels($0, entry.cluster) == entry.labels }
    }
    let limit = settings.limits.detections
    for (at, cluster) in clusters.enumerated()
    where enabled.count * 2 <= limit.perCluster && (at + 1) * enabled.count * 2 <= limit.inAll {
      for rule in enabled where !has(name, labels(rule, cluster)) && !isFull(name, limit, cluster) {
        let entry = Entry(labels: labels(rule, cluster), isExact: true, changed: 0, reading: 0)
        families[name]?.entries.append(entry)
      }
    }
  }

  /// Series of rules that are gone go when they are idle.
  mutating func expireDetections() {
    guard let family = families["detections_total"] else { return }
    for entry in family.entries where !entry.isOverflow {
      let isLoaded = rules.contains { $0.isEnabled && labels($0, entry.cluster) == entry.labels }
      let isSilent = !family.hits.contains { hit in
        hit.labels == entry.labels && settings.windows.contains { isIn($0, hit.second, entry.cluster) }
      }
      guard !isLoaded, isSilent, entry.reading <= scraped, now - entry.changed >= settings.idleSeconds * 1_000_000
      else { continue }
      families["detections_total"]?.expired += entry.count
      families["detections_total"]?.entries.removeAll { $0.labels == entry.labels }
      families["detections_total"]?.hits.removeAll { $0.labels == entry.labels }
    }
  }
}

extension RandomProgram {
  /// A few rules, some of them of one name.
  mutating func detectionRules() -> [DetectionRule] {
    (0..<random.below(6)).map { _ in
      DetectionRule(name: "r\(random.below(7))", priority: random.below(8), isEnabled: random.chance(85))
    }
  }

  /// Which of the rules an event matches.
  mutating func matches(_ rules: [DetectionRule]) -> [Int] {
    rules.indices.filter { rules[$0].isEnabled && random.chance(30) }
  }
}
