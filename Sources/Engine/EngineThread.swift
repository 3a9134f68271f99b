internal import Concurrency
internal import Crypto
public import Diagnostics
public import State

/// The engine and the commit thread, running: the queue's other end.
public final class EngineThread: Sendable {
  private let engine: NamedThread
  private let commits: NamedThread
  private let committer: Committer

  /// Starts both threads. The engine is born inside its thread, so nothing else can hold it.
  ///
  /// - Errors: what was saved cannot be taken up again, or there are no threads to be had.
  /// - Parameters:
  ///   - saved: what `store` held when it was opened.
  ///   - store: handed over to the commit thread, which closes it at the end.
  ///   - status: shows how the commits are doing.
  ///   - report: told of failed commits, on the commit thread.
  ///   - clockWasSet: told when the system's clock was set, on the engine's thread.
  public init(
    _ settings: EngineSettings, restoring saved: SavedState, store: any EpochStore, queue: BatchQueue, clock: Clock,
    status: CommitStatus, report: @escaping @Sendable (CommitEvent) -> Void = { _ in },
    clockWasSet: @escaping @Sendable (ClockStep) -> Void = { _ in }
  ) throws(Failure) {
    let committer = Committer(
      store: store, status: status, clock: clock, report: report, whenIdle: { queue.wake() })
    self.committer = committer
    commits = try NamedThread("commit") { committer.run() }
    let birth = Monitor<Result<Void, Failure>?>(nil)
    engine = try NamedThread("engine", stackBytes: 8 << 20) {
      do throws(Failure) {
        let engine = try Engine(settings, restoring: saved)
        birth.update { $0 = .success(()) }
        var loop = EngineLoop(engine, queue: queue, committer: committer, clock: clock, clockWasSet: clockWasSet)
        loop.run()
      } catch { birth.update { $0 = .failure(error) } }
    }
    if case .failure(let failure) = birth.wait(until: { $0 }) {
      join()
      throw failure
    }
  }

  /// Has `reader` called with evidence that was committed, on the commit thread, or at once when too many ask.
  public func ask(_ query: EvidenceQuery, _ reader: @escaping EvidenceReader) { committer.ask(query, reader) }

  /// Waits until everything that was in the closed queue is counted and committed.
  public func join() {
    engine.join()
    committer.close()
    commits.join()
  }
}

/// What the engine's thread does: count, and seal an epoch whenever somebody waits for one, or a second has passed.
struct EngineLoop: ~Copyable {
  /// How old a change may become before it is committed although nobody waits for it.
  private static let sealAfter: Microseconds = 1_000_000

  private var engine: Engine
  private let queue: BatchQueue
  private let committer: Committer
  private let clock: Clock
  private let clockWasSet: @Sendable (ClockStep) -> Void
  /// The epoch that is being counted.
  private var epoch = Epoch()
  /// When the last one was sealed, on the clock that never steps.
  private var sealedAt: Microseconds = 0

  init(
    _ engine: consuming Engine, queue: BatchQueue, committer: Committer, clock: Clock,
    clockWasSet: @escaping @Sendable (ClockStep) -> Void
  ) {
    self.engine = engine
    self.queue = queue
    self.committer = committer
    self.clock = clock
    self.clockWasSet = clockWasSet
  }

  /// Until the queue is closed and empty.
  mutating func run() {
    // What was restored, before anything is added: the commit thread shows it until something is committed.
    keepTime()
    epoch.readings = engine.readings(at: clock.now)
    seal()
    while true {
      let next = queue.next(waitingMilliseconds: patienceMilliseconds)
      keepTime()
      switch next {
      case .batch(let batch):
        let answer = engine.count(batch)
        queue.release(batch.reservedBytes)
        if let reply = batch.reply { epoch.answers.append((reply, answer)) }
      case .command(.read(let reader)):
        epoch.readers.append(reader)
      case .command(.readWithTrends(let reader)):
        epoch.readers.append(reader)
        epoch.wantsTrends = true
      case .command(.readNow(let reader)):
        reader(engine.readings(at: clock.now))
      case .command(.scraped(let number)):
        engine.scraped(number)
      case .command(.apply(let settings)):
        engine.apply(settings)
      case .nothing:
        break
      case .end:
        engine.endStreams()
        committer.waitUntilIdle()
        return seal()
      }
      if committer.isIdle, epoch.isAwaited || isDue { seal() }
    }
  }

  private mutating func keepTime() {
    if let step = engine.keepTime(clock.now, steady: Clock.monotonic) { clockWasSet(step) }
  }

  private var isDue: Bool { engine.hasChanged && Clock.monotonic - sealedAt >= Self.sealAfter }

  /// How long nothing may happen until there is something to do. The commit thread wakes us when it becomes idle.
  private var patienceMilliseconds: Int {
    guard engine.hasChanged, committer.isIdle else { return 1_000 }
    return max(1, Int((sealedAt + Self.sealAfter - Clock.monotonic) / 1_000) + 1)
  }

  /// Seals the epoch and hands it to the commit thread, which must be idle.
  private mutating func seal() {
    var sealed = Epoch()
    swap(&sealed, &epoch)
    // First: to read moves windows on and drops what has expired, which belongs to the change.
    if !sealed.readers.isEmpty {
      sealed.readings = engine.readings(at: clock.now, withTrends: sealed.wantsTrends)
    }
    sealed.change = engine.takeChange()
    sealedAt = Clock.monotonic
    committer.commit(sealed)
  }
}
