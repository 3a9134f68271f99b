import Counting
import Diagnostics
import Metrics
import State
import TestSupport
import Testing

@testable import Engine

/// An engine that is killed and goes on from what was committed counts as one that was never stopped.
@Suite struct RestartTests {
  /// Random text through bodies and streams; kills at random instants lose what was not committed, and the sources send it
  /// again: bodies whole, streams from their saved positions.
  @Test(arguments: 0..<60) func killsChangeNoCount(seed: Int) throws {
    let store = try StateStore(.memory)
    let engine = try Engine(Workbench.settings, restoring: try store.load())
    var program = RestartProgram(seed: UInt64(seed), store: store, engine: engine)
    for step in 0..<80 {
      try program.step()
      #expect(program.engine.readings(at: AuditText.now).isBalanced, "seed \(seed), step \(step)")
    }
    let (found, wanted) = try program.finish()
    for input in Workbench.inputs.indices where input != RestartProgram.pushed {
      #expect(found.outcome(input: input) == wanted.outcome(input: input), "seed \(seed), input \(input)")
    }
    // Redeliveries are more where more was killed; what was counted is not.
    let (bodies, once) = (found.outcome(input: RestartProgram.pushed), wanted.outcome(input: RestartProgram.pushed))
    #expect(bodies.counted == once.counted && bodies.notARequest == once.notARequest, "seed \(seed)")
    #expect(bodies.rejected == once.rejected && bodies.ignored == once.ignored, "seed \(seed)")
    for family in [FamilyID.requests, .deniedRequests, .serverErrors] {
      #expect(found.sum(family) == wanted.sum(family), "seed \(seed), \(family)")
    }
    // All events lie in the last ten minutes: in this window they are, whatever came first.
    for family in [FamilyID.windowDeniedRequests, .windowRequests] {
      #expect(found.sumOfHour(family) == wanted.sumOfHour(family), "seed \(seed), \(family)")
    }
  }

  @Test func whatWasBegunIsReadAgain() throws {
    let store = try StateStore(.memory)
    var engine = try Engine(Workbench.settings, restoring: try store.load())
    let whole = EventFields(serial: 1).printed + "\n"
    let begun = String(EventFields(serial: 2).printed.split(separator: "\n").prefix(4).joined(separator: "\n")) + "\n"
    func position(_ offset: Int) -> PositionChange {
      .reached(InputPosition(stream: "log", offset: UInt64(offset), mark: [UInt8(offset % 256)]))
    }
    let end = whole.utf8.count + begun.utf8.count
    engine.count(Self.batch(whole + begun, position(end)))
    try store.commit(engine.takeChange())
    // Another stream's position is its own, whatever is under way here.
    let other = InputPosition(stream: "other", offset: 9, mark: [])
    engine.count(Self.batch("", .noted(other)))
    try store.commit(engine.takeChange())
    #expect(try store.load().positions.first { $0.key.stream == "other" }?.offset == 9)
    engine.count(Self.batch("", .gone(stream: "other")))
    try store.commit(engine.takeChange())
    let saved = try #require(try store.load().positions.first)
    #expect(saved.key == PositionKey(input: "file", stream: "log"))
    #expect(saved.offset == UInt64(whole.utf8.count))
    #expect(saved.mark == [UInt8(end % 256)])
    // It is not dropped at the end: it comes back.
    engine.endStreams()
    #expect(engine.readings(at: AuditText.now).outcome(input: 0) == Outcome(counted: 1))
    engine.count(Self.batch("", .gone(stream: "log")))
    try store.commit(engine.takeChange())
    #expect(try store.load().positions.isEmpty)
  }

  @Test func nothingIsKeptWhereNobodyAsks() {
    var engine = Engine(Workbench.settings, key: Workbench.key)
    for serial in 1...10 { engine.count(Self.batch(EventFields(serial: serial).ordered + "\n", .gone(stream: "x"))) }
    #expect(engine.takeChange().isEmpty)
  }

