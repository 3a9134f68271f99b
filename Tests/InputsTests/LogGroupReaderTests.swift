import AWS
import Engine
import TestSupport
import Testing

@testable import Inputs

/// A log group whose events come late and out of order, and a reader that is killed: every event is counted once.
struct LogGroupReaderTests {
  @Test func everyEventOnce() {
    let count = Campaign.size("cloudwatch", short: 12)
    var sums = Figures()
    for seed in Campaign.seed..<Campaign.seed + count {
      var program = LogProgram(seed: UInt64(seed))
      let figures = program.run()
      #expect(figures.lost == 0 && figures.doubled == 0, "seed \(seed): \(figures)")
      sums.add(figures)
      if figures.lost + figures.doubled > 0 { return }
    }
    Campaign.report("cloudwatch", "\(count) programs, \(sums)")
    #expect(sums.events > count * 500 && sums.crashes > count && sums.queriesFailed > count && sums.late > count)
  }

  /// With room for few IDs events may be left out, which is told; none is counted twice.
  @Test func withoutRoomNothingIsDoubled() {
    var shortened = 0
    for seed in 0..<5 {
      var program = LogProgram(seed: UInt64(seed), idsLimit: 40)
      let figures = program.run()
      #expect(figures.doubled == 0, "seed \(seed): \(figures)")
      #expect(figures.shortened > 0 || figures.lost == 0, "seed \(seed): \(figures)")
      shortened += figures.shortened
    }
    #expect(shortened > 0)
  }

  /// What is kept in the state goes as time goes on, and all of it with the group.
  @Test func positionsAreForgotten() {
    var program = LogProgram(seed: 1)
    _ = program.run()
    #expect(program.positionsAtMost < 150)
    #expect(program.positions.count < 150 && !program.positions.isEmpty)
    program.leave()
    #expect(program.positions.isEmpty)
  }

  /// A log that nobody writes any more is asked for a day at most, and what comes after all is found.
  @Test func silenceIsNotSearchedForEver() throws {
    let empty = try #require(LogPage(Array(#"{"events":[]}"#.utf8)))
    let start: Int64 = 1_767_323_045_000
    var reader = LogGroupReader(key: "k", settings: LogGroupReader.Settings(), start: start, positions: [])
    let day: Int64 = 86_400_000
    var (now, changes) = (start, 0)
    for _ in 0..<(4 * 24 * 60) {
      now += 60_000
      let query = reader.query(at: now)
      #expect(query.times.upperBound <= now && query.times.upperBound - query.times.lowerBound <= day + 700_000)
      let taken = reader.take(empty)
      #expect(taken.isLast && taken.new.isEmpty)
      changes += taken.changes.count
      #expect(reader.watermark >= start && (now - start > day || reader.watermark == start))
    }
    #expect(now - reader.watermark <= day + 700_000)
    // Once a sweep, after the first day; nothing before it.
    #expect(changes > 100 && changes <= 3 * 24 * 12)
    let late = try #require(
      LogPage(
        Array(
          #"{"events":[{"eventId":"1","logStreamName":"s","timestamp":\#(now - day / 2),"ingestionTime":\#(now),"message":""}]}"#
            .utf8)))
    _ = reader.query(at: now + 300_000)
    #expect(reader.take(late).new == [0])
  }

  /// Positions of other groups, and those that nobody can read, are no hindrance.
  @Test func strangePositionsArePassedOver() {
    let names = ["a at", "a b at", "a ids", "a ids x", "a ids 1", "ab at", "a at "]
    let marks: [[UInt8]] = [[], Array("1 2 3".utf8), Array("9 1 1 1".utf8), [1, 2, 3], Array(repeating: 7, count: 25)]
    for name in names {
      for mark in marks {
        let position = InputPosition(stream: name, offset: 0, mark: mark)
        let reader = LogGroupReader(key: "a", settings: LogGroupReader.Settings(), start: 5, positions: [position])
        #expect(reader.watermark == 5 && reader.idCount == 0, "\(name)")
      }
    }
  }
}

/// What programs came to.
private struct Figures: CustomStringConvertible {
  var events = 0
  /// Taken in more than the overlap after they happened, in order.
  var late = 0
  var lost = 0
  var doubled = 0
  var pages = 0
  var queriesFailed = 0
  var crashes = 0
  var shortened = 0

  mutating func add(_ other: Figures) {
    events += other.events
    late += other.late
    lost += other.lost
    doubled += other.doubled
    pages += other.pages
    queriesFailed += other.queriesFailed
    crashes += other.crashes
    shortened += other.shortened
  }

  var description: String {
    "\(events) events, \(late) of them more than the overlap late, \(pages) pages, \(queriesFailed) queries failed, "
      + "\(crashes) crashes, \(lost) events lost, \(doubled) doubled"
  }
}

/// CloudWatch, the reader and what it has committed, driven by a seed.
private struct LogProgram {
  struct Event {
    let id: Int
    let timestamp: Int64
    let ingestion: Int64
  }

  private static let overlap: Int64 = 600_000
  private var random: SplitMix64
  private let settings: LogGroupReader.Settings
  private var now: Int64 = 1_767_323_045_000
  /// In the order of their times and IDs; those that are not taken in yet are not seen yet.
  private var events: [Event] = []
  private var reader: LogGroupReader
  private(set) var positions: [String: InputPosition] = [:]
  private(set) var positionsAtMost = 0
  private var counts: [Int: Int] = [:]
  /// Counted, and not committed yet.
  private var pending: [(ids: [Int], changes: [PositionChange])] = []
  private var figures = Figures()
  private let start: Int64

