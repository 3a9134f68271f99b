internal import Metrics

/// Which windows trends are taken of, and where a pane stands on the axis that all rows share.
///
/// - Axis: it ends with the pane of now. It begins where the window of the cluster that is furthest behind begins, at
///   most `reachLimit` panes before: what is older (of a feed more than a window behind) stands in the first place.
struct TrendScope {
  /// Places on the axis.
  static let reachLimit = 2 * UInt32(WindowSpan.paneCount) + 1

  /// Indices of windows.
  let window: Int
  let recentWindow: Int
  let edges: StreamEdge
  /// The pane in the first place, and how many places there are.
  let firstPane: UInt32
  let count: Int

  /// Nil where no window is configured. The spans are preferences: the longest and the shortest window stand in.
  init?(_ edges: StreamEdge, clusterCount: Int, now: Int64, seconds: Int64, recentSeconds: Int64) {
    let spans = edges.windows.spans
    guard let shortest = spans.indices.min(by: { spans[$0].seconds < spans[$1].seconds }) else { return nil }
    window = spans.firstIndex { $0.seconds == seconds } ?? edges.windows.longest
    recentWindow = spans.firstIndex { $0.seconds == recentSeconds } ?? shortest
    self.edges = edges
    let last = edges.windows.panes(atSecond: EventTime.second(now)).of[window]
    func before(_ panes: UInt32) -> UInt32 { last > panes ? last - panes : 0 }
    var first = before(UInt32(WindowSpan.paneCount))
    for cluster in 0..<clusterCount where edges.isHeard(cluster) {
      first = min(first, edges.floors(cluster).of[window])
    }
    firstPane = max(first, before(Self.reachLimit - 1))
    count = Int(last - firstPane) + 1
  }

  var axis: Trends.Axis {
    var axis = Trends.Axis()
    axis.paneSeconds = edges.windows.spans[window].paneSeconds
    axis.firstSecond = Int64(firstPane) * axis.paneSeconds
    axis.count = count
    return axis
  }

  /// An empty list of panes.
  var noPanes: [UInt64] { [UInt64](repeating: 0, count: count) }

  /// Adds what a list of the store holds to `panes`.
  func add(_ head: UInt32, _ cluster: Int, _ store: borrowing PaneStore, to panes: inout [UInt64]) {
    store.forEach(head, from: edges.floors(cluster).of[window]) { pane, events in
      panes[pane > firstPane ? min(Int(pane - firstPane), count - 1) : 0] += UInt64(events)
    }
  }
}

/// The trend of one group of series while it is being added up.
struct TrendGroup {
  /// Which one, where groups are numbered.
  var group: Int
  var total: UInt64 = 0
  var recent: UInt64 = 0
  /// The latest pane that holds anything.
  var latest: UInt32 = 0
}

/// Which groups a table shows, and in which order.
enum TrendOrder {
  case mostRefused, latest, rarest

  /// At most `limit` of the groups, in the order of the table. Equal ones stay in their order.
  func choose(_ groups: [TrendGroup], limit: Int) -> [TrendGroup] {
    switch self {
    case .latest:
      return Array(groups.sorted { ($1.latest, $1.total, $0.group) < ($0.latest, $0.total, $1.group) }.prefix(limit))
    case .rarest:
      return Array(groups.sorted { ($0.total, $0.group) < ($1.total, $1.group) }.prefix(limit))
    case .mostRefused:
      let now = groups.sorted { ($1.recent, $1.total, $0.group) < ($0.recent, $0.total, $1.group) }
      guard now.count > limit else { return now }
      let half = (limit + 1) / 2
      let rest = now[half...].sorted { ($1.total, $0.group) < ($0.total, $1.group) }.prefix(limit - half)
      let chosen = Set(rest.map(\.group))
      return now[..<half] + now[half...].filter { chosen.contains($0.group) }
    }
  }
}
