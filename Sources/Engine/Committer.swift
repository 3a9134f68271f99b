internal import Concurrency
public import Counting
public import Diagnostics
internal import Metrics
public import State

/// Where the commit thread writes what changed.
public protocol EpochStore: Sendable {
  /// Makes a change durable, all of it or nothing; after an error the outcome may be unknown.
  func commit(_ change: StateChange) throws(Failure)
  /// Evidence that was committed, the newest first.
  func evidence(_ query: EvidenceQuery) throws(Failure) -> [EvidenceRow]
  /// Nothing more will come.
  func close()
}

extension StateStore: EpochStore {}

/// Takes the answer to a question for evidence; nil when it cannot be read now.
public typealias EvidenceReader = @Sendable ([EvidenceRow]?) -> Void

/// Makes epochs durable, one after another, on a thread of its own: only then are senders answered and readings shown.
///
/// At most one epoch is in flight; the engine counts on into the next one meanwhile. What could not be written is merged
/// with what follows and tried again, after a pause that doubles; until then senders are told to come again, and readers
/// see the last committed counters with the gauges of now.
/// Questions for evidence are answered between two epochs.
/// - Bound: what waits to be written has one value for each key of the state; `questionsLimit` questions wait.
final class Committer: Sendable {
  private struct State {
    var epoch: Epoch?
    var isCommitting = false
    var isClosed = false
    var questions: [(query: EvidenceQuery, reader: EvidenceReader)] = []
  }
  private enum Step {
    case question(EvidenceQuery, EvidenceReader)
    case epoch(Epoch)
    case retry
    case end
  }
  private static let questionsLimit = 16
  private let state = Monitor(State())
  private let store: any EpochStore
  private let status: CommitStatus
  private let clock: Clock
  private let report: @Sendable (CommitEvent) -> Void
  /// Called after every commit, so that the engine can seal the next epoch.
  private let whenIdle: @Sendable () -> Void

  init(
    store: any EpochStore, status: CommitStatus, clock: Clock, report: @escaping @Sendable (CommitEvent) -> Void,
    whenIdle: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.status = status
    self.clock = clock
    self.report = report
    self.whenIdle = whenIdle
  }

  /// Whether an epoch can be handed in now.
  var isIdle: Bool { state.withLock { $0.epoch == nil && !$0.isCommitting } }

  /// Waits until an epoch can be handed in.
  func waitUntilIdle() {
    _ = state.wait { $0.epoch == nil && !$0.isCommitting ? true : nil }
  }

  /// Hands in a sealed epoch. Only when idle.
  func commit(_ epoch: Epoch) {
    state.update { state in
      precondition(state.epoch == nil, "one epoch at most is in flight")
      state.epoch = epoch
    }
  }

  /// Has `reader` called with evidence, on the commit thread or, when too many wait, at once.
  func ask(_ query: EvidenceQuery, _ reader: @escaping EvidenceReader) {
    let waits = state.update { state in
      guard !state.isClosed, state.questions.count < Self.questionsLimit else { return false }
      state.questions.append((query, reader))
      return true
    }
    if !waits { reader(nil) }
  }

  /// Returns once everything handed in was tried; the loop ends.
  func close() { state.update { $0.isClosed = true } }

  /// The body of the commit thread: until closed and empty.
  ///
  /// The first epoch must hold readings of what was restored: they are durable whatever comes.
  func run() {
    var backlog = Backlog()
    while true {
      switch next(backlog) {
      case .epoch(var epoch):
        backlog.change.merge(epoch.change)
        // Nothing but the backlog holds it from here on, so that it is gone when it is written.
        epoch.change = StateChange()
        write(&backlog, isDue: backlog.isDue)
        backlog.tell(epoch)
        state.update { $0.isCommitting = false }
        whenIdle()
      case .question(let query, let reader):
        reader(try? store.evidence(query))
      case .retry:
        write(&backlog, isDue: true)
      case .end:
        if backlog.failures > 0 { write(&backlog, isDue: true) }
        if let failure = backlog.lastFailure { report(.abandoned(failure)) }
        return store.close()
      }
    }
  }

  /// Writes what waits, if there is anything and its time has come.
  private func write(_ backlog: inout Backlog, isDue: Bool) {
    guard !backlog.change.isEmpty else { return status.unchanged(at: clock.now) }
    guard isDue else { return }
    status.begin()
    do throws(Failure) {
      try store.commit(backlog.change)
      status.end(succeededAt: clock.now)
      if backlog.failures > 0 { report(.recovered(failures: backlog.failures)) }
      let isLarge = backlog.isLarge
      backlog.succeeded()
      // What new series took on their way to the disk is in thousands of pieces, and not needed again soon.
      if isLarge { Heap.trim() }
    } catch {
      status.end(succeededAt: nil)
      backlog.failed(error)
      report(.failed(error, attempt: backlog.failures))
    }
  }

  private func next(_ backlog: Backlog) -> Step {
    state.wait(milliseconds: backlog.pauseMilliseconds) { state -> Step? in
      if let epoch = state.epoch {
        state.epoch = nil
        state.isCommitting = true
        return .epoch(epoch)
      }
      if !state.questions.isEmpty {
        let question = state.questions.removeFirst()
        return .question(question.query, question.reader)
      }
      return state.isClosed ? .end : nil
    } ?? .retry
  }
}

/// What the commit thread has to write, and how long it has failed to.
private struct Backlog {
  private static let pauseLimit = 5_000
  private static let largeSeries = 4_096

  var change = StateChange()
  private(set) var failures = 0
  private(set) var lastFailure: Failure?
  private var retryAt: Microseconds = 0
  /// The last readings whose epoch was committed.
  private var committed: Readings?

  /// Whether thousands of series are new.
  var isLarge: Bool {
    change.counting.series.count { $0.text != nil } >= Self.largeSeries
  }

  var isDue: Bool { failures == 0 || Clock.monotonic >= retryAt }

  /// How long to wait for more; nil for ever.
  var pauseMilliseconds: Int? { failures == 0 ? nil : max(0, Int((retryAt - Clock.monotonic) / 1_000) + 1) }

  mutating func succeeded() {
    change = StateChange()
    failures = 0
    lastFailure = nil
  }

  /// The outcome is unknown: what was to be written is kept.
  mutating func failed(_ failure: Failure) {
    failures += 1
    lastFailure = failure
    retryAt = Clock.monotonic + Microseconds(min(Self.pauseLimit, 50 << min(failures, 10))) * 1_000
  }

  /// Tells those who wait for an epoch how it ended.
  mutating func tell(_ epoch: Epoch) {
    let isCommitted = failures == 0
    for item in epoch.answers { item.reply(isCommitted ? item.answer : .unavailable) }
    guard let readings = epoch.readings else { return }
    let last = isCommitted ? readings : committed ?? readings
    committed = last
    let shown = isCommitted ? last : last.showing(gaugesOf: readings)
    for reader in epoch.readers { reader(shown) }
  }
}