  init(seed: UInt64, idsLimit: Int = 500_000) {
    random = SplitMix64(seed: seed)
    var settings = LogGroupReader.Settings()
    settings.idsLimit = idsLimit
    self.settings = settings
    start = now
    reader = LogGroupReader(key: "1/r/g", settings: settings, start: start, positions: [])
  }

  mutating func run() -> Figures {
    addEvents()
    for _ in 0..<150 {
      now += Int64(random.pick([1_000, 30_000, 30_000, 30_000, 60_000]))
      // Hours without the exporter.
      if random.oneIn(60) { now += Int64(random.below(4 * 3_600_000)) }
      poll()
      if random.oneIn(8) { crash() }
    }
    // All is taken in; what is late has its sweeps.
    now = max(now, (events.map(\.ingestion).max() ?? now) + 1)
    for _ in 0..<30 {
      now += 60_000
      repeat { poll(isCalm: true) } while reader.isBehind(now)
    }
    commit(pending.count)
    figures.events = events.count
    figures.lost = events.count { counts[$0.id] == nil }
    figures.doubled = counts.values.count { $0 > 1 }
    return figures
  }

  /// The group is gone.
  mutating func leave() {
    pending.append(([], reader.farewell()))
    commit(pending.count)
  }

  /// Two hours of events: most on time, some late; and sometimes delivery stalls, then goes on in order.
  private mutating func addEvents() {
    var time = now
    var stalledUntil = Int64.min
    var newest = Int64.min
    for id in 0..<random.pick(600...1200) {
      time += Int64(random.below(12_000))
      if random.oneIn(300) { time += Int64(random.below(3 * 3_600_000)) }
      if random.oneIn(250) { stalledUntil = max(stalledUntil, time + Int64(random.below(2 * 3_600_000))) }
      var ingestion = time + Int64(random.oneIn(5) ? random.below(Int(Self.overlap) + 1) : random.below(20_000))
      if time < stalledUntil || time < newest {
        // In order, over some minutes, and what happens meanwhile stands in line.
        ingestion = max(stalledUntil, newest) + Int64(random.below(3_000))
        newest = ingestion
        figures.late += ingestion - time > Self.overlap ? 1 : 0
      }
      events.append(Event(id: id, timestamp: time, ingestion: ingestion))
    }
  }

  /// One query with its pages, while time goes on.
  private mutating func poll(isCalm: Bool = false) {
    while true {
      let query = reader.query(at: now)
      if !isCalm, random.oneIn(15) {
        // A throttle, a token that has expired, a network that is away.
        reader.abandon()
        figures.queriesFailed += 1
        return
      }
      let page = answer(query)
      figures.pages += 1
      let before = reader.shortened
      let taken = reader.take(page)
      figures.shortened += Int(reader.shortened - before)
      pending.append((taken.new.map { Int(page.events[$0].id) ?? -1 }, taken.changes))
      if random.oneIn(2) { commit(random.pick(0...pending.count)) }
      if !isCalm, random.oneIn(60) { return crash() }
      now += Int64(random.below(2_000))
      if taken.isLast { return }
    }
  }

  /// A page as CloudWatch has them: short or empty, more to come as long as there is a token; both bounds are included.
  private mutating func answer(_ query: LogGroupReader.Query) -> LogPage {
    let after = query.token.map { $0.split(separator: "/").compactMap { Int64($0) } } ?? [.min, .min, 0]
    let first = events.partitioningIndex { $0.timestamp >= query.times.lowerBound }
    let matching = events[first...].prefix { $0.timestamp <= query.times.upperBound }.filter {
      $0.ingestion <= now && ($0.timestamp, Int64($0.id)) > (after[0], after[1])
    }
    let shown = matching.prefix(random.oneIn(6) ? 0 : random.pick(1...40))
    var token: String?
    if shown.count < matching.count || random.oneIn(5) {
      token = "\(shown.last?.timestamp ?? after[0])/\(shown.last.map { Int64($0.id) } ?? after[1])/\(after[2] + 1)"
    }
    let texts = shown.map {
      #"{"eventId":"\#($0.id)","logStreamName":"s","timestamp":\#($0.timestamp),"ingestionTime":\#($0.ingestion),"#
        + #""message":"{}"}"#
    }
    let body = #"{"events":[\#(texts.joined(separator: ","))]\#(token.map { #","nextToken":"\#($0)""# } ?? "")}"#
    guard let page = LogPage(Array(body.utf8)) else { preconditionFailure("the test writes no page") }
    return page
  }

  /// The first so many batches are in the state, with their positions.
  private mutating func commit(_ count: Int) {
    for batch in pending.prefix(count) {
      for id in batch.ids { counts[id, default: 0] += 1 }
      for change in batch.changes {
        switch change {
        case .reached(let position), .noted(let position): positions[position.stream] = position
        case .gone(let stream): positions[stream] = nil
        case .lost: break
        }
      }
    }
    positionsAtMost = max(positionsAtMost, positions.count)
    pending.removeFirst(count)
  }

  /// What was not committed is forgotten, and the rest is where it goes on.
  private mutating func crash() {
    figures.crashes += 1
    pending = []
    reader = LogGroupReader(
      key: "1/r/g", settings: settings, start: start, positions: Array(positions.values))
  }
}

extension Array {
  /// The first index whose element, and all behind it, are so.
  fileprivate func partitioningIndex(where isBehind: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
