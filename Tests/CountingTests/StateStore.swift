import Metrics
import TestSupport

@testable import Counting

/// A store of the state by the plainest means: two dictionaries.
struct StateStore {
  private var series: [SeriesKey: SeriesRow] = [:]
  private var records: [String: [UInt8]] = [:]
  /// What is wrong with a delta: to be empty.
  private(set) var complaints: [String] = []

  mutating func apply(_ delta: CountingDelta) {
    for key in delta.removed where series.removeValue(forKey: key) == nil {
      complaints.append("\(key) was removed, but never written")
    }
    for row in delta.series {
      let key = SeriesKey(family: row.family, place: row.place)
      let labels = row.labels ?? series[key]?.labels
      if labels == nil { complaints.append("\(key) never got labels") }
      if row.labels != nil, series[key] != nil { complaints.append("\(key) got labels twice") }
      series[key] = SeriesRow(family: row.family, place: row.place, labels: labels, count: row.count, data: row.data)
    }
    if Set(delta.records.map(\.key)).count != delta.records.count { complaints.append("a record is there twice") }
    for record in delta.records { records[record.key] = record.data }
  }

  /// Everything, in an order that follows from no rule.
  func state(_ random: inout SplitMix64) -> CountingState {
    var state = CountingState()
    state.series = series.values.shuffled(using: &random)
    state.records = records.map { StateRecord(key: $0.key, data: $0.value) }.shuffled(using: &random)
    return state
  }
}

/// Readings as text: every row of every set in its order.
enum ReadingsText {
  static func lines(_ readings: Readings) -> [String] {
    let sets: [(String, SampleSet)] = [
      ("requests", readings[.requests]), ("denied", readings[.deniedRequests]), ("errors", readings[.serverErrors]),
      ("rbac", readings[.rbacMutations]), ("tracked", readings[.trackedRequests]),
      ("impersonated", readings[.impersonatedRequests]), ("detections", readings[.detections]),
      ("wDetections", readings[.windowDetections]), ("stages", readings[.eventsByStage]),
      ("wRequests", readings[.windowRequests]), ("wDenied", readings[.windowDeniedRequests]),
      ("wUsers", readings[.windowDistinctUsers]), ("wRatio", readings[.windowServerErrorRatio]),
      ("wRbac", readings[.windowRBACMutations]), ("wTracked", readings[.windowTrackedRequests]),
      ("last", readings[.clusterLastEvent]), ("lag", readings[.eventLag]), ("expected", readings[.clusterExpected]),
      ("series", readings[.series]), ("limit", readings[.seriesLimit]), ("overflow", readings[.seriesOverflow]),
      ("expired", readings[.seriesExpiredValue]), ("skewed", readings[.eventsSkewed]), ("late", readings[.eventsLate]),
    ]
    var lines = ["number \(readings.number)"]
    for (name, set) in sets {
      set.forEach { prefix, labels, value in
        lines.append("\(name){\(String(decoding: prefix + labels, as: UTF8.self))} \(value)")
      }
    }
    return lines
  }
}
