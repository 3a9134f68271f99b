import Metrics
import Testing

@testable import Counting

/// Trends against the model's lists of events.
extension RandomProgram {
  mutating func compareTrends(_ trends: Trends, _ readings: Readings, _ step: Int) {
    guard let window = settings.windows.first(where: { $0.seconds == 120 }) ?? settings.windows.max(by: isShorter)
    else {
      #expect(trends.axis.count == 0 && trends.clusters.isEmpty && trends.refusedUsers.rows.isEmpty)
      return
    }
    #expect(trends.window == window.name)
    let axis = trends.axis
    let width = window.seconds / 30
    let edge = model.feeds.keys.compactMap { model.edges[$0] }.min() ?? model.now
    let reach = (model.now / 1_000_000 / width) - max(0, min(edge, model.now) / 1_000_000 / width - 30)
    #expect(axis.paneSeconds == width && axis.count == min(reach, 60) + 1)
    #expect(axis.firstSecond + Int64(axis.count - 1) * width == model.now / 1_000_000 / width * width)
    compareClusters(trends, window, step)
    let recent = settings.windows.min(by: isShorter) ?? window
    let short = settings.windows.first { $0.seconds == 300 } ?? recent
    compare("user", trends.refusedUsers, trends, "denied_requests_total", ["k8s_cluster", "user"], "source_ip", step)
    compare(
      "source_ip", trends.refusedSourceIPs, trends, "denied_requests_total", ["k8s_cluster", "source_ip"], "user", step)
    compare(
      "rbac", trends.rbacMutations, trends, "rbac_mutations_total",
      ["k8s_cluster", "resource", "verb", "user", "outcome"], "user", step)
    compare("object", trends.trackedObjects, trends, "window_tracked_requests", ["object"], "user", step)
    #expect(trends.recentWindow == short.name)
    // The gauge and the panes are one number, where no other row is folded into it.
    let gauge = readings[.windowDeniedRequests]
    let sum = gauge.rows.filter { gauge.value(of: .window, in: $0) == window.name }.reduce(0) { $0 + $1.value }
    let panes = trends.clusters.flatMap(\.denied).reduce(0, +)
    if Double(panes) != sum { differ("denied panes", "\(panes), the gauge says \(sum)", step) }
  }

  private func isShorter(_ a: WindowSpan, _ b: WindowSpan) -> Bool { a.seconds < b.seconds }

  /// How many of these seconds fall into which place of the axis.
  private func panes(_ seconds: [Int64], _ axis: Trends.Axis) -> [UInt64] {
    var panes = [UInt64](repeating: 0, count: axis.count)
    for second in seconds {
      let place = second / axis.paneSeconds - axis.firstSecond / axis.paneSeconds
      panes[max(0, Int(place))] += 1
    }
    return panes
  }

  private mutating func compareClusters(_ trends: Trends, _ window: WindowSpan, _ step: Int) {
    if Set(trends.clusters.map(\.name)) != Set(model.feeds.keys) || trends.clusters.count != model.feeds.count {
      differ("clusters", "\(trends.clusters.map(\.name))", step)
    }
    for cluster in trends.clusters {
      let inside = model.requests.filter { $0.cluster == cluster.name && model.isIn(window, $0.second, $0.cluster) }
      let denied = (model.families["denied_requests_total"]?.hits ?? []).filter {
        $0.labels["k8s_cluster"] == cluster.name && model.isIn(window, $0.second, cluster.name)
      }
      for (what, got, seconds) in [
        ("requests", cluster.requests, inside.map(\.second)),
        ("errors", cluster.serverErrors, inside.filter { $0.codeClass == "5xx" }.map(\.second)),
        ("denied", cluster.denied, denied.map(\.second)),
      ] where got != panes(seconds, trends.axis) {
        differ("trend of \(what) of \(cluster.name)", "\(got), not \(panes(seconds, trends.axis))", step)
      }
    }
  }

  /// Compares every row that is shown with the events of its labels, and the order with that of all groups.
  private mutating func compare(
    _ what: String, _ table: Trends.Table, _ trends: Trends, _ family: String, _ by: [String], _ other: String,
    _ step: Int
  ) {
    var groups: [[String]: [Model.Hit]] = [:]
    for hit in model.families[family]?.hits ?? [] where isIn(trends.window, hit) {
      groups[by.map { hit.labels[$0] ?? "" }, default: []].append(hit)
    }
    if table.count != groups.count || table.rows.count != min(4, groups.count) {
      return differ(what, "\(table.rows.count) rows of \(table.count), not of \(groups.count)", step)
    }
    for row in table.rows {
      let labels = Dictionary(
        uniqueKeysWithValues: row.parts.labels(of: row.parts.rows[0]).map { ($0.label.rawValue, $0.value) })
      let key = by.map { labels[$0] ?? "" }
      let hits = groups.removeValue(forKey: key) ?? []
      let recent = hits.filter { isIn(trends.recentWindow, $0) }.count
      let parts = Dictionary(grouping: hits, by: \.labels).values.map(\.count).sorted(by: >).prefix(8)
      if row.panes != panes(hits.map(\.second), trends.axis) || row.total != hits.count || row.recent != recent
        || row.others != Set(hits.map { [$0.labels["k8s_cluster"], $0.labels[other]] }).count
        || row.parts.rows.map(\.value) != parts.map(Double.init)
      {
        return differ("trend of \(key)", "\(row), not \(hits.count) and \(recent)", step)
      }
    }
    checkChoice(what, table, groups, trends, step)
  }

  /// No group that was left out comes before one that is shown.
  private mutating func checkChoice(
    _ what: String, _ table: Trends.Table, _ left: [[String]: [Model.Hit]], _ trends: Trends, _ step: Int
  ) {
    let shown = table.rows
    for (key, hits) in left {
      let recent = hits.filter { isIn(trends.recentWindow, $0) }.count
      let isWrong =
        switch what {
        case "object": shown.contains { $0.total > hits.count }
        case "rbac":
          shown.contains {
            ($0.panes.lastIndex { $0 > 0 } ?? 0) < panes(hits.map(\.second), trends.axis).lastIndex { $0 > 0 } ?? 0
          }
        default:
          shown.filter { $0.recent >= recent }.count < 2 || shown.filter { $0.total >= hits.count }.count < 2
        }
      if isWrong { differ("choice of \(what)", "\(key) was left out", step) }
    }
    if what == "user" || what == "source_ip" {
      let order = shown.map { [$0.recent, $0.total] }
      if order != order.sorted(by: { $1.lexicographicallyPrecedes($0) }) { differ(what, "order \(order)", step) }
    }
  }

  private func isIn(_ name: String, _ hit: Model.Hit) -> Bool {
    settings.windows.contains { $0.name == name && model.isIn($0, hit.second, hit.labels["k8s_cluster"] ?? "") }
  }
}
