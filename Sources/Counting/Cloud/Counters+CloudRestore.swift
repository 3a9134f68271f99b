internal import Diagnostics

extension Counters {
  /// Takes up what was counted of records about clouds.
  mutating func restoreCloud(_ pieces: StatePieces) throws(Failure) {
    for number in 0..<pieces.cloudPlaces.count {
      guard let data = pieces.cloudPlaces[number] else { throw .counting("account and region \(number) are missing") }
      let now = now
      try Self.reading("account and region \(number)") { () throws(StateDamage) in
        try cloud.restorePlace(data, now: now)
      }
    }
    let places = cloud.places.places.map(\.labels)
    for feed in pieces.cloudFeeds {
      guard places.indices.contains(feed.cluster) else {
        throw .counting("account and region \(feed.cluster) are missing")
      }
      for input in inputs(named: feed.input) {
        try Self.reading("the feed of account and region \(feed.cluster)") { () throws(StateDamage) in
          try cloud.edges.restore(feed.cluster, input: input, feed.data, now: now)
        }
      }
    }
    let context = BoundedFamily.RowContext(edges: cloud.edges, clusters: places, now: now, number: number)
    try cloud.calls.restore(
      .cloudAPICalls, pieces.rows(.cloudAPICalls), pieces.totals(.cloudAPICalls), context, &cloud.panes)
    try cloud.loggingChanges.restore(
      .loggingChanges, pieces.rows(.loggingChanges), pieces.totals(.loggingChanges), context, &cloud.panes)
    try cloud.assumptions.restore(
      .roleAssumptions, pieces.rows(.roleAssumptions), pieces.totals(.roleAssumptions), context, &cloud.panes)
    if let data = pieces.insights {
      try Self.reading("the insights") { () throws(StateDamage) in
        try cloud.insights.restore(data, places: places)
      }
    }
  }
}
