public import Metrics

extension Counters {
  /// How the windows' contents are spread over time, for the few rows that a page shows. It changes no count and no
  /// window; scrapes do without it.
  ///
  /// - Parameters:
  ///   - seconds: the window to spread; without one of that length, the longest.
  ///   - recentSeconds: the window of `recent`; without one of that length, the shortest.
  ///   - rowsLimit: rows of each table.
  /// - Complexity: linear in the series and their panes; text is read for the rows shown, and for tracked objects.
  public mutating func trends(seconds: Int64 = 3_600, recentSeconds: Int64 = 300, rowsLimit: Int = 12) -> Trends {
    var trends = Trends()
    guard
      let scope = TrendScope(
        edges, clusterCount: clusters.clusters.count, now: now, seconds: seconds, recentSeconds: recentSeconds)
    else { return trends }
    for place in clusters.pending.indices { settlePending(place) }
    trends.axis = scope.axis
    trends.window = settings.windows[scope.window].name
    trends.recentWindow = settings.windows[scope.recentWindow].name
    trends.clusters = clusterTrends(scope)

    // Owner 0 is nobody: what was folded into `(other)`, told apart by cluster.
    let owners = denied.owners.placeCount
    let refused = denied.trendValues(scope, panes)
    trends.refusedUsers = denied.trendTable(
      scope, panes, refused, .mostRefused, limit: rowsLimit, groupCount: owners + denied.clusterCount,
      group: { $1.user == 0 ? owners + Int($1.cluster) : Int($1.user) }, other: \.address)
    trends.refusedSourceIPs = denied.trendTable(
      scope, panes, refused, .mostRefused, limit: rowsLimit, groupCount: owners + denied.clusterCount,
      group: { $1.address == 0 ? owners + Int($1.cluster) : Int($1.address) }, other: \.user)

    let changes = rbac.trendValues(scope, panes)
    trends.rbacMutations = rbac.trendTable(
      scope, panes, changes, .latest, limit: rowsLimit, groupCount: changes.count, group: { place, _ in place },
      other: \.user)
    trends.trackedObjects = trackedTrends(scope, limit: rowsLimit)
    return trends
  }

  private func clusterTrends(_ scope: TrendScope) -> [Trends.Cluster] {
    let windowCount = edges.windows.count
    var all = clusters.clusters.indices.map { cluster in
      var trend = Trends.Cluster(
        name: clusters.name(cluster), requests: scope.noPanes, serverErrors: scope.noPanes, denied: scope.noPanes)
      for codeClass in 0..<ClusterTable.classCount {
        let head = clusters.heads[(cluster * ClusterTable.classCount + codeClass) * windowCount + scope.window]
        scope.add(head, cluster, panes, to: &trend.requests)
        if codeClass == 5 { scope.add(head, cluster, panes, to: &trend.serverErrors) }
      }
      return trend
    }
    for place in denied.table.series.indices where denied.table.series[place].state != .free {
      let cluster = Int(denied.table.series[place].cluster)
      scope.add(denied.table.heads[place * windowCount + scope.window], cluster, panes, to: &all[cluster].denied)
    }
    return zip(all, clusters.clusters.indices).filter { edges.isHeard($1) }.map(\.0)
  }

  /// Groups the series of tracked objects by the object's name.
  private func trackedTrends(_ scope: TrendScope, limit: Int) -> Trends.Table {
    let values = trackedInWindow.trendValues(scope, panes)
    var groups: [ArraySlice<UInt8>: Int] = [:]
    let arena = trackedInWindow.table.arena
    let clusters = clusters.clusters
    return trackedInWindow.trendTable(
      scope, panes, values, .rarest, limit: limit, groupCount: values.count,
      group: { _, series in
        let prefix = clusters[Int(series.cluster)].labels.count + Self.objectPrefix.utf8CodeUnitCount
        let name = Self.value(in: arena[series.labels].dropFirst(prefix))
        if let known = groups[name] { return known }
        groups[name] = groups.count
        return groups.count - 1
      }, other: \.user)
  }

  /// What stands between a cluster's labels and the name of the object.
  private static let objectPrefix: StaticString = ",object=\""

  /// The escaped value that a row goes on with.
  private static func value(in row: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var end = row.startIndex
    while end < row.endIndex, row[end] != UInt8(ascii: "\"") { end += row[end] == UInt8(ascii: "\\") ? 2 : 1 }
    return row[..<min(end, row.endIndex)]
  }
}
