import AuditEvents

@testable import Counting

extension Model {
  /// Rendered labels of every sample and their values, by family.
  typealias Shown = [String: [[String: String]: Double]]

  mutating func readings(now given: Int64) -> Shown {
    if !settings.followsEventTime { now = max(now, given) }
    for cluster in clusters { advance(cluster) }
    settleRules()
    if !settings.followsEventTime {
      expire()
      expireDetections()
    }
    number += 1
    var shown: Shown = [:]
    for (family, byAddress) in [
      ("denied_requests_total", true), ("rbac_mutations_total", false), ("window_tracked_requests", false),
      ("detections_total", false),
    ] {
      let name = family.hasPrefix("window_") ? family : "window_" + family.dropLast("_total".count)
      shown[name] = windows(family, byAddress: byAddress)
    }
    dropSilentTracked()
    for (name, family) in families where name.hasSuffix("_total") {
      shown[name] = Dictionary(uniqueKeysWithValues: family.entries.map { ($0.labels, Double($0.count)) })
    }
    readClasses(&shown)
    return shown
  }

  private mutating func expire() {
    for (name, limit) in [
      ("requests_total", settings.limits.requests), ("denied_requests_total", settings.limits.denied),
      ("server_errors_total", settings.limits.serverErrors), ("rbac_mutations_total", settings.limits.rbacMutations),
      ("tracked_requests_total", settings.limits.tracked),
      ("impersonated_requests_total", settings.limits.impersonated),
    ] {
      guard let family = families[name] else { continue }
      let admitted = family.entries.filter { !$0.isOverflow }
      let gone = admitted.filter { entry in
        let cluster = entry.cluster
        let inCluster = admitted.filter { $0.cluster == cluster }.count
        let isCrowded = inCluster * 5 > limit.perCluster * 4 || admitted.count * 5 > limit.inAll * 4
        let hasWindows = name == "denied_requests_total" || name == "rbac_mutations_total"
        let isSilent =
          !hasWindows
          || !family.hits.contains { hit in
            hit.labels == entry.labels && settings.windows.contains { isIn($0, hit.second, cluster) }
          }
        return isCrowded && isSilent && entry.reading <= scraped
          && now - entry.changed >= settings.idleSeconds * 1_000_000
      }
      for entry in gone {
        families[name]?.expired += entry.count
        families[name]?.entries.removeAll { $0.labels == entry.labels }
        families[name]?.hits.removeAll { $0.labels == entry.labels }
      }
    }
    unfold()
  }

  /// A network without a series is forgotten.
  private mutating func unfold() {
    let entries = families["denied_requests_total"]?.entries ?? []
    folded = folded.filter { key in
      let parts = key.split(separator: " ")
      let prefix = parts[1].prefix { $0 != ":" } + "::"
      return entries.contains {
        $0.cluster == parts[0] && $0.address.hasPrefix(prefix)
      }
    }
  }

  /// A family of windows alone forgets a series that no window holds.
  private mutating func dropSilentTracked() {
    guard var family = families["window_tracked_requests"] else { return }
    let kept = family.entries.filter { entry in
      entry.isOverflow
        || family.hits.contains { hit in
          hit.labels == entry.labels && settings.windows.contains { isIn($0, hit.second, entry.cluster) }
        }
    }
    family.entries = kept
    families["window_tracked_requests"] = family
  }

  private mutating func windows(_ name: String, byAddress: Bool) -> [[String: String]: Double] {
    guard var family = families[name] else { return [:] }
    var shown: [[String: String]: Double] = [:]
    for (w, window) in settings.windows.enumerated() {
      for cluster in clusters {
        var values: [[String: String]: Int] = [:]
        for hit in family.hits where hit.labels["k8s_cluster"] == cluster && isIn(window, hit.second, cluster) {
          values[hit.labels, default: 0] += 1
        }
        let places = family.entries.indices.filter {
          family.entries[$0].cluster == cluster && !family.entries[$0].isOverflow
        }
        for place in places where values[family.entries[place].labels] == nil {
          family.entries[place].shown.remove(w)
        }
        choose(&family, places.filter { values[family.entries[$0].labels] != nil }, values, w, byAddress)
        for (labels, value) in values {
          let place = family.entries.firstIndex { $0.labels == labels }
          var row = labels
          if let place, !family.entries[place].isOverflow, !family.entries[place].shown.contains(w) {
            row[name == "detections_total" ? "rule" : "user"] = "(other)"
            if byAddress { row["source_ip"] = "(other)" }
          }
          row["window"] = window.name
          shown[row, default: 0] += Double(value)
        }
      }
    }
    families[name] = family
    return shown
  }

  /// Gives places away one by one: to the owner with the fewest, there to the largest, then the oldest.
  private func choose(
    _ family: inout Family, _ places: [Int], _ values: [[String: String]: Int], _ window: Int, _ byAddress: Bool
  ) {
    func owner(_ place: Int) -> String { family.entries[place].labels[byAddress ? "source_ip" : "user"] ?? "" }
    while true {
      let shown = places.filter { family.entries[$0].shown.contains(window) }
      let waiting = places.filter { !family.entries[$0].shown.contains(window) }
      guard shown.count < settings.shownSeriesPerWindow, !waiting.isEmpty else { return }
      func held(_ place: Int) -> Int { shown.filter { owner($0) == owner(place) }.count }
      func rank(_ place: Int) -> (Int, Int, Int) { (held(place), -(values[family.entries[place].labels] ?? 0), place) }
      guard let best = waiting.min(by: { rank($0) < rank($1) }) else { return }
      family.entries[best].shown.insert(window)
    }
  }

  private func readClasses(_ shown: inout Shown) {
    for window in settings.windows {
      var users: [[String: String]: Set<String>] = [:]
      for hit in refused where isIn(window, hit.second, hit.cluster) {
        users[["k8s_cluster": hit.cluster, "window": window.name, "source_ip": hit.address], default: []]
          .insert(hit.user)
      }
      for (labels, names) in users { shown["window_distinct_users", default: [:]][labels] = Double(names.count) }
      for cluster in clusters {
        let inside = requests.filter { $0.cluster == cluster && isIn(window, $0.second, cluster) }
        guard !inside.isEmpty else { continue }
        let labels = ["k8s_cluster": cluster, "window": window.name]
        for request in inside {
          shown["window_requests", default: [:]][labels + ["code_class": request.codeClass], default: 0] += 1
        }
        shown["window_server_error_ratio", default: [:]][labels] =
          Double(inside.filter { $0.codeClass == "5xx" }.count) / Double(inside.count)
      }
    }
  }
}
