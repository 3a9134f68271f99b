/// Where the windows of each cluster end: how far behind its feeds are, and the edge that follows from it.
///
/// - Definition: an input's lag is arrival − newest event time, held between 0 and the maximum, set whenever that
///   newest time rises. A cluster's lag is the largest among its inputs heard within the maximum (all, when it is
///   unlimited). Its edge is the largest `now − lag` so far: it never falls, for a window that was shown is not shown
///   again as of an earlier time.
/// - Clock: `now` never goes back here. A machine's clock that steps back a little freezes the edge until it has caught up;
///   after a long step all edges begin anew.
/// - Source: DESIGN.md, "Window".
struct StreamEdge {
  struct Feed {
    /// Below every time while nothing was heard, as the lag is below every lag.
    var newest: Int64 = -1
    var lag: Int64 = -1
    var heard: Int64 = -1
  }

  struct Edge {
    var edge: Int64 = -1
    var advanced: Int64 = -1
    /// Where the second of the edge ends: the floors hold until then.
    var secondEnd: Int64 = 0
    var reach: UInt32 = 0
  }

  let maxLag: Int64
  let inputCount: Int
  var feeds: [Feed] = []
  /// The feeds that were heard since what changed was taken: one mark each, and a list of them.
  var isDirty: [Bool] = []
  var dirtyFeeds: [UInt32] = []
  var edges: [Edge] = []
  /// The first pane of each window, by cluster.
  var floors: [Panes] = []
  let windows: Windows

  /// What was heard last, at hand and not in the arrays meanwhile: mostly the next event has the same cluster and input.
  private var cluster = -1
  private var place = -1
  /// The place at hand when it is among the dirty ones.
  private var heardPlace = -1
  private var feed = Feed()
  private var edge = Edge()
  private var floor = Panes()

  init(windows: Windows, maxLagSeconds: Int64?, inputCount: Int) {
    self.windows = windows
    // Unlimited is more than any two held times can be apart.
    maxLag = maxLagSeconds.map { max(0, min($0, EventTime.limit)) * 1_000_000 } ?? Int64.max
    self.inputCount = max(1, inputCount)
  }

  mutating func addCluster() {
    edges.append(Edge())
    floors.append(Panes())
    for _ in 0..<inputCount {
      feeds.append(Feed())
      isDirty.append(false)
    }
  }

  /// Puts back what is at hand.
  mutating func putBack() {
    if cluster >= 0 {
      feeds[place] = feed
      edges[cluster] = edge
      floors[cluster] = floor
    }
    (cluster, place, heardPlace) = (-1, -1, -1)
  }

  /// Takes out a feed that is heard, and notes that it is.
  @inline(never)
  private mutating func listen(to cluster: Int, _ place: Int) {
    if place != self.place { turn(to: cluster, place) }
    heardPlace = place
    guard !isDirty[place] else { return }
    isDirty[place] = true
    dirtyFeeds.append(UInt32(truncatingIfNeeded: place))
  }

  /// Puts back what is at hand and takes out this cluster and feed.
  @inline(never)
  private mutating func turn(to cluster: Int, _ place: Int) {
    putBack()
    self.cluster = cluster
    self.place = place
    feed = feeds[place]
    edge = edges[cluster]
    floor = floors[cluster]
  }

  /// Moves a cluster's edge on to `now`.
  mutating func advance(_ cluster: Int, to now: Int64) {
    if cluster != self.cluster { turn(to: cluster, cluster &* inputCount) }
    advance(to: now)
  }

  @inline(__always)
  private mutating func advance(to now: Int64) {
    // A cluster that was never heard has no edge; at one instant nothing changes but by an event.
    if edge.advanced != now, edge.edge >= 0 { settle(now) }
  }

  /// Takes notice of an event: first the edge moves on as if there were none, then the lag changes.
  @inline(__always)
  mutating func hear(_ cluster: Int, input: Int, time: Int64, arrival: Int64, now: Int64) {
    let place = cluster &* inputCount &+ input
    if place != heardPlace { listen(to: cluster, place) }
    let isRising = time > feed.newest
    let lag = max(0, min(maxLag, arrival &- time))
    // Where the lag only falls, the edge after the event is ahead of the one before it, and need not be settled twice.
    if !isRising || lag > feed.lag || now &- feed.heard > maxLag { advance(to: now) }
    feed.heard = now
    guard isRising else { return }
    feed.newest = time
    feed.lag = lag
    settle(now)
  }

  /// The largest lag among the other feeds of the cluster at hand that were heard lately.
  @inline(never)
  private func lagOfOthers(_ now: Int64) -> Int64 {
    var lag: Int64 = 0
    let first = cluster &* inputCount
    for other in first..<first &+ inputCount where other != place {
      if feeds[other].lag > lag, now &- feeds[other].heard <= maxLag { lag = feeds[other].lag }
    }
    return lag
  }

  @inline(__always)
  private mutating func settle(_ now: Int64) {
    var lag = now &- feed.heard <= maxLag ? max(feed.lag, 0) : 0
    if inputCount > 1 { lag = max(lag, lagOfOthers(now)) }
    edge.advanced = now
    let end = max(now &- lag, 0)
    guard end > edge.edge else { return }
    edge.edge = end
    if end >= edge.secondEnd { setFloors() }
  }

  @inline(never)
  private mutating func setFloors() {
    let second = EventTime.second(edge.edge)
    edge.secondEnd = (Int64(second) + 1) * 1_000_000
    floor = windows.floors(edgeSecond: second)
    edge.reach = windows.reach(floor)
  }

  /// The first second that any window of a cluster reaches.
  @inline(__always)
  func reach(_ cluster: Int) -> UInt32 { cluster == self.cluster ? edge.reach : edges[cluster].reach }

  /// The first pane of each window.
  @inline(__always)
  func floors(_ cluster: Int) -> Panes { cluster == self.cluster ? floor : floors[cluster] }

  /// The edge of a cluster; -1 when it was never heard.
  func edgeAtHand(_ cluster: Int) -> Int64 { cluster == self.cluster ? edge.edge : edges[cluster].edge }

  /// Whether anything was heard of a cluster.
  func isHeard(_ cluster: Int) -> Bool { (cluster == self.cluster ? edge : edges[cluster]).edge >= 0 }

  /// What was heard of one cluster by one input; nil when nothing was.
  func heard(_ cluster: Int, input: Int) -> (newest: Int64, lag: Int64)? {
    let place = cluster * inputCount + input
    let feed = place == self.place ? feed : feeds[place]
    return feed.heard < 0 ? nil : (feed.newest, feed.lag)
  }
}
