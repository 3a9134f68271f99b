internal import Concurrency

/// Where the answer to one request goes: at once or later, from any thread. The first answer counts.
///
/// While nobody has answered, the connection is suspended: it costs no thread, and no time-out of the library touches it,
/// so the server gives every one a deadline of its own.
final class HTTPResponder: Sendable {
  /// Makes the answer; runs on the server's thread.
  typealias Make = @Sendable () -> HTTPResponse

  private enum Phase {
    /// The handler has the request and the server's thread is still in it.
    case running
    /// The connection waits; resume it once.
    case suspended(Connection)
    /// To be sent by the server's thread.
    case answered(Make)
    /// Sent, or the client is gone.
    case over
  }
  private struct State {
    var phase = Phase.running
    var deadline: Timers.Token?
  }
  private let state = Monitor(State())
  let timers: Timers

  init(timers: Timers) { self.timers = timers }

  /// Gives the answer. False when there was one before, or the client is gone.
  @discardableResult
  func answer(_ response: HTTPResponse) -> Bool { answer { response } }

  /// Gives the answer, made on the server's thread.
  @discardableResult
  func answer(making make: @escaping Make) -> Bool {
    state.withLock { state in
      switch state.phase {
      case .answered, .over: return false
      case .running: state.phase = .answered(make)
      case .suspended(let connection):
        state.phase = .answered(make)
        state.deadline.map(timers.cancel)
        // A suspended connection lives until it is resumed, and the phase admits one resume. Under the lock, so that
        // nobody who has seen this phase can stop the daemon before the call is over.
        connection.resume()
      }
      return true
    }
  }

  /// The answer, when there is one; otherwise the connection is suspended until there is. From the connection's thread.
  func takeOrSuspend(_ connection: Connection, answerSeconds: Int) -> Make? {
    state.withLock { state in
      switch state.phase {
      case .answered(let make):
        state.phase = .over
        return make
      case .over, .suspended: return nil
      case .running:
        connection.suspend()
        state.phase = .suspended(connection)
        state.deadline = timers.schedule(after: answerSeconds * 1_000) { [self] in
          answer(.unavailable("The answer took too long. Try again."))
        }
        return nil
      }
    }
  }

  /// The request has ended, answered or not.
  func end() {
    state.withLock { state in
      state.phase = .over
      state.deadline.map(timers.cancel)
    }
  }
}
