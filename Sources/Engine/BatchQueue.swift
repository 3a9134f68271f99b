internal import Concurrency

/// The way from the inputs to the engine, bounded in bytes: everything between a source and the counters, bodies still being
/// received included, holds a part of one budget.
///
/// An input reserves before it allocates. Pull inputs wait for room; push inputs are refused at once and answer 503.
public final class BatchQueue: Sendable {
  /// The whole budget, bytes.
  public let limitBytes: Int

  struct State {
    /// What was taken is nil: its bytes go with it.
    var batches: [Batch?] = []
    /// Where in `batches` the next one is: taking from the front moves it, and the array is cut now and then.
    var next = 0
    var commands: [EngineCommand] = []
    var reserved = 0
    var wasWoken = false
    var isClosed = false
  }
  let state: Monitor<State>

  public init(limitBytes: Int) {
    self.limitBytes = limitBytes
    state = Monitor(State())
  }

  /// Bytes reserved now.
  public var reservedBytes: Int { state.withLock { $0.reserved } }

  /// Takes `bytes` of the budget, or refuses at once. A first reservation larger than the whole budget is granted when
  /// nothing else is reserved, so that one large body can always pass.
  public func reserve(_ bytes: Int) -> Bool { reserve(bytes, holding: 0) }

  /// The same for a body that grows step by step: whoever holds all that is reserved may go beyond the budget.
  ///
  /// - Parameter held: what the caller has reserved before for this body.
  public func reserve(_ bytes: Int, holding held: Int) -> Bool {
    state.withLock { grant(bytes, holding: held, &$0) }
  }

  /// The same, waiting for room at most `milliseconds`. False when there was none or the queue was closed.
  public func reserve(_ bytes: Int, waitingMilliseconds milliseconds: Int) -> Bool {
    state.wait(milliseconds: milliseconds) { state in
      if state.isClosed { return false }
      return grant(bytes, holding: 0, &state) ? true : nil
    } ?? false
  }

  /// Gives back what was reserved and not handed in.
  public func release(_ bytes: Int) { state.update { $0.reserved -= bytes } }

  /// Hands a batch in; its `reservedBytes` were reserved before. False when the queue is closed: nothing was taken, and
  /// the caller keeps its reservation.
  public func put(_ batch: Batch) -> Bool {
    state.update { state in
      guard !state.isClosed else { return false }
      state.batches.append(batch)
      return true
    }
  }

  /// No more batches: what is in the queue is still counted.
  public func close() { state.update { $0.isClosed = true } }

  /// Asks something of the engine; done before the next batch. False when the queue is closed and the engine may be gone.
  public func ask(_ command: EngineCommand) -> Bool {
    state.update { state in
      guard !state.isClosed else { return false }
      state.commands.append(command)
      return true
    }
  }

  /// What the engine does next.
  enum Work {
    case command(EngineCommand)
    case batch(Batch)
    /// Nothing arrived, but time passed or the commit thread became idle.
    case nothing
    /// Closed and empty.
    case end
  }

  /// The next piece of work: commands first, then batches in their order. Waits at most `milliseconds`.
  func next(waitingMilliseconds milliseconds: Int) -> Work {
    state.wait(milliseconds: milliseconds) { state in
      if !state.commands.isEmpty { return .command(state.commands.removeFirst()) }
      if state.next < state.batches.count, let batch = state.batches[state.next].take() {
        state.next += 1
        if state.next == state.batches.count || state.next > 64 {
          state.batches.removeFirst(state.next)
          state.next = 0
        }
        return .batch(batch)
      }
      if state.isClosed { return .end }
      defer { state.wasWoken = false }
      return state.wasWoken ? .nothing : nil
    } ?? .nothing
  }

  /// Ends the engine's wait.
  func wake() { state.update { $0.wasWoken = true } }

  private func grant(_ bytes: Int, holding held: Int, _ state: inout State) -> Bool {
    guard !state.isClosed, state.reserved == held || bytes <= limitBytes - state.reserved else { return false }
    state.reserved += bytes
    return true
  }
}
