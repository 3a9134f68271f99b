/// What is kept of feeds and edges. Where an edge stands follows from its feeds and the clock as well: it only has to be
/// kept as it was at the cluster's last event, for every later look at it moves it on first.
extension StreamEdge {
  static let feedVersion: UInt8 = 1

  /// The feeds that were heard, by cluster. They are clean from here on.
  mutating func takeDirty() -> [(cluster: Int, input: Int)] {
    putBack()
    dirtyFeeds.sort()
    let heard = dirtyFeeds.map { (cluster: Int($0) / inputCount, input: Int($0) % inputCount) }
    for place in dirtyFeeds { isDirty[Int(place)] = false }
    dirtyFeeds.removeAll(keepingCapacity: true)
    return heard
  }

  /// The record of a feed, when nothing is at hand.
  func record(_ cluster: Int, input: Int) -> [UInt8] {
    let feed = feeds[cluster * inputCount + input]
    var writer = StateWriter(version: Self.feedVersion)
    writer.write(feed.newest)
    writer.write(feed.lag)
    writer.write(feed.heard)
    return writer.bytes
  }

  /// Takes over the record of a feed. A lag beyond today's maximum is that maximum.
  mutating func restore(_ cluster: Int, input: Int, _ bytes: [UInt8], now: Int64) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.feedVersion)
    var feed = Feed()
    // That of an input that was not configured meanwhile may be of a time before the clock was set back.
    feed.newest = min(now, try reader.readTime(upTo: EventTime.limit))
    feed.lag = min(maxLag, try reader.readTime(upTo: EventTime.limit))
    feed.heard = min(now, try reader.readTime(upTo: EventTime.limit))
    try reader.finish()
    feeds[cluster * inputCount + input] = feed
  }

  /// The edge of a cluster, when nothing is at hand; -1 when it was never heard.
  func edge(_ cluster: Int) -> Int64 { edges[cluster].edge }

  /// Sets an edge, when nothing is at hand: it never falls below this again.
  mutating func restore(_ cluster: Int, edge: Int64) {
    guard edge >= 0 else { return }
    let second = EventTime.second(edge)
    floors[cluster] = windows.floors(edgeSecond: second)
    edges[cluster] = Edge(
      edge: edge, secondEnd: (Int64(second) + 1) * 1_000_000, reach: windows.reach(floors[cluster]))
  }
}
