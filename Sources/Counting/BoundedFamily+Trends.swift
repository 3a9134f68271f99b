internal import Metrics

extension BoundedFamily {
  /// What every series holds in the windows of a scope, by place; its group is not set.
  func trendValues(_ scope: TrendScope, _ panes: borrowing PaneStore) -> [TrendGroup] {
    let count = scope.edges.windows.count
    return table.series.indices.map { place in
      var value = TrendGroup(group: 0)
      guard table.series[place].state != .free else { return value }
      let floors = scope.edges.floors(Int(table.series[place].cluster))
      panes.forEach(table.heads[place * count + scope.window], from: floors.of[scope.window]) { pane, events in
        value.total += UInt64(events)
        value.latest = max(value.latest, pane)
      }
      panes.forEach(table.heads[place * count + scope.recentWindow], from: floors.of[scope.recentWindow]) {
        value.recent += UInt64($1)
      }
      return value
    }
  }

  /// The rows of the groups that the order puts first.
  ///
  /// - Parameters:
  ///   - group: numbers the groups, below `groupCount`; asked of every series that is not empty.
  ///   - other: the owner that a row counts different ones of.
  func trendTable(
    _ scope: TrendScope, _ panes: borrowing PaneStore, _ values: [TrendGroup], _ order: TrendOrder, limit: Int,
    groupCount: Int, group: (_ place: Int, Series) -> Int, other: (Series) -> UInt32
  ) -> Trends.Table {
    var groups = (0..<groupCount).map { TrendGroup(group: $0) }
    var members = [Int](repeating: -1, count: values.count)
    for place in values.indices where values[place].total > 0 || values[place].recent > 0 {
      let at = group(place, table.series[place])
      members[place] = at
      groups[at].total += values[place].total
      groups[at].recent += values[place].recent
      groups[at].latest = max(groups[at].latest, values[place].latest)
    }
    groups.removeAll { $0.total == 0 }
    let chosen = order.choose(groups, limit: limit)
    var rows = chosen.map { _ in TrendRow(panes: scope.noPanes) }
    let slots = Dictionary(uniqueKeysWithValues: zip(chosen.map(\.group), chosen.indices))
    let windowCount = scope.edges.windows.count
    for place in values.indices where members[place] >= 0 {
      guard let slot = slots[members[place]] else { continue }
      let series = table.series[place]
      let head = table.heads[place * windowCount + scope.window]
      rows[slot].add(head, place, values[place].total, other(series), scope, Int(series.cluster), panes)
    }
    return Trends.Table(
      rows: zip(chosen, rows).map { one, row in
        Trends.Row(
          panes: row.panes, total: one.total, recent: one.recent, others: row.others.count,
          parts: row.samples(of: table))
      }, count: groups.count)
  }
}

/// A row while its series are being added up.
private struct TrendRow {
  /// Largest series that a row names.
  static let partsLimit = 8

  var panes: [UInt64]
  /// The cluster and the owner: nobody is another one in each cluster.
  var others: Set<UInt64> = []
  /// The largest first.
  var parts: [(place: Int, total: UInt64)] = []

  init(panes: [UInt64]) { self.panes = panes }

  mutating func add(
    _ head: UInt32, _ place: Int, _ total: UInt64, _ other: UInt32, _ scope: TrendScope, _ cluster: Int,
    _ store: borrowing PaneStore
  ) {
    scope.add(head, cluster, store, to: &panes)
    others.insert(UInt64(cluster) << 32 | UInt64(other))
    let rank = parts.firstIndex { $0.total < total } ?? parts.count
    guard rank < Self.partsLimit else { return }
    parts.insert((place, total), at: rank)
    if parts.count > Self.partsLimit { parts.removeLast() }
  }

  func samples(of table: borrowing SeriesTable) -> SampleSet {
    var samples = SampleSet(sharing: table.arena)
    for part in parts { samples.append(table.series[part.place].labels, Double(part.total)) }
    return samples
  }
}