  /// A state of other inputs: what they counted is kept, and shown when they return.
  @Test func anInputThatIsGoneMayReturn() throws {
    let store = try StateStore(.memory)
    var engine = try Engine(Workbench.settings, restoring: try store.load())
    for serial in 1...5 { engine.count(Self.batch(EventFields(serial: serial).ordered + "\n", nil)) }
    try store.commit(engine.takeChange())
    var fewer = Workbench.settings
    fewer.counting.inputs = ["webhook", "other"]
    var between = try Engine(fewer, restoring: try store.load())
    #expect(between.readings(at: AuditText.now)[.eventsReceived].rows.map(\.value) == [0, 0])
    between.count(Self.batch(EventFields(serial: 6).ordered + "\n", nil))
    try store.commit(between.takeChange())
    var after = try Engine(Workbench.settings, restoring: try store.load())
    let readings = after.readings(at: AuditText.now)
    #expect(readings.sum(.eventsReceived, input: 0) == 5 && readings.sum(.eventsReceived, input: 2) == 1)
    #expect(readings.sum(.requests) == 6)
  }

  /// A total that no engine wrote would overflow, or be shown as another number.
  @Test(arguments: ["received", "counted", "ignored", "rejected", "dropped", "bytes"])
  func whatIsNoTotalIsRefused(kind: String) throws {
    for (value, isTotal) in [(UInt64(1) << 53, true), (1 << 53 + 1, false), (.max, false)] {
      let store = try StateStore(.memory)
      var change = StateChange()
      change.accounts = [AccountRow(input: "webhook", kind: kind, reason: "", value: value)]
      try store.commit(change)
      let saved = try store.load()
      guard !isTotal else {
        var engine = try Engine(Workbench.settings, restoring: saved)
        // Counts on from there.
        _ = engine.count(Workbench.batch("{}\nno event\n".utf8, .body(path: "/webhook"), input: 2))
        continue
      }
      let failure = #expect(throws: Failure.self) { _ = try Engine(Workbench.settings, restoring: saved) }
      #expect(failure?.reason == .countingState && failure?.remedy.isEmpty == false)
    }
  }

  /// Digests with times or counts that overflow, or cut short.
  @Test(arguments: [UInt64(1) << 53 + 1, 1 << 63, .max])
  func whatAreNoDigestsIsRefused(number: UInt64) throws {
    let digest = [UInt8](repeating: 1, count: 16)
    func word(_ word: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    let now = word(UInt64(AuditText.now))
    let blobs: [(DigestBlob, isGood: Bool)] = [
      (DigestBlob(kind: .pushedBody, arrival: 0, data: digest + now + word(3)), true),
      (DigestBlob(kind: .pushedBody, arrival: 0, data: digest + word(number) + word(3)), false),
      (DigestBlob(kind: .pushedBody, arrival: 0, data: digest + now + word(.max - 1)), false),
      (DigestBlob(kind: .pushedBody, arrival: 0, data: digest + now), false),
      (DigestBlob(kind: .repeatedEvent, arrival: AuditText.now, data: digest), true),
      (DigestBlob(kind: .repeatedEvent, arrival: Int64(bitPattern: number), data: digest), false),
      (DigestBlob(kind: .repeatedEvent, arrival: AuditText.now, data: Array(digest.dropLast())), false),
    ]
    for (blob, isGood) in blobs {
      let store = try StateStore(.memory)
      var change = StateChange()
      change.digests = [blob]
      try store.commit(change)
      let saved = try store.load()
      if isGood {
        _ = try Engine(Workbench.settings, restoring: saved)
      } else {
        let failure = #expect(throws: Failure.self) { _ = try Engine(Workbench.settings, restoring: saved) }
        #expect(failure?.reason == .countingState && failure?.remedy.isEmpty == false)
      }
    }
  }

  /// The digests of ten minutes come back, and no others stay in the state.
  @Test func digestsAgeInTheState() throws {
    let store = try StateStore(.memory)
    var engine = try Engine(Workbench.settings, restoring: try store.load())
    var arrival = AuditText.now
    for serial in 1...100 {
      engine.count(
        Workbench.batch(
          EventFields(serial: serial).ordered.utf8, .body(path: "/webhook"), input: 2, arrival: arrival))
      try store.commit(engine.takeChange())
      arrival += 30_000_000
    }
    let saved = try store.load()
    #expect((20...24).contains(saved.digests.count))
    var again = try Engine(Workbench.settings, restoring: saved)
    for serial in 1...100 {
      again.count(
        Workbench.batch(
          EventFields(serial: serial).ordered.utf8, .body(path: "/webhook"), input: 2, arrival: arrival))
    }
    #expect(again.readings(at: arrival).outcome(input: 2).duplicate == 20)
  }

  static func batch(_ text: String, _ position: PositionChange?) -> Batch {
    let bytes = Array(text.utf8)
    return Batch(
      input: 0, cluster: "main", arrival: AuditText.now, shape: .stream(id: 1), bytes: Workbench.buffer(bytes),
      reservedBytes: 0, sourceBytes: bytes.count, positions: position.map { [$0] } ?? [])
  }
}

extension Readings {
  /// What the window of an hour holds.
  fileprivate func sumOfHour(_ family: FamilyID) -> Double {
    let set = self[family]
    return set.rows.filter { set.value(of: .window, in: $0) == "1h" }.reduce(0) { $0 + $1.value }
  }
}

/// One engine that is killed now and then, and what it must come to.
struct RestartProgram: ~Copyable {
  static let pushed = 2

