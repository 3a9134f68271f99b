// A clock that was set back: without this the windows would stand still until it has caught up, for a year if need be.
extension Counters {
  /// A clock that is set back by no more than this is waited for. Meanwhile windows end a little too late and lose nothing.
  static let stepBackLimit: Int64 = 120_000_000

  /// Says what the system's clock shows. Call it before anything is counted or read at that time.
  ///
  /// When it was set back by more than `stepBackLimit`, the windows' clock follows it and all windows begin anew, empty: what
  /// they held was counted by a clock that was wrong, and nothing that has left a window is ever shown in it again. Totals
  /// stay.
  /// - Returns: microseconds by which the windows' clock was set back; nil as a rule.
  public mutating func keepTime(_ time: Int64) -> Int64? {
    let time = EventTime.held(time)
    guard !settings.followsEventTime, now - time > Self.stepBackLimit else { return nil }
    let step = now - time
    now = time
    panes = PaneStore()
    edges.beginAnew(now: now)
    clusters.beginAnew()
    requests.beginAnew(now: now)
    denied.beginAnew(now: now)
    serverErrors.beginAnew(now: now)
    rbac.beginAnew(now: now)
    tracked.beginAnew(now: now)
    trackedInWindow.beginAnew(now: now)
    impersonated.beginAnew(now: now)
    detections.beginAnew(now: now)
    windows.beginAnew()
    distinct.beginAnew(now: now)
    cloud.beginAnew(now: now)
    seenLevels = SeenLevels(rules: settings.detectionRules.count, limit: settings.limits.detections)
    return step
  }
}

extension StreamEdge {
  /// Sets every edge by the feeds alone, none of which was heard after `now`.
  mutating func beginAnew(now: Int64) {
    putBack()
    for place in feeds.indices where feeds[place].heard >= 0 {
      feeds[place].newest = min(feeds[place].newest, now)
      feeds[place].heard = min(feeds[place].heard, now)
      if !isDirty[place] { dirtyFeeds.append(UInt32(truncatingIfNeeded: place)) }
      isDirty[place] = true
    }
    for cluster in edges.indices where edges[cluster].edge >= 0 {
      edges[cluster] = Edge(edge: 0)
      floors[cluster] = Panes()
      advance(cluster, to: now)
    }
    putBack()
  }
}

extension ClusterTable {
  /// Forgets every window; the panes are gone already.
  mutating func beginAnew() {
    for place in pending.indices { pending[place] = Pending() }
    for at in heads.indices { heads[at] = 0 }
    stale = Array(clusters.indices)
  }
}

extension BoundedFamily {
  /// Forgets every window; the panes are gone already. No series has changed after `now`.
  mutating func beginAnew(now: Int64) {
    for at in table.heads.indices { table.heads[at] = 0 }
    for place in table.series.indices where table.series[place].state != .free {
      table.series[place].changed = min(table.series[place].changed, now)
      table.series[place].shown = 0
      table.note(place)
    }
  }
}
