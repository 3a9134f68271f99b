internal import Metrics

/// What the audit levels that were seen let detection rules do, by cluster and rule: of the last two hours in which requests
/// came that a rule is about, but of no longer than a day ago.
///
/// - Bounds: an entry for each rule, in as many clusters as `limit` has room for all rules of; further clusters have none.
/// - Not kept across restarts: it is known again with the first request.
struct SeenLevels {
  private struct Entry {
    /// The hour of the last request, since the epoch.
    var hour: Int32 = 0
    var recent: Sights = []
    /// Of the last hour before that in which there was one.
    var older: Sights = []
    /// Nil where there was no request.
    var labels: LabelArena.Ref?
  }

  private struct Sights: OptionSet {
    let rawValue: UInt8
    static let blind = Sights(rawValue: 1)
    static let matching = Sights(rawValue: 2)
    static let noisy = Sights(rawValue: 4)
  }

  private let ruleCount: Int
  private let clusterLimit: Int
  private var entries: [Entry] = []
  private var arena = LabelArena()

  static let forgottenHours: Int32 = 24

  init(rules: Int, limit: FamilyLimit) {
    ruleCount = rules
    clusterLimit = rules == 0 || rules > limit.perCluster ? 0 : limit.inAll / rules
  }

  static func hour(_ time: Int64) -> Int32 { Int32(truncatingIfNeeded: time / 3_600_000_000) }

  /// - Parameter labels: writes the labels of a row that is new.
  mutating func see(
    _ rule: Int, isBlind: Bool, isNoisy: Bool, cluster: Int, hour: Int32, labels: () -> [UInt8]
  ) {
    guard cluster < clusterLimit else { return }
    let place = cluster * ruleCount + rule
    if place >= entries.count {
      entries += repeatElement(Entry(), count: (cluster + 1) * ruleCount - entries.count)
    }
    if entries[place].labels == nil { entries[place].labels = arena.append(labels()) }
    if entries[place].hour != hour {
      let isRecent = hour - entries[place].hour < Self.forgottenHours
      entries[place].older = isRecent ? entries[place].recent : []
      entries[place].recent = []
      entries[place].hour = hour
    }
    entries[place].recent.insert(isBlind ? .blind : .matching)
    if isNoisy { entries[place].recent.insert(.noisy) }
  }

  /// Whether each rule can match, and whether it matches too much: 1 or 0.
  func samples(hour: Int32) -> (evaluable: SampleSet, noisy: SampleSet) {
    var evaluable = SampleSet(sharing: arena)
    var noisy = evaluable
    for entry in entries where hour - entry.hour < Self.forgottenHours {
      guard let labels = entry.labels else { continue }
      let sights = entry.recent.union(entry.older)
      evaluable.append(labels, sights.contains(.matching) ? 1 : 0)
      noisy.append(labels, sights.contains(.noisy) ? 1 : 0)
    }
    return (evaluable, noisy)
  }
}

extension Counters {
  /// For each hour and cluster another number, for as long as it matters; the cluster in the lowest bits.
  public func levelStamp(_ cluster: ClusterIndex) -> UInt32 {
    UInt32(truncatingIfNeeded: SeenLevels.hour(now)) << 16 | UInt32(cluster.value)
  }

  /// Says what the level of an event, which was counted, lets a rule do that such requests are about: it can never match
  /// (blind), or it matches whatever the bodies say (noisy).
  ///
  /// - Parameter rule: an index of the settings' `detectionRules`.
  public mutating func see(_ rule: Int, isBlind: Bool, isNoisy: Bool, cluster: ClusterIndex) {
    let cluster = Int(cluster.value)
    seenLevels.see(rule, isBlind: isBlind, isNoisy: isNoisy, cluster: cluster, hour: SeenLevels.hour(now)) {
      clusters.clusters[cluster].labels + Array(",rule=\"".utf8) + rules.rules[rule].name + [UInt8(ascii: "\"")]
    }
  }

  func readLevels(_ readings: inout Readings) {
    (readings[.ruleEvaluable], readings[.ruleNoisy]) = seenLevels.samples(hour: SeenLevels.hour(now))
  }
}
