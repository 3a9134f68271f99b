public import AuditEvents
internal import Crypto
internal import Metrics

/// The loaded rules: their labels, and where their series stand.
struct DetectionRules {
  struct Rule {
    /// The escaped label value.
    let name: [UInt8]
    let priority: Int
    let isEnabled: Bool
  }

  let rules: [Rule]
  /// The series of each rule by cluster.
  private var places = NumberShortcuts()
  /// By place whether the series is one of these rules', and how many are.
  private var isLoaded: [Bool] = []
  private(set) var seriesCount = 0
  /// Clusters up to this one have series for all rules that they can have them for.
  fileprivate(set) var settledClusters = 0

  init(_ rules: [DetectionRule], values: inout LabelValue) {
    var all: [Rule] = []
    for rule in rules {
      var name = LabelBuffer()
      values.append(configured: rule.name, whenEmpty: "(none)", to: &name)
      let priority = min(max(0, rule.priority), DetectionRule.priorityLabels.count - 1)
      all.append(Rule(name: name.bytes, priority: priority, isEnabled: rule.isEnabled))
    }
    self.rules = all
  }

  func place(_ rule: Int, _ cluster: Int) -> Int? {
    places.find(key(rule, cluster))
  }

  /// Whether a series is one of these rules'.
  func holds(_ place: Int) -> Bool { place < isLoaded.count && isLoaded[place] }

  fileprivate mutating func setPlace(_ rule: Int, _ cluster: Int, _ place: Int) {
    places.add(key(rule, cluster), place)
    if place >= isLoaded.count { isLoaded += repeatElement(false, count: place + 1 - isLoaded.count) }
    if !isLoaded[place] { seriesCount += 1 }
    isLoaded[place] = true
  }

  private func key(_ rule: Int, _ cluster: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: cluster * rules.count + rule + 1)
  }
}

extension Counters {
  /// Counts rules that matched an event, each once.
  ///
  /// - Parameters:
  ///   - rules: indices of the settings' `detectionRules`.
  ///   - event: the one that `count` was told of last, with the same cluster and arrival.
  public mutating func countDetections(
    _ rules: [Int], of event: borrowing AuditEvent, cluster: ClusterIndex, arrival: Int64
  ) {
    let cluster = Int(cluster.value)
    let arrival = clock(event.time, arrival)
    let time = min(arrival, event.time == AuditEvent.absentTime ? arrival : EventTime.held(event.time))
    let moment = placed(Moment(now: now, reading: number &+ 1, second: EventTime.second(time)), cluster)
    for rule in rules {
      let place = seriesOf(rule, cluster)
      detections.bump(place, moment, in: &panes)
      if settings.keepsEvidence { keep(event, match: place, of: rule, cluster) }
    }
  }

  /// The series that a match counts in.
  private mutating func seriesOf(_ rule: Int, _ cluster: Int) -> Int {
    if let place = findDetection(rule, cluster) { return place }
    guard detections.isFull(cluster) else { return admitDetection(rule, cluster) }
    detections.noteOverflow()
    other.clear()
    other.append(literal: "(other)")
    writeDetection(other.bytes, rules.rules[rule].priority, cluster)
    return detections.overflowSeries(row.bytes, cluster: cluster)
  }

  /// The series of a rule, if it has one; else its labels are in `row`.
  private mutating func findDetection(_ rule: Int, _ cluster: Int) -> Int? {
    if let place = rules.place(rule, cluster) { return place }
    writeDetection(rules.rules[rule].name, rules.rules[rule].priority, cluster)
    guard let place = detections.table.find(row.bytes, detections.table.hash(row.bytes)) else { return nil }
    rules.setPlace(rule, cluster, place)
    return place
  }

  /// A series for the labels in `row`.
  private mutating func admitDetection(_ rule: Int, _ cluster: Int) -> Int {
    let kind = UInt32(cluster * DetectionRule.priorityLabels.count + rules.rules[rule].priority + 1)
    let hash = detections.table.hash(row.bytes)
    let place = detections.admit(row.bytes, hash, cluster: cluster, kind: kind)
    rules.setPlace(rule, cluster, place)
    return place
  }

  private mutating func writeDetection(_ name: [UInt8], _ priority: Int, _ cluster: Int) {
    row.begin(clusters.clusters[cluster].labels)
    row.add(",rule=\"", name)
    row.add(",priority=\"", DetectionRule.priorityLabels[priority])
  }

  /// After rules or clusters have come, or series have gone: every rule has its series, at 0 where nothing was counted, in
  /// as many clusters as take half of the room; and what stands at 0 for a rule that is gone is dropped.
  ///
  /// What it leaves follows from the series, rules and clusters alone, so that a restart changes nothing.
  mutating func settleRules() {
    let fresh = rules.settledClusters..<clusters.clusters.count
    guard !fresh.isEmpty else { return }
    for cluster in fresh {
      for rule in rules.rules.indices where rules.rules[rule].isEnabled { _ = findDetection(rule, cluster) }
    }
    if rules.settledClusters == 0 { _ = detections.dropOthers(rules) { $0.table.series[$1].count == 0 } }
    let count = rules.rules.count(where: \.isEnabled)
    for cluster in fresh
    where count * 2 <= detections.limit.perCluster && (cluster + 1) * count * 2 <= detections.limit.inAll {
      for rule in rules.rules.indices where rules.rules[rule].isEnabled && findDetection(rule, cluster) == nil {
        if !detections.isFull(cluster) { _ = admitDetection(rule, cluster) }
      }
    }
    rules.settledClusters = clusters.clusters.count
  }

  /// Drops series of rules that are gone once they are idle: without a change since `before`, with empty windows, and
  /// delivered to a scraper since their last change. However few they are, for such a rule does not come back by itself.
  mutating func expireDetections(before: Int64, scraped: UInt32) {
    guard detections.admitted > rules.seriesCount else { return }
    let edges = edges
    var panes = PaneStore()
    swap(&panes, &self.panes)
    let hasDropped = detections.dropOthers(rules) { family, place in
      let series = family.table.series[place]
      return series.changed <= before && series.reading <= scraped
        && family.isSilent(place, edges.floors(Int(series.cluster)), in: &panes)
    }
    swap(&panes, &self.panes)
    // There may be room now for what had none.
    if hasDropped { rules.settledClusters = 0 }
  }
}

extension BoundedFamily {
  /// Drops series of none of these rules; true when there were any.
  fileprivate mutating func dropOthers(
    _ rules: DetectionRules, where mayGo: (inout BoundedFamily, Int) -> Bool
  ) -> Bool {
    guard admitted > rules.seriesCount else { return false }
    var hasDropped = false
    for place in table.series.indices
    where table.series[place].state == .live && !rules.holds(place) && mayGo(&self, place) {
      drop(place)
      hasDropped = true
    }
    if hasDropped { table.finishRemoving() }
    return hasDropped
  }
}
