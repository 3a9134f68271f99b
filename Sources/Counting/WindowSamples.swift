internal import Metrics

extension BoundedFamily {
  /// The totals, each with the event that it counted last where that is known.
  func samples(_ exemplars: ExemplarBook = ExemplarBook()) -> SampleSet {
    var samples = SampleSet(sharing: table.arena)
    samples.reserve(table.liveCount)
    for place in table.series.indices where table.series[place].state != .free {
      samples.append(table.series[place].labels, Double(table.series[place].count))
      if table.series[place].count > 0, let exemplar = exemplars[place] { samples.attach(exemplar) }
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
    samples.reserve(crowds.reduce(0) { $0 + min($1.series, shownLimit) + 1 })
    for window in 0..<count {
      for place in table.series.indices where values[place * count + window] > 0 {
        table.setShown(place, window, true)
        samples.append(table.series[place].labels, Double(values[place * count + window]), prefix: window + 1)
      }
    }
    return samples
  }

  /// The series of one cluster that are not empty in one window, and how many of them are shown.
  private typealias Crowd = (series: Int, shown: Int)

  /// Every window of every series, and the crowds by cluster and window. Empty series lose their place.
  private mutating func windowValues(_ edges: StreamEdge, _ panes: inout PaneStore) -> ([UInt64], [Crowd]) {
    let count = edges.windows.count
    var values = [UInt64](repeating: 0, count: table.series.count * count)
    var crowds = [Crowd](repeating: (0, 0), count: clusterCount * count)
    for place in table.series.indices where table.series[place].state != .free {
      let cluster = Int(table.series[place].cluster)
      let isOverflow = table.series[place].state == .overflow
      let shown = table.series[place].shown
      var empty: UInt8 = 0
      for window in 0..<count {
        let value = value(place, window: window, from: edges.floors(cluster).of[window], in: &panes)
        values[place * count + window] = value
        if value == 0 {
          empty |= 1 << UInt8(window)
        } else if !isOverflow {
          crowds[cluster * count + window].series += 1
          crowds[cluster * count + window].shown += Int(shown >> UInt8(window) & 1)
        }
      }
      if shown & empty != 0 {
        for window in 0..<count where empty >> UInt8(window) & 1 == 1 { table.setShown(place, window, false) }
      }
    }
    return (values, crowds)
  }

  /// Gives places to series that have none, where a cluster has more than `limit` and fewer are shown.
  private mutating func giveAway(
    _ window: Int, _ count: Int, _ limit: Int, byAddress: Bool, _ sizes: [Crowd], _ values: [UInt64]
  ) {
    var crowds = [ShownSeries.Crowd](repeating: ShownSeries.Crowd(), count: clusterCount)
    for place in 0..<values.count / count where values[place * count + window] > 0 {
      let cluster = Int(table.series[place].cluster)
      let size = sizes[cluster * count + window]
      guard size.series > limit, size.shown < limit, table.series[place].state != .overflow else { continue }
      let owner = byAddress ? table.series[place].address : table.series[place].user
      if table.series[place].shown >> UInt8(window) & 1 == 1 {
        crowds[cluster].shown.append(owner)
      } else {
        if crowds[cluster].waiting.isEmpty { crowds[cluster].waiting.reserveCapacity(size.series - size.shown) }
        crowds[cluster].waiting.append(
          ShownSeries.Candidate(
            place: place, born: table.series[place].born, owner: owner, value: values[place * count + window]))
      }
    }
    var choice = ShownSeries()
    for cluster in crowds.indices where !crowds[cluster].waiting.isEmpty {
      var crowd = ShownSeries.Crowd()
      swap(&crowd, &crowds[cluster])
      for chosen in choice.choose(limit - crowd.shown.count, of: crowd) {
        table.setShown(Int(chosen.place), window, true)
      }
    }
  }

  /// Moves the values of series that are not shown to their overflow series, where a cluster has more than `limit`.
  private mutating func hide(
    _ window: Int, _ count: Int, _ limit: Int, _ folding: [Label], _ sizes: [Crowd], _ values: inout [UInt64]
  ) {
    guard sizes.contains(where: { $0.series > limit }) else { return }
    if sizes.contains(where: { $0.series > limit && $0.shown < limit }) {
      giveAway(window, count, limit, byAddress: folding.contains(.sourceIP), sizes, values)
    }
    let bit: UInt8 = 1 << UInt8(window)
    for place in 0..<values.count / count where values[place * count + window] > 0 {
      let series = table.series[place]
      guard series.shown & bit == 0, series.state != .overflow,
        sizes[Int(series.cluster) * count + window].series > limit
      else { continue }
      let fold = foldPlace(place, folding)
      if fold * count >= values.count { values += repeatElement(0, count: (fold + 1) * count - values.count) }
      values[fold * count + window] += values[place * count + window]
      values[place * count + window] = 0
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
    let crowded = (0..<clusterCount).map { isCrowded($0) }
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
