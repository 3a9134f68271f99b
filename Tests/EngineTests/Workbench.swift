import AuditEvents
import Counting
import Crypto
import Diagnostics
import Metrics
import State

@testable import Engine

/// An engine with three inputs and a fixed key, and what the tests ask of it.
struct Workbench: ~Copyable {
  static let inputs = ["file", "stdin", "webhook"]
  static let key = SipKey(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
  static var settings: EngineSettings {
    var counting = CountingSettings()
    counting.inputs = inputs
    return EngineSettings(counting: counting)
  }

  var engine = Engine(Workbench.settings, key: Workbench.key)
  var arrival: Microseconds = AuditText.now

  /// The engine behind a queue, with its state in memory.
  static func thread(_ queue: BatchQueue, _ clock: Clock) throws -> EngineThread {
    let store = try StateStore(.memory)
    return try EngineThread(
      settings, restoring: try store.load(), store: store, queue: queue, clock: clock, status: CommitStatus())
  }

  /// A commit thread's work, with its state in memory.
  static func committer() throws -> Committer {
    Committer(
      store: try StateStore(.memory), status: CommitStatus(), clock: .system, report: { _ in }, whenIdle: {})
  }

  /// Hands `bytes` in.
  @discardableResult
  mutating func count(
    _ bytes: some Collection<UInt8>, _ shape: Batch.Shape, input: Int = 0, cluster: String = "main"
  ) -> PushAnswer {
    engine.count(Workbench.batch(bytes, shape, input: input, cluster: cluster, arrival: arrival))
  }

  @discardableResult
  mutating func push(_ text: String, to path: String = "/webhook", input: Int = 2) -> PushAnswer {
    count(text.utf8, .body(path: path), input: input)
  }

  static func batch(
    _ bytes: some Collection<UInt8>, _ shape: Batch.Shape, input: Int = 0, cluster: String = "main",
    arrival: Microseconds = AuditText.now, reservedBytes: Int = 0, reply: PushReply? = nil
  ) -> Batch {
    Batch(
      input: input, cluster: cluster, arrival: arrival, shape: shape, bytes: ByteBuffer(bytes),
      reservedBytes: reservedBytes, sourceBytes: bytes.count, reply: reply)
  }

  static func buffer(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes) }

  mutating func readings() -> Readings { engine.readings(at: AuditText.now) }

  /// The whole page, as a scraper gets it.
  mutating func page() -> String {
    String(decoding: Exposition.render(readings(), as: .openMetrics), as: UTF8.self)
  }

  mutating func outcome(input: Int) -> Outcome { readings().outcome(input: input) }
}

extension Readings {
  /// The sum of a family's samples, of one input or of all.
  func sum(_ family: FamilyID, input: Int? = nil) -> Int {
    let set = self[family]
    let rows = set.rows.filter { row in input.map { set.value(of: .input, in: row) == Workbench.inputs[$0] } ?? true }
    return Int(rows.reduce(0) { $0 + $1.value })
  }

  /// The accounting of one input.
  func outcome(input: Int) -> Outcome {
    Outcome(
      counted: sum(.eventsCounted, input: input), notARequest: sum(.eventsNotARequest, input: input),
      duplicate: sum(.eventsDuplicate, input: input), ignored: sum(.eventsIgnored, input: input),
      rejected: sum(.eventsRejected, input: input), dropped: sum(.eventsDropped, input: input),
      salvaged: sum(.eventsSalvaged, input: input))
  }

  /// Whether the books of every input balance, and what is counted is what the requests add up to.
  var isBalanced: Bool {
    Workbench.inputs.indices.allSatisfy { outcome(input: $0).received == sum(.eventsReceived, input: $0) }
      && sum(.requests) == sum(.eventsCounted)
  }
}
