import Concurrency
import Counting
import Diagnostics
import Metrics
import State

@testable import Engine

/// A store that does as it is told: succeeds, fails, or waits.
final class FakeStore: EpochStore {
  enum Behaviour { case succeed, fail, hang }

  struct Record {
    var behaviour = Behaviour.succeed
    /// What was committed, in order.
    var changes: [StateChange] = []
    var attempts = 0
    var isClosed = false
  }
  let record = Monitor(Record())

  static let failure = Failure(.stateFull, "there is no space left", at: .path("x"), remedy: "Make room")

  func behave(_ behaviour: Behaviour) { record.update { $0.behaviour = behaviour } }

  /// Everything committed, as one change.
  var committed: StateChange {
    record.withLock { record in record.changes.reduce(into: StateChange()) { $0.merge($1) } }
  }

  func commit(_ change: StateChange) throws(Failure) {
    record.update { $0.attempts += 1 }
    let succeeds =
      record.wait { record -> Bool? in
        switch record.behaviour {
        case .hang: return nil
        case .fail: return false
        case .succeed: return true
        }
      } ?? false
    guard succeeds else { throw Self.failure }
    record.update { $0.changes.append(change) }
  }

  func evidence(_ query: EvidenceQuery) throws(Failure) -> [EvidenceRow] { committed.counting.evidence }

  func close() { record.update { $0.isClosed = true } }
}

/// An engine behind a queue, over such a store, and what its senders and readers were told.
final class CommitBench {
  let queue = BatchQueue(limitBytes: 1 << 20)
  let store = FakeStore()
  let status = CommitStatus()
  let events = Monitor<[String]>([])
  let answers = Monitor<[Int: [PushAnswer]]>([:])
  private let running: EngineThread

  init(restoring saved: SavedState = SavedState(key: Workbench.key)) throws {
    let events = self.events
    running = try EngineThread(
      Workbench.settings, restoring: saved, store: store, queue: queue, clock: Clock { AuditText.now }, status: status,
      report: { event in
        let text =
          switch event {
          case .failed(let failure, let attempt): "failed \(failure.reason.label) \(attempt)"
          case .recovered: "recovered"
          case .abandoned: "abandoned"
          }
        events.update { $0.append(text) }
      })
  }

  func stop() {
    queue.close()
    running.join()
  }

  /// Pushes the body of this number; its answers are kept under it.
  func push(_ serial: Int) -> Bool {
    let reply = PushReply { [answers] answer in answers.update { $0[serial, default: []].append(answer) } }
    let text = EventFields(serial: serial).ordered
    return queue.put(Workbench.batch(text.utf8, .body(path: "/webhook"), input: 2, reply: reply))
  }

  /// Waits until the body of this number has had so many answers: the last one.
  func answer(to serial: Int, count: Int = 1) -> PushAnswer? {
    answers.wait(milliseconds: 60_000) { answers in
      guard let given = answers[serial], given.count >= count else { return nil }
      return given.last
    }
  }

  /// Asks for evidence; how each question was answered is added to `told`.
  func askForEvidence(_ told: Monitor<[Bool]>) {
    running.ask(EvidenceQuery()) { rows in told.update { $0.append(rows != nil) } }
  }

  /// Readings that are committed, or what stands in for them.
  func read() -> Readings? { ask { .read($0) } }
  /// Readings of now.
  func readNow() -> Readings? { ask { .readNow($0) } }

  /// Asks and waits.
  private func ask(_ command: (@escaping @Sendable (Readings) -> Void) -> EngineCommand) -> Readings? {
    let answered = Monitor<Readings?>(nil)
    guard queue.ask(command({ readings in answered.update { $0 = readings } })) else { return nil }
    return answered.wait(milliseconds: 60_000) { $0 }
  }

  func waitForStatus(_ isWanted: (CommitStatus.Snapshot) -> Bool) -> Bool {
    // The store's monitor ticks with every attempt; the status follows it.
    for _ in 0..<6_000 {
      if isWanted(status.snapshot) { return true }
      _ = store.record.wait(milliseconds: 10) { _ -> Bool? in nil }
    }
    return false
  }
}
