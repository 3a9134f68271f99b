internal import Compression
internal import Concurrency
internal import Diagnostics
internal import Metrics

/// Gives readings to whoever scrapes or looks: one reading serves everybody within a second, nobody waits longer than half a
/// second for its commit, and nobody's thread waits at all.
///
/// - Bounds: at most `waitingLimit` wait; one reading at most is asked for at a time, so a stuck engine collects no work.
/// - Memory: what was shown is let go when its time to be shared is over; the last readings stay.
/// - Late readings: the last committed counters are shown with the gauges of now, so that a page still fires while the disk
///   hangs; 503 when there never were any.
final class ScrapeCoordinator: Sendable {
  struct Options: Sendable {
    /// How long a reading is shared.
    var shareMilliseconds = 1_000
    /// How long it is waited for.
    var waitMilliseconds = 500
    /// How long the gauges are waited for after that: the engine answers between two batches.
    var gaugesMilliseconds = 250
    /// More than these at once get 503; 0 is no limit but that of connections.
    var waitingLimit = 40
  }
  /// Asks the engine for readings, which arrive on any thread, or never.
  typealias Read = @Sendable (@escaping @Sendable (Readings) -> Void) -> Void
  /// Adds what is not the engine's to tell; runs on the server's thread, once for each snapshot.
  typealias Complete = @Sendable (Readings) -> Readings
  private typealias Waiter = @Sendable (Snapshot?) -> Void

  private struct State {
    var current: Snapshot?
    var currentSince: Microseconds = 0
    /// What the engine said last.
    var last: Readings?
    var isReading = false
    var waiters: [Waiter] = []
    var generation: UInt64 = 0
  }
  private enum Step { case use(Snapshot), refuse, wait(UInt64?, mustRead: Bool) }

  private let options: Options
  private let read: Read
  private let readNow: Read
  private let complete: Complete
  private let state = Monitor(State())

  /// - Parameters:
  ///   - read: readings that are committed.
  ///   - readNow: readings at once, committed or not.
  init(
    options: Options = Options(), read: @escaping Read, readNow: @escaping Read, complete: @escaping Complete
  ) {
    self.options = options
    self.read = read
    self.readNow = readNow
    self.complete = complete
  }

  /// Waits for a reading to fall back on, so that nobody who scrapes finds none. False when it did not come in time.
  func prepare(waitingMilliseconds milliseconds: Int) -> Bool {
    read { [weak self] readings in self?.state.update { if $0.last == nil { $0.last = readings } } }
    return state.wait(milliseconds: milliseconds) { $0.last == nil ? nil : true } ?? false
  }

  /// Answers with what `show` makes of the present snapshot, on the server's thread.
  func answer(_ responder: HTTPResponder, _ show: @escaping @Sendable (Snapshot) -> HTTPResponse) {
    let waiter: Waiter = { snapshot in
      guard let snapshot else { return _ = responder.answer(.unavailable("There is no reading yet.")) }
      responder.answer { show(snapshot) }
    }
    let timers = responder.timers
    switch join(waiter) {
    case .use(let snapshot): waiter(snapshot)
    case .refuse: responder.answer(.unavailable("Too many scrapes at once."))
    case .wait(let generation, let mustRead):
      if let generation {
        timers.schedule(after: options.waitMilliseconds) { [weak self] in self?.hurry(generation, timers) }
      }
      if mustRead { read { [weak self] readings in self?.deliver(readings, timers) } }
    }
  }

  private func join(_ waiter: @escaping Waiter) -> Step {
    state.withLock { state in
      let age = Clock.monotonic - state.currentSince
      if let current = state.current, age < Microseconds(options.shareMilliseconds) * 1_000 { return .use(current) }
      guard options.waitingLimit == 0 || state.waiters.count < options.waitingLimit else { return .refuse }
      state.waiters.append(waiter)
      let mustRead = !state.isReading
      state.isReading = true
      // The first one's patience is everybody's: who comes later waits less.
      return .wait(state.waiters.count == 1 ? state.generation : nil, mustRead: mustRead)
    }
  }

  private func deliver(_ readings: Readings, _ timers: Timers) {
    let (snapshot, waiters) = state.withLock { state in
      state.isReading = false
      state.last = readings
      return (show(readings, &state, timers), take(&state))
    }
    for waiter in waiters { waiter(snapshot) }
  }

  /// The commit takes too long: the gauges are asked for alone.
  private func hurry(_ generation: UInt64, _ timers: Timers) {
    let isAwaited = state.withLock { $0.generation == generation && $0.last != nil }
    guard isAwaited else { return giveUp(generation, nil, timers) }
    timers.schedule(after: options.gaugesMilliseconds) { [weak self] in self?.giveUp(generation, nil, timers) }
    readNow { [weak self] live in self?.giveUp(generation, live, timers) }
  }

  /// Shows the last committed counters, with the gauges of `live` if there are any.
  private func giveUp(_ generation: UInt64, _ live: Readings?, _ timers: Timers) {
    let (snapshot, waiters) = state.withLock { state -> (Snapshot?, [Waiter]) in
      guard state.generation == generation else { return (nil, []) }
      let readings = state.last.map { last in live.map { last.showing(gaugesOf: $0) } ?? last }
      return (readings.map { show($0, &state, timers) }, take(&state))
    }
    for waiter in waiters { waiter(snapshot) }
  }

  private func show(_ readings: Readings, _ state: inout State, _ timers: Timers) -> Snapshot {
    let snapshot = Snapshot(readings, complete)
    state.current = snapshot
    state.currentSince = Clock.monotonic
    timers.schedule(after: options.shareMilliseconds) { [weak self, weak snapshot] in
      self?.state.withLock { state in
        if state.current === snapshot { state.current = nil }
      }
    }
    return snapshot
  }

  private func take(_ state: inout State) -> [Waiter] {
    defer { state.waiters = [] }
    state.generation += 1
    return state.waiters
  }
}

/// Readings at one instant and the pages made of them: each is made once, by the first who wants it.
final class Snapshot: Sendable {
  /// Writes a page piece after piece, so that nobody holds the whole of it.
  typealias Write = (_ readings: Readings, _ page: inout Deflater) -> Void

  private struct State {
    var readings: Readings
    var complete: ScrapeCoordinator.Complete?
    var pages: [String: PackedPage] = [:]
  }
  private let state: Monitor<State>

  init(_ readings: Readings, _ complete: @escaping ScrapeCoordinator.Complete) {
    state = Monitor(State(readings: readings, complete: complete))
  }

  /// The page of that name; `write` runs under the lock, so that others who want it wait for it rather than write it too.
  func page(_ name: String, _ write: Write) -> PackedPage {
    state.withLock { state in
      if let page = state.pages[name] { return page }
      if let complete = state.complete {
        state.readings = complete(state.readings)
        state.complete = nil
      }
      let page = PackedPage { write(state.readings, &$0) }
      state.pages[name] = page
      return page
    }
  }
}