  var engine: Engine
  private var store: StateStore
  private var random: SplitMix64
  private var text: AuditText
  /// Everything that was ever written to each of two streams.
  private var streams: [[UInt8]] = [[], []]
  private var read = [0, 0]
  /// Bodies that were not acknowledged, and all of them.
  private var open: [[UInt8]] = []
  private var bodies: [[UInt8]] = []

  /// - Parameter engine: restored from `store`.
  init(seed: UInt64, store: StateStore, engine: consuming Engine) {
    self.store = store
    self.engine = engine
    random = SplitMix64(seed: seed)
    text = AuditText(seed: seed &+ 1_000)
  }

  mutating func step() throws {
    switch random.pick(0...9) {
    case 0...2:
      let at = random.pick(0...1)
      streams[at] += Array(text.piece(azure: false).text.utf8)
    case 3...5: readOn(random.pick(0...1))
    case 6:
      let body = Array(text.piece(azure: false).text.utf8)
      bodies.append(body)
      open.append(body)
      push(body)
    case 7:
      // The sender's patience ended before the answer.
      if let body = open.randomElement(using: &random) { push(body) }
    case 8:
      try store.commit(engine.takeChange())
      open = []
    default: try kill()
    }
  }

  /// Everything to its end: the readings of this engine, and of one that was never killed.
  mutating func finish() throws -> (found: Readings, wanted: Readings) {
    try kill()
    for at in 0...1 { while read[at] < streams[at].count { readOn(at) } }
    for body in open { push(body) }
    var whole = Engine(Workbench.settings, key: Workbench.key)
    for (at, bytes) in streams.enumerated() { whole.count(Workbench.batch(bytes, .stream(id: UInt64(at)), input: at)) }
    for body in bodies { whole.count(Workbench.batch(body, .body(path: "/webhook"), input: Self.pushed)) }
    return (engine.readings(at: AuditText.now), whole.readings(at: AuditText.now))
  }

  private mutating func push(_ body: [UInt8]) {
    engine.count(Workbench.batch(body, .body(path: "/webhook"), input: Self.pushed))
  }

  /// Hands in some whole lines of a stream, with the position behind them.
  private mutating func readOn(_ at: Int) {
    var end = read[at]
    let wanted = random.pick(1...2_000)
    while end < streams[at].count, end - read[at] < wanted || streams[at][end - 1] != 0x0A { end += 1 }
    let bytes = Array(streams[at][read[at]..<end])
    read[at] = end
    let position = InputPosition(stream: "s\(at)", offset: UInt64(end), mark: [])
    engine.count(
      Batch(
        input: at, cluster: "main", arrival: AuditText.now, shape: .stream(id: UInt64(at)),
        bytes: Workbench.buffer(bytes), reservedBytes: 0, sourceBytes: bytes.count, positions: [.reached(position)]))
  }

  private mutating func kill() throws {
    let saved = try store.load()
    engine = try Engine(Workbench.settings, restoring: saved)
    for at in 0...1 { read[at] = Int(saved.positions.first { $0.key.stream == "s\(at)" }?.offset ?? 0) }
    for body in open { push(body) }
  }
}
