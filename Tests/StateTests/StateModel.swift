import Counting
import Crypto
import State
import TestSupport

/// What the state should hold: plain dictionaries.
struct StateModel: Equatable {
  struct Series: Equatable {
    var labels: [UInt8]
    var count: UInt64
    var data: [UInt8]
  }
  var series: [SeriesKey: Series] = [:]
  var records: [String: [UInt8]] = [:]
  var accounts: [String: UInt64] = [:]
  var digests: Set<DigestBlob> = []
  var positions: [PositionKey: StreamPosition] = [:]

  init() {}

  init(_ state: SavedState) {
    for row in state.counting.series {
      let key = SeriesKey(family: row.family, place: row.place)
      series[key] = Series(labels: row.labels ?? [], count: row.count, data: row.data)
    }
    for row in state.counting.records { records[row.key] = row.data }
    for row in state.accounts { accounts["\(row.input)/\(row.kind)/\(row.reason)"] = row.value }
    digests = Set(state.digests)
    for row in state.positions { positions[row.key] = row }
  }

  mutating func apply(_ change: StateChange) {
    for key in change.counting.removed { series[key] = nil }
    for row in change.counting.series {
      let key = SeriesKey(family: row.family, place: row.place)
      let labels = row.labels ?? series[key]?.labels ?? Array("no labels were ever given".utf8)
      series[key] = Series(labels: labels, count: row.count, data: row.data)
    }
    for row in change.counting.records { records[row.key] = row.data }
    for row in change.accounts { accounts["\(row.input)/\(row.kind)/\(row.reason)"] = row.value }
    digests.formUnion(change.digests)
    digests = digests.filter { $0.arrival >= change.forgotten[$0.kind] ?? .min }
    for key in change.removedPositions { positions[key] = nil }
    for row in change.positions { positions[row.key] = row }
  }
}

/// Makes changes at random that fit what came before.
struct ChangeMaker {
  var random: SplitMix64
  /// What its changes so far lead to.
  private(set) var model = StateModel()
  private var time: Int64 = 1_000
  private let seriesLimit: Int

  init(seed: UInt64, seriesLimit: Int = 60) {
    random = SplitMix64(seed: seed)
    self.seriesLimit = seriesLimit
  }

  /// What so many changes lead to.
  static func model(seed: UInt64, steps: Int) -> StateModel {
    var maker = ChangeMaker(seed: seed)
    for _ in 0..<steps { _ = maker.next() }
    return maker.model
  }

  mutating func next(size: Int = 12) -> StateChange {
    var change = StateChange()
    time += Int64(random.pick(0...500))
    var touched: Set<SeriesKey> = []
    for _ in 0..<random.pick(0...size) {
      let key = SeriesKey(family: UInt8(random.pick(1...3)), place: UInt32(random.below(seriesLimit)))
      guard touched.insert(key).inserted else { continue }
      let isKnown = model.series[key] != nil
      let isRemoved = isKnown && random.oneIn(6)
      if isRemoved {
        change.counting.removed.append(key)
        if random.oneIn(2) { continue }
      }
      let labels = isKnown && !isRemoved ? nil : Array("user=\"u\(random.pick(0...999))\",é=\"😀\"".utf8)
      let count = random.oneIn(20) ? UInt64.max - random.next() % 3 : UInt64(random.pick(0...1_000_000))
      change.counting.series.append(
        SeriesRow(
          family: key.family, place: key.place, labels: labels, count: count,
          data: random.bytes(random.pick(0...200))))
    }
    for _ in 0..<random.pick(0...3) {
      let key = "feed/\(random.below(4))/\(random.pick(["webhook", "file"]))"
      guard !change.counting.records.contains(where: { $0.key == key }) else { continue }
      change.counting.records.append(StateRecord(key: key, data: random.bytes(random.pick(0...40))))
    }
    if random.chance(70) {
      let reason = random.pick(["", "too_long"])
      change.accounts = [AccountRow(input: "file", kind: "rejected", reason: reason, value: random.next())]
    }
    addDigests(to: &change)
    addPositions(to: &change)
    model.apply(change)
    return change
  }

  private mutating func addDigests(to change: inout StateChange) {
    for kind in DigestKind.allCases where random.oneIn(2) {
      // Unlike any other: the same digests are never new twice.
      time += 1
      change.digests.append(DigestBlob(kind: kind, arrival: time, data: random.bytes(random.pick(16...400))))
      if random.oneIn(2) { change.forgotten[kind] = time - Int64(random.pick(0...2_000)) }
    }
  }

  private mutating func addPositions(to change: inout StateChange) {
    for stream in 0..<4 where random.oneIn(3) {
      let key = PositionKey(input: "file", stream: "/var/log/\(stream)")
      if model.positions[key] != nil, random.oneIn(4) {
        change.removedPositions.append(key)
      } else {
        let mark = random.bytes(random.pick(0...30))
        change.positions.append(StreamPosition(key: key, offset: random.next(), mark: mark))
      }
    }
  }
}
