import AWS
import TestSupport
import Testing

@testable import Engine
@testable import Inputs

@Suite struct ShardPlanTests {
  private static func shard(_ id: String, _ parents: [String] = [], isClosed: Bool = false) -> KinesisShard {
    KinesisShard(id: id, parents: parents, isClosed: isClosed)
  }

  private static func plan(_ beginning: ShardPlan.Beginning, _ positions: [InputPosition] = []) -> ShardPlan {
    ShardPlan(key: "-,eu-west-1,audit", beginning: beginning, positions: positions)
  }

  @Test func theFirstRunBeginsWhereItIsTold() {
    let listed = [Self.shard("a", isClosed: true), Self.shard("b", ["a"]), Self.shard("c", ["a"])]
    var latest = Self.plan(.latest)
    _ = latest.take(listed, at: 77)
    #expect(latest.readable == ["b", "c"] && latest.shards["b"]?.place == .from(.time(77)))
    #expect(latest.shards["a"]?.place == .done)
    var all = Self.plan(.trimHorizon)
    _ = all.take(listed, at: 77)
    #expect(all.readable == ["a"] && all.shards["c"]?.place == .from(.trimHorizon))
    var since = Self.plan(.time(5))
    _ = since.take(listed, at: 77)
    #expect(since.readable == ["a"] && since.shards["b"]?.place == .from(.time(5)))
  }

  /// Killed before the first record came: what came meanwhile is not passed over, whatever the settings say now.
  @Test func theBeginningIsKept() {
    var first = Self.plan(.latest)
    let kept = Self.applied(first.take([Self.shard("a")], at: 77), to: [:])
    var second = Self.plan(.latest, Array(kept.values))
    #expect(second.take([Self.shard("a"), Self.shard("b", ["a"])], at: 99).count == 1)
    #expect(second.shards["a"]?.place == .from(.time(77)) && second.shards["b"]?.place == .from(.trimHorizon))
  }

  @Test func foreignAndBrokenPositionsArePassedOver() {
    let positions = [
      InputPosition(stream: "-,eu-west-1,audit2 a", offset: 0, mark: Array("after 5".utf8)),
      InputPosition(stream: "-,eu-west-1,audit a", offset: 0, mark: Array("nonsense".utf8)),
      InputPosition(stream: "-,eu-west-1,audit b", offset: 0, mark: Array("time x".utf8)),
      InputPosition(stream: "-,eu-west-1,audit c", offset: 0, mark: Array("after 12".utf8)),
    ]
    let plan = Self.plan(.trimHorizon, positions)
    #expect(plan.shards == ["c": .init(place: .from(.after(sequence: "12")))])
  }

  /// Merged and split, with parents that are gone, until all is read.
  @Test func childrenWaitForTheirParents() {
    var plan = Self.plan(.trimHorizon)
    _ = plan.take(
      [Self.shard("a"), Self.shard("b"), Self.shard("m", ["a", "b"]), Self.shard("o", ["gone"])], at: 0)
    #expect(plan.readable == ["a", "b", "o"])
    _ = plan.read("a", lastSequence: nil, isEnd: true)
    #expect(plan.readable == ["b", "o"])
    #expect(plan.read("b", lastSequence: nil, isEnd: false).isEmpty)
    _ = plan.read("b", lastSequence: "9", isEnd: true)
    #expect(plan.readable == ["m", "o"])
    // Parents that are no longer listed hold nobody up, and are forgotten after a day; not if they come back before.
    let children = [Self.shard("m", ["a", "b"]), Self.shard("o", ["gone"])]
    #expect(plan.take(children, at: 0).isEmpty && plan.readable == ["m", "o"])
    #expect(plan.take([], at: 3_600_000).isEmpty && plan.readable.isEmpty)
    #expect(plan.take(children + [Self.shard("a")], at: 7_200_000).isEmpty && plan.readable == ["m", "o"])
    #expect(plan.take(children, at: 86_400_001).count == 1 && plan.shards["b"] == nil && plan.shards["a"] != nil)
    #expect(plan.take(children, at: 2 * 86_400_002).count == 1)
    #expect(plan.shards.count == 2 && plan.readable == ["m", "o"])
    #expect(plan.read("a", lastSequence: "1", isEnd: false).isEmpty)
  }

  static func applied(
    _ changes: [PositionChange], to positions: [String: InputPosition]
  ) -> [String: InputPosition] {
    var positions = positions
    for change in changes {
      switch change {
      case .noted(let position), .reached(let position): positions[position.stream] = position
      case .gone(let stream): positions[stream] = nil
      case .lost: break
      }
    }
    return positions
  }

