/// Where the windows of each cluster end: how far behind its feeds are, and the edge that follows from it.
///
/// - Definition: an input's lag is arrival − newest event time, held between 0 and the maximum, set whenever that
///   newest time rises. A cluster's lag is the largest among its inputs heard within the maximum (all, when it is
///   unlimited). Its edge is the largest `now − lag` so far: it never falls, for a window that was shown is not shown
///   again as of an earlier time.
/// - Clock: `now` never goes back here. A machine's clock that steps back freezes the edge until it has caught up.
/// - Source: DESIGN.md, "Window".
struct StreamEdge {
  struct Feed {
    var newest: Int64 = 0
    var lag: Int64 = 0
    var heard: Int64 = -1
    /// It was heard since what changed was taken.
    var isDirty = false
  }

  struct Edge {
    var edge: Int64 = -1
    var advanced: Int64 = -1
    var floorSecond = UInt32.max
    var reach: UInt32 = 0
  }

  let maxLag: Int64
  let inputCount: Int
  var feeds: [Feed] = []
  /// Feeds that were heard, each once.
  var dirtyFeeds: [UInt32] = []
  var edges: [Edge] = []
  /// The first pane of each window, by cluster.
  private var floors: [Panes] = []
  let windows: Windows

  init(windows: Windows, maxLagSeconds: Int64?, inputCount: Int) {
    self.windows = windows
    // Unlimited is more than any two held times can be apart.
    maxLag = maxLagSeconds.map { max(0, min($0, EventTime.limit)) * 1_000_000 } ?? Int64.max
    self.inputCount = max(1, inputCount)
  }

  mutating func addCluster() {
    edges.append(Edge())
    floors.append(Panes())
    for _ in 0..<inputCount { feeds.append(Feed()) }
  }

  /// Moves a cluster's edge on to `now`.
  @inline(__always)
  mutating func advance(_ cluster: Int, to now: Int64) {
    // A cluster that was never heard has no edge; at one instant nothing changes but by an event.
    if edges[cluster].advanced != now, edges[cluster].edge >= 0 { settle(cluster, now) }
  }

  /// Takes notice of an event: first the edge moves on as if there were none, then the lag changes.
  @inline(__always)
  mutating func hear(_ cluster: Int, input: Int, time: Int64, arrival: Int64, now: Int64) {
    let place = cluster &* inputCount &+ input
    var feed = feeds[place]
    let isFirst = feed.heard < 0
    let isRising = isFirst || time > feed.newest
    let lag = max(0, min(maxLag, arrival &- time))
    // Where the lag only falls, the edge after the event is ahead of the one before it, and need not be settled twice.
    if !isRising || lag > feed.lag || isFirst || now &- feed.heard > maxLag { advance(cluster, to: now) }
    feed.heard = now
    if isRising {
      feed.newest = time
      feed.lag = lag
    }
    if !feed.isDirty {
      feed.isDirty = true
      enlist(place)
    }
    feeds[place] = feed
    if isRising { settle(cluster, now) }
  }

  /// The largest lag among the feeds of a cluster that were heard lately.
  @inline(__always)
  private func lag(_ cluster: Int, _ now: Int64) -> Int64 {
    var lag: Int64 = 0
    var place = cluster &* inputCount
    let end = place &+ inputCount
    repeat {
      let feed = feeds[place]
      if feed.lag > lag, now &- feed.heard <= maxLag { lag = feed.lag }
      place &+= 1
    } while place < end
    return lag
  }

  private mutating func settle(_ cluster: Int, _ now: Int64) {
    let lag = lag(cluster, now)
    var edge = edges[cluster]
    edge.advanced = now
    let end = max(now &- lag, 0)
    if end > edge.edge {
      edge.edge = end
      let second = EventTime.second(end)
      if second != edge.floorSecond { setFloors(cluster, second, &edge) }
    }
    edges[cluster] = edge
  }

  @inline(never)
  mutating func setFloors(_ cluster: Int, _ second: UInt32, _ edge: inout Edge) {
    edge.floorSecond = second
    floors[cluster] = windows.floors(edgeSecond: second)
    edge.reach = windows.reach(floors[cluster])
  }

  /// The first second that any window of a cluster reaches.
  @inline(__always)
  func reach(_ cluster: Int) -> UInt32 { edges[cluster].reach }

  /// The first pane of each window.
  @inline(__always)
  func floors(_ cluster: Int) -> Panes { floors[cluster] }

  /// What was heard of one cluster by one input; nil when nothing was.
  func heard(_ cluster: Int, input: Int) -> (newest: Int64, lag: Int64)? {
    let feed = feeds[cluster * inputCount + input]
    return feed.heard < 0 ? nil : (feed.newest, feed.lag)
  }
}
