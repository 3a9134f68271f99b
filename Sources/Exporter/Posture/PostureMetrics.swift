internal import Diagnostics
internal import Metrics
internal import Posture

/// What is known of the clusters' logging as samples, joined with what has arrived.
struct PostureMetrics: Sendable {
  let status: PostureStatus
  let arrival: Arrival
  let clock: Clock

  /// Inputs whose events need not be of a cloud's clusters.
  private static let ownInputs: Set = ["file", "stdin", "webhook"]

  func add(to all: inout Readings) {
    let now = clock.now
    let snapshot = status.snapshot
    let heard = Self.lastEvents(all)
    for region in snapshot.regions { add(region, heard, now, to: &all) }
    guard arrival.isExpected else { return }
    var known = Set(snapshot.regions.flatMap { $0.clusters.map(\.label) })
    expect(snapshot.regions, in: &all)
    guard snapshot.isWhole else { return }
    for group in SampleQuery(.max, by: [.cluster, .input], .clusterLastEvent).groups(in: all) {
      let (cluster, input) = (group.values[0], group.values[1])
      guard !Self.ownInputs.contains(input), arrival.isHeard(lastEvent: Self.microseconds(group.value), at: now),
        known.insert(cluster).inserted
      else { continue }
      all[.clusterUnlisted].append([(.cluster, cluster)], 1)
    }
  }

  private func add(_ region: RegionReport, _ heard: [String: Microseconds], _ now: Microseconds, to all: inout Readings)
  {
    let place: [(Label, String)] = [
      (.cloudProvider, region.provider.rawValue), (.cloudAccount, region.account), (.cloudRegion, region.region),
    ]
    all[.postureUp].append(place, region.isWhole ? 1 : 0)
    if let success = region.lastSuccess { all[.postureLastSuccess].append(place, Double(success) / 1e6) }
    var disabled = 0
    for cluster in region.clusters {
      guard var status = LoggingStatus(cluster) else { continue }
      let isSilent = arrival.isSilent(
        auditSince: region.auditSince[cluster.name], lastEvent: heard[cluster.label], at: now)
      status = status.joined(isSilent: isSilent)
      if status == .disabled { disabled += 1 }
      let labels = place + [(.cluster, cluster.label)]
      for word in LoggingStatus.allCases {
        all[.clusterLoggingStatus].append(labels + [(.status, word.rawValue)], word == status ? 1 : 0)
      }
      for type in region.lastKnown[cluster.name] ?? [] {
        guard let isExported = type.isExported else { continue }
        all[.clusterLogTypeEnabled].append(labels + [(.logType, type.name)], isExported ? 1 : 0)
      }
      if case .found(let store) = cluster.store {
        all[.clusterLogRetention].append(labels, store.retentionSeconds.map { Double($0) } ?? .infinity)
      }
    }
    // Of a region that could not be asked at all, nobody knows.
    guard region.doubt == nil || !region.clusters.isEmpty else { return }
    all[.clustersLoggingDisabled].append(place, Double(disabled))
  }

  /// Every cluster that a cloud lists should be heard.
  private func expect(_ regions: [RegionReport], in all: inout Readings) {
    var named = Set(SampleQuery(.max, by: [.cluster], .clusterExpected).groups(in: all).map { $0.values[0] })
    for cluster in regions.flatMap(\.clusters) where cluster.isApplicable && named.insert(cluster.label).inserted {
      all[.clusterExpected].append([(.cluster, cluster.label)], 1)
    }
  }

  private static func lastEvents(_ all: Readings) -> [String: Microseconds] {
    let groups = SampleQuery(.max, by: [.cluster], .clusterLastEvent).groups(in: all)
    return Dictionary(groups.map { ($0.values[0], microseconds($0.value)) }) { first, _ in first }
  }

  private static func microseconds(_ seconds: Double) -> Microseconds {
    seconds.magnitude < 1e12 ? Microseconds(seconds * 1e6) : 0
  }
}