  /// A stream that grows, is split and merged, is read in pages, and whose reader is killed again and again: each record once,
  /// and none before those of its shard's parents.
  @Test(arguments: 0..<Campaign.size("shards", short: 20)) func everyRecordOnce(seed: Int) {
    var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
    var stream = RandomStream()
    var committed: [String: InputPosition] = [:]
    var counted: [Int] = []
    var plan = Self.plan(.trimHorizon)
    /// What was handed in and is not committed yet: records and changes.
    var pending: [(records: [Int], changes: [PositionChange])] = []
    func commit(_ count: Int) {
      for batch in pending.prefix(count) {
        counted += batch.records
        committed = Self.applied(batch.changes, to: committed)
      }
      pending.removeFirst(min(count, pending.count))
    }
    for step in 0..<600 {
      if step < 500 { stream.grow(&random) }
      if step == 500 { stream.closeNothingMore() }
      if random.oneIn(25) {
        commit(random.pick(0...pending.count))
        pending = []
        plan = Self.plan(.trimHorizon, Array(committed.values))
        pending.append(([], plan.take(stream.listed, at: 0)))
      }
      if random.oneIn(8) || step > 500 { pending.append(([], plan.take(stream.listed, at: 0))) }
      for _ in 0..<(step > 500 ? 40 : 3) {
        guard let id = plan.readable.randomElement(using: &random), case .from(let start) = plan.shards[id]?.place
        else {
          continue
        }
        let page = stream.page(id, start, limit: random.pick(0...4))
        let isEnd = page.isEnd
        pending.append((page.records, plan.read(id, lastSequence: page.records.last.map { "\($0)" }, isEnd: isEnd)))
      }
      if random.oneIn(5) { commit(random.pick(0...pending.count)) }
    }
    commit(pending.count)
    #expect(counted.sorted() == stream.all.sorted(), "seed \(seed)")
    let order = Dictionary(uniqueKeysWithValues: counted.enumerated().map { ($1, $0) })
    #expect(stream.isInOrder { order[$0] ?? -1 }, "seed \(seed)")
    // Of each shard that is listed one position, and one of the stream.
    #expect(committed.count == stream.listed.count + 1)
  }
}

/// Shards with numbered records.
private struct RandomStream {
  private struct Shard {
    let parents: [String]
    var records: [Int] = []
    var isClosed = false
    var isForgotten = false
  }
  private var shards: [String: Shard] = ["s0": Shard(parents: []), "s1": Shard(parents: [])]
  private var next = 1
  private var ended: Set<String> = []
  private var isGrowing = true

  var all: [Int] { shards.values.flatMap(\.records) }

  var listed: [KinesisShard] {
    shards.filter { !$0.value.isForgotten }.map { KinesisShard(id: $0, parents: $1.parents, isClosed: $1.isClosed) }
  }

  mutating func closeNothingMore() { isGrowing = false }

  mutating func grow(_ random: inout SplitMix64) {
    let open = shards.filter { !$0.value.isClosed }.map(\.key).sorted()
    for _ in 0..<random.pick(0...3) {
      shards[open[random.below(open.count)]]?.records.append(next)
      next += 1
    }
    guard random.oneIn(20), isGrowing else { return }
    let first = random.below(open.count)
    var parents = [open[first]]
    if open.count > 2, random.oneIn(2) { parents.append(open[(first + 1) % open.count]) }
    for parent in parents { shards[parent]?.isClosed = true }
    for _ in 0..<(parents.count == 1 ? 2 : 1) { shards["s\(shards.count)"] = Shard(parents: parents) }
  }

  mutating func page(_ id: String, _ start: Kinesis.Start, limit: Int) -> (records: [Int], isEnd: Bool) {
    guard let shard = shards[id] else { return ([], true) }
    let first: Int
    switch start {
    case .trimHorizon, .time: first = 0
    case .after(let sequence): first = (shard.records.firstIndex(of: Int(sequence) ?? 0) ?? -1) + 1
    }
    let records = Array(shard.records[first...].prefix(limit))
    return (records, shard.isClosed && first + records.count == shard.records.count)
  }

  /// Whether records come in the order of their shard, and after those of its parents.
  func isInOrder(_ place: (Int) -> Int) -> Bool {
    shards.values.allSatisfy { shard in
      let places = shard.records.map(place)
      let before = shard.parents.flatMap { shards[$0]?.records ?? [] }.map(place).max() ?? -1
      return places == places.sorted() && (places.first ?? .max) > before
    }
  }
}
