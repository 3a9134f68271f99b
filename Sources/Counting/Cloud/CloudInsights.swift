internal import Metrics

/// What CloudTrail Insights has noticed and not yet seen end: unusual rates of calls, or of their errors.
///
/// - Rule: an insight is known by what its two records share. One that has ended stays known, so that a record of its
///   beginning that comes later shows nothing. One whose end never comes is shown for `shownMicroseconds`.
/// - Bound: `limit` of them; the one that began first makes room.
struct CloudInsights {
  struct Insight: Hashable {
    var place: Int
    /// The rendered labels behind the place's, each with a comma before it.
    var labels: [UInt8]
    var began: Int64
    /// Calls a minute, usually and while it lasts.
    var baseline: Double
    var average: Double
    var hasEnded: Bool
  }

  static let limit = 500
  /// A day.
  static let shownMicroseconds: Int64 = 86_400 * 1_000_000
  /// A week: files of CloudTrail come in no order, but not that late.
  static let keptMicroseconds: Int64 = 7 * shownMicroseconds
  static let labels: [Label] = [.cloudService, .operation, .errorCode, .insight]

  private(set) var known: [UInt64: Insight] = [:]
  private var isDirty = false

  /// - Parameter id: a hash of what both records share.
  mutating func note(_ id: UInt64, _ insight: Insight, now: Int64) {
    if let before = known[id], before.hasEnded { return }
    known[id] = insight
    isDirty = true
    let stale = known.filter { now - $0.value.began > Self.keptMicroseconds }
    for (id, _) in stale { known[id] = nil }
    guard known.count > Self.limit else { return }
    let first = known.min { ($0.value.began, $0.key) < ($1.value.began, $1.key) }
    if let first { known[first.key] = nil }
  }

  /// Adds those that last. Of several with the same labels, the one that began last.
  func read(_ readings: inout Readings, _ places: [[UInt8]], now: Int64) {
    var shown: [[UInt8]: (id: UInt64, insight: Insight)] = [:]
    for (id, insight) in known where !insight.hasEnded && now - insight.began <= Self.shownMicroseconds {
      let labels = places[insight.place] + insight.labels
      if let other = shown[labels], (other.insight.began, other.id) > (insight.began, id) { continue }
      shown[labels] = (id, insight)
    }
    var (averages, baselines) = (SampleSet(), SampleSet())
    for (labels, found) in shown.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      averages.append(labels, [], found.insight.average)
      baselines.append(labels, [], found.insight.baseline)
    }
    readings[.insightCalls] = averages
    readings[.insightBaseline] = baselines
  }

  // MARK: - State

  private static let version: UInt8 = 1

  /// The record of all of them, when any has changed.
  mutating func takeRecord() -> [UInt8]? {
    guard isDirty else { return nil }
    isDirty = false
    var writer = StateWriter(version: Self.version, capacity: 4096)
    writer.write(known.count)
    for (id, insight) in known.sorted(by: { $0.key < $1.key }) {
      writer.write(hash: id)
      writer.write(insight.place)
      writer.write(insight.began)
      writer.write(hash: insight.baseline.bitPattern)
      writer.write(hash: insight.average.bitPattern)
      writer.write(byte: insight.hasEnded ? 1 : 0)
      writer.write(insight.labels.count)
      for byte in insight.labels { writer.write(byte: byte) }
    }
    return writer.bytes
  }

  /// Takes over what `takeRecord` wrote.
  mutating func restore(_ bytes: [UInt8], places: [[UInt8]]) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.version)
    for _ in 0..<(try reader.readInt(upTo: Self.limit)) {
      let id = try reader.readHash()
      let place = try reader.readIndex(below: places.count)
      let began = try reader.readTime(upTo: EventTime.limit)
      let baseline = Double(bitPattern: try reader.readHash())
      let average = Double(bitPattern: try reader.readHash())
      let hasEnded = try reader.readByte() == 1
      var labels: [UInt8] = []
      for _ in 0..<(try reader.readInt(upTo: RenderedLabels.bytesLimit)) { labels.append(try reader.readByte()) }
      guard baseline.isFinite, average.isFinite, known[id] == nil,
        RenderedLabels.areWhole(places[place] + labels, behind: places[place], Self.labels)
      else { throw StateDamage("one of them is none") }
      known[id] = Insight(
        place: place, labels: labels, began: began, baseline: baseline, average: average, hasEnded: hasEnded)
    }
    try reader.finish()
  }
}
