internal import Concurrency
internal import Crypto
public import Diagnostics

/// The engine and the commit thread, running: the queue's other end.
public final class EngineThread: Sendable {
  private let engine: NamedThread
  private let commits: NamedThread
  private let committer: Committer

  /// Starts both threads. The engine is born inside its thread, so nothing else can hold it.
  public init(_ settings: EngineSettings, queue: BatchQueue, clock: Clock) throws(Failure) {
    let committer = Committer(whenIdle: { queue.wake() })
    self.committer = committer
    commits = try NamedThread("commit") { committer.run() }
    engine = try NamedThread("engine", stackBytes: 8 << 20) {
      var loop = EngineLoop(Engine(settings, key: .random()), queue: queue, committer: committer, clock: clock)
      loop.run()
    }
  }

  /// Waits until everything that was in the closed queue is counted and committed.
  public func join() {
    engine.join()
    committer.close()
    commits.join()
  }
}

/// What the engine's thread does: count, and seal an epoch whenever somebody waits for one.
struct EngineLoop: ~Copyable {
  private var engine: Engine
  private let queue: BatchQueue
  private let committer: Committer
  private let clock: Clock
  /// The epoch that is being counted.
  private var epoch = Epoch()

  init(_ engine: consuming Engine, queue: BatchQueue, committer: Committer, clock: Clock) {
    self.engine = engine
    self.queue = queue
    self.committer = committer
    self.clock = clock
  }

  /// Until the queue is closed and empty.
  mutating func run() {
    while true {
      switch queue.next(waitingMilliseconds: 1_000) {
      case .batch(let batch):
        let answer = engine.count(batch)
        queue.release(batch.reservedBytes)
        if let reply = batch.reply { epoch.answers.append((reply, answer)) }
      case .command(.read(let reader)):
        epoch.readers.append(reader)
      case .command(.readWithTrends(let reader)):
        epoch.readers.append(reader)
        epoch.wantsTrends = true
      case .command(.scraped(let number)):
        engine.scraped(number)
      case .command(.apply(let settings)):
        engine.apply(settings)
      case .nothing:
        break
      case .end:
        engine.endStreams()
        sealWhenPossible(waiting: true)
        return
      }
      sealWhenPossible(waiting: false)
    }
  }

  /// Seals the epoch when somebody waits for it and none is in flight.
  private mutating func sealWhenPossible(waiting: Bool) {
    guard !epoch.isEmpty else { return }
    if waiting {
      committer.waitUntilIdle()
    } else if !committer.isIdle {
      return
    }
    var sealed = Epoch()
    swap(&sealed, &epoch)
    if !sealed.readers.isEmpty {
      sealed.readings = engine.readings(at: clock.now, withTrends: sealed.wantsTrends)
    }
    committer.commit(sealed)
  }
}
