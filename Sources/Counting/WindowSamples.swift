internal import Metrics

extension BoundedFamily {
  /// The totals.
  func samples() -> SampleSet {
    var samples = SampleSet(sharing: table.arena)
    samples.reserve(table.liveCount)
    for place in table.series.indices where table.series[place].state != .free {
      samples.append(table.series[place].labels, Double(table.series[place].count))
    }
    return samples
  }

  /// The windows: where they are not empty, `shownLimit` series a cluster and window, and the exact rest in the
  /// overflow series, whose labels `folding` are `(other)`.
  ///
  /// - Order: by window, then as the totals.
  mutating func windowSamples(
    _ edges: StreamEdge, _ panes: inout PaneStore, shownLimit: Int, folding: [Label]
  ) -> SampleSet {
    let windows = edges.windows
    let count = windows.count
    var (values, crowds) = windowValues(edges, &panes)
    for window in 0..<count { hide(window, count, shownLimit, folding, crowds, &values) }
    var samples = SampleSet(sharing: table.arena, prefixes: windows.prefixes)
    for window in 0..<count {
      for place in table.series.indices where values[place * count + window] > 0 {
        table.setShown(place, window, true)
        samples.append(table.series[place].labels, Double(values[place * count + window]), prefix: window + 1)
      }
    }
    return samples
  }

  /// Every window of every series, and how many series of a cluster are not empty. Empty ones lose their place.
  private mutating func windowValues(_ edges: StreamEdge, _ panes: inout PaneStore) -> ([UInt64], [Int]) {
    let count = edges.windows.count
    var values = [UInt64](repeating: 0, count: table.series.count * count)
    var crowds = [Int](repeating: 0, count: clusterCount * count)
    for place in table.series.indices where table.series[place].state != .free {
      let cluster = Int(table.series[place].cluster)
      let floors = edges.floors(cluster)
      for window in 0..<count where table.heads[place * count + window] != 0 {
        let value = value(place, window: window, from: floors.of[window], in: &panes)
        values[place * count + window] = value
        if value > 0, table.series[place].state != .overflow { crowds[cluster * count + window] += 1 }
      }
      for window in 0..<count where values[place * count + window] == 0 {
        table.setShown(place, window, false)
      }
    }
    return (values, crowds)
  }

  /// Moves the values of series that are not shown to their overflow series, where a cluster has more than `limit`.
  private mutating func hide(
    _ window: Int, _ count: Int, _ limit: Int, _ folding: [Label], _ crowds: [Int], _ values: inout [UInt64]
  ) {
    guard crowds.contains(where: { $0 > limit }) else { return }
    var candidates = [[ShownSeries.Candidate]](repeating: [], count: clusterCount)
    let byAddress = folding.contains(.sourceIP)
    for place in table.series.indices where values[place * count + window] > 0 {
      let cluster = Int(table.series[place].cluster)
      guard crowds[cluster * count + window] > limit, table.series[place].state != .overflow else { continue }
      candidates[cluster].append(
        ShownSeries.Candidate(
          place: place, born: table.series[place].born,
          owner: byAddress ? table.series[place].address : table.series[place].user,
          value: values[place * count + window], isShown: table.series[place].shown >> UInt8(window) & 1 == 1))
    }
    for cluster in candidates.indices {
      // In the order of places: so the order in which overflow series are made follows from the series alone.
      for hidden in ShownSeries.choose(&candidates[cluster], limit: limit).sorted(by: { $0.place < $1.place }) {
        let fold = foldPlace(hidden.place, folding)
        while values.count < table.series.count * count { values.append(0) }
        values[fold * count + window] += hidden.value
        values[hidden.place * count + window] = 0
      }
    }
  }

  /// The overflow series that takes the value of a series; made when it is needed first.
  private mutating func foldPlace(_ place: Int, _ folding: [Label]) -> Int {
    let kind = table.series[place].kind
    if kind != 0, let known = folds.find(kind) { return known }
    foldRow.fold(table.arena[table.series[place].labels], folding)
    let fold = overflowSeries(foldRow.bytes, cluster: Int(table.series[place].cluster))
    if kind != 0 { folds.add(kind, fold) }
    return fold
  }

  /// Drops the series that no window holds, for a family that shows nothing but windows. True when there were any.
  mutating func dropSilent() -> Bool {
    var hasDropped = false
    for place in table.series.indices where table.series[place].state == .live && isEmpty(place) {
      drop(place)
      hasDropped = true
    }
    if hasDropped { table.finishRemoving() }
    return hasDropped
  }

  /// Drops what is idle where the family is crowded: without a change since `before`, with empty windows, and delivered
  /// to a scraper since its last change.
  mutating func expire(before: Int64, scraped: UInt32, _ edges: StreamEdge, _ panes: inout PaneStore) -> Bool {
    let crowded = (0..<clusterCount).map(isCrowded)
    guard crowded.contains(true) else { return false }
    var hasDropped = false
    for place in table.series.indices {
      let series = table.series[place]
      guard series.state == .live || series.state == .holding, crowded[Int(series.cluster)], series.changed <= before,
        series.reading <= scraped, isSilent(place, edges.floors(Int(series.cluster)), in: &panes)
      else { continue }
      drop(place)
      hasDropped = true
    }
    if hasDropped {
      table.finishRemoving()
      tellFolds()
    }
    return hasDropped
  }
}
