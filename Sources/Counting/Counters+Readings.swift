public import Metrics

extension Counters {
  /// Everything that counting shows to a scrape: the families that follow from events, other than the accounting. Moves
  /// the windows on to `now` and drops what has expired.
  ///
  /// - Parameter now: microseconds since the epoch; ignored when the clock follows event time.
  /// - Complexity: linear in the series; text is shared, not copied.
  public mutating func readings(now time: Int64) -> Readings {
    if !settings.followsEventTime { now = max(now, EventTime.held(time)) }
    for cluster in clusters.clusters.indices { edges.advance(cluster, to: now) }
    settleRules()
    expire()
    number &+= 1
    var readings = Readings()
    readings.number = number
    readWindows(&readings)
    readings[.requests] = requests.samples()
    readings[.deniedRequests] = denied.samples(deniedExemplars)
    readings[.serverErrors] = serverErrors.samples()
    readings[.rbacMutations] = rbac.samples()
    readings[.trackedRequests] = tracked.samples()
    readings[.impersonatedRequests] = impersonated.samples()
    readings[.detections] = detections.samples(detectionExemplars)
    readLevels(&readings)
    readClusters(&readings)
    readInputs(&readings)
    cloud.read(
      &readings, now: now, expiringBefore: settings.followsEventTime ? nil : now - settings.idleSeconds * 1_000_000,
      scraped: scrapedNumber, shown: settings.shownSeriesPerWindow)
    readFamilies(&readings)
    readRuleWindows(&readings)
    return readings
  }

  private mutating func expire() {
    guard !settings.followsEventTime else { return }
    let before = now - settings.idleSeconds * 1_000_000
    let scraped = scrapedNumber
    if requests.expire(before: before, scraped: scraped, edges, &panes) { requestShortcuts.clear() }
    _ = denied.expire(before: before, scraped: scraped, edges, &panes)
    _ = serverErrors.expire(before: before, scraped: scraped, edges, &panes)
    _ = rbac.expire(before: before, scraped: scraped, edges, &panes)
    if tracked.expire(before: before, scraped: scraped, edges, &panes) { trackedShortcuts.clear() }
    _ = impersonated.expire(before: before, scraped: scraped, edges, &panes)
    expireDetections(before: before, scraped: scraped)
  }

  private mutating func readWindows(_ readings: inout Readings) {
    let limit = settings.shownSeriesPerWindow
    readings[.windowDeniedRequests] = denied.windowSamples(
      edges, &panes, shownLimit: limit, folding: [.user, .sourceIP])
    readings[.windowRBACMutations] = rbac.windowSamples(edges, &panes, shownLimit: limit, folding: [.user])
    readings[.windowTrackedRequests] = trackedInWindow.windowSamples(
      edges, &panes, shownLimit: limit, folding: [.user])
    readings[.windowDetections] = detections.windowSamples(edges, &panes, shownLimit: limit, folding: [.rule])
    if trackedInWindow.dropSilent() { recentTracked.clear() }
    readings[.windowDistinctUsers] = distinct.samples(edges, shownLimit: limit)
    readClasses(&readings)
  }

  private mutating func readClasses(_ readings: inout Readings) {
    for place in clusters.pending.indices { settlePending(place) }
    let windows = edges.windows
    var samples = SampleSet(sharing: clusters.arena, prefixes: windows.prefixes)
    var ratios = samples
    for window in 0..<windows.count {
      for cluster in clusters.clusters.indices {
        let floor = edges.floors(cluster).of[window]
        var total: UInt64 = 0
        var errors: UInt64 = 0
        for codeClass in 0..<ClusterTable.classCount {
          let head = (cluster * ClusterTable.classCount + codeClass) * windows.count + window
          let value = panes.sum(&clusters.heads[head], from: floor)
          guard value > 0 else { continue }
          samples.append(clusters.clusters[cluster].classRefs[codeClass], Double(value), prefix: window + 1)
          total += value
          if codeClass == 5 { errors = value }
        }
        guard total > 0 else { continue }
        ratios.append(clusters.clusters[cluster].labelsRef, Double(errors) / Double(total), prefix: window + 1)
      }
    }
    readings[.windowRequests] = samples
    readings[.windowServerErrorRatio] = ratios
  }

  private func readClusters(_ readings: inout Readings) {
    var (newest, lag) = (SampleSet(), SampleSet())
    var stages = SampleSet(sharing: clusters.arena)
    var expected = stages
    // Labels by cluster and input are written anew: they are few.
    for (i, cluster) in clusters.clusters.enumerated() {
      for (stage, ref) in cluster.stageRefs.enumerated() {
        stages.append(ref, Double(clusters.stages[i * ClusterTable.stageCount + stage]))
      }
      if cluster.isExpected { expected.append(cluster.labelsRef, 1) }
      for (input, name) in settings.inputs.enumerated() {
        guard let heard = edges.heard(i, input: input) else { continue }
        newest.append(cluster.labels, [(.input, name)], Double(heard.newest) / 1e6)
        lag.append(cluster.labels, [(.input, name)], Double(heard.lag) / 1e6)
      }
    }
    readings[.eventsByStage] = stages
    readings[.clusterExpected] = expected
    readings[.clusterLastEvent] = newest
    readings[.eventLag] = lag
  }

  private func readInputs(_ readings: inout Readings) {
    for (i, name) in settings.inputs.enumerated() {
      readings[.eventsSkewed].append([(.input, name)], Double(skewed[i]))
      readings[.eventsLate].append([(.input, name)], Double(late[i]))
    }
  }

  private func readFamilies(_ readings: inout Readings) {
    readFamily(requests, &readings)
    readFamily(denied, &readings)
    readFamily(serverErrors, &readings)
    readFamily(rbac, &readings)
    readFamily(tracked, &readings)
    readFamily(trackedInWindow, &readings, isGauge: true)
    readFamily(impersonated, &readings)
    readFamily(detections, &readings)
    readFamily(distinct.family, &readings, isGauge: true)
    readFamily(cloud.calls, &readings)
    readFamily(cloud.loggingChanges, &readings)
    readFamily(cloud.assumptions, &readings)
  }

  /// The limit is that of the clusters there are: one cluster cannot fill more than its part.
  private func readFamily(_ family: borrowing BoundedFamily, _ readings: inout Readings, isGauge: Bool = false) {
    let labels = [(Label.family, family.name)]
    let limit = min(family.limit.inAll, family.limit.perCluster * max(1, family.clusterCount))
    readings[.series].append(labels, Double(family.admitted))
    readings[.seriesLimit].append(labels, Double(limit))
    readings[.seriesOverflow].append(labels, Double(family.overflow))
    if !isGauge { readings[.seriesExpiredValue].append(labels, Double(family.expired)) }
  }
}
