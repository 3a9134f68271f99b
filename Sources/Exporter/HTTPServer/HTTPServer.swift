internal import Concurrency
internal import Diagnostics
import Glibc

/// Answers HTTP on one or more addresses, on threads of its own, within stated bounds.
///
/// - Bounds: connections, connections per client address, memory of one head, bodies (by their route), the time of a
///   request as a whole, of an answer being made and of its sending.
/// - Strictness: requests that two readers could cut at different places are refused.
/// - Duty of the process: SIGPIPE is ignored.
final class HTTPServer: Sendable {
  struct Options: Sendable {
    /// Threads of each address.
    var threads = 2
    /// Connections of each address; more of them wait to be accepted.
    var connectionsLimit = 512
    /// Connections from one client address; 0 is no limit, as behind a proxy. More of them are closed.
    var connectionsPerIPLimit = 0
    /// Memory for the head of a request: 431 or 414 above.
    var headBytesLimit = 32 << 10
    /// A connection without a request is closed after this. Longer than the 90 s of Go's clients, so that it is they who
    /// close, and no request meets a closing connection.
    var idleSeconds = 120
    /// A whole request, head and body.
    var requestSeconds = 30
    /// From a whole request to its answer: 503 after this.
    var answerSeconds = 30
    /// The sending of an answer.
    var responseSeconds = 60
  }

  /// The addresses with the ports that were really taken, in the order given.
  let addresses: [ListenAddress]
  let counters: HTTPCounters
  private let core: ServerCore
  private let daemons: Lock<[Daemon]>

  /// Opens every address and begins to answer.
  ///
  /// - Errors: reason `address` when one cannot be listened on; then none is left open. Reason `thread`.
  ///
  /// - Parameter gate: TLS and who may ask; nil for plain HTTP and everybody. It outlives the server.
  init(
    addresses: [ListenAddress], options: Options = Options(), router: Router, counters: HTTPCounters = HTTPCounters(),
    gate: Gate? = nil
  ) throws(Failure) {
    self.counters = counters
    for route in router.routes { counters.declare(route.pattern) }
    core = ServerCore(options: options, router: router, counters: counters, timers: try Timers(), gate: gate)
    var started: [Daemon] = []
    var taken: [ListenAddress] = []
    do {
      for address in addresses {
        let daemon = try Daemon(address, core)
        started.append(daemon)
        taken.append(ListenAddress(host: address.host, port: daemon.port))
      }
    } catch {
      for daemon in started { daemon.stop() }
      core.timers.stop()
      throw error
    }
    self.addresses = taken
    daemons = Lock(started)
    gate?.whenTLSChanges { [weak self] in self?.cutIdle() }
  }

  deinit { stop(graceMilliseconds: 0) }

  /// Requests in flight.
  var activeRequests: Int { core.active.withLock { $0 } }

  /// Closes the connections that were served and idle: they come back, under today's rules.
  func cutIdle() {
    for daemon in daemons.withLock({ $0 }) { daemon.cutIdle() }
  }

  /// Refuses new connections, lets requests in flight finish for at most `graceMilliseconds`, answers the waiting ones with
  /// 503, and closes everything. Later calls do nothing.
  func stop(graceMilliseconds: Int) {
    let daemons = daemons.withLock { daemons in
      defer { daemons = [] }
      return daemons
    }
    guard !daemons.isEmpty else { return }
    core.isStoppingFlag.withLock { $0 = true }
    for daemon in daemons { daemon.quiesce() }
    _ = core.active.wait(milliseconds: graceMilliseconds) { $0 == 0 ? true : nil }
    for responder in core.waiting.close() { responder.answer(.unavailable("Stopping.")) }
    // What was just answered still has to be sent.
    _ = core.active.wait(milliseconds: 500) { $0 == 0 ? true : nil }
    for daemon in daemons { daemon.stop() }
    core.timers.stop()
  }
}

/// What all daemons of a server and all their requests share.
final class ServerCore: Sendable {
  let options: HTTPServer.Options
  let router: Router
  let counters: HTTPCounters
  let timers: Timers
  let gate: Gate?
  let lingerer: Lingerer
  let waiting = WaitingResponders()
  /// Requests whose head has arrived and whose answer is not yet sent.
  let active = Monitor(0)
  let isStoppingFlag = Lock(false)

  init(options: HTTPServer.Options, router: Router, counters: HTTPCounters, timers: Timers, gate: Gate?) {
    self.options = options
    self.router = router
    self.counters = counters
    self.timers = timers
    self.gate = gate
    lingerer = Lingerer(timers: timers)
  }

  /// Once true, every answer closes its connection.
  var isStopping: Bool { isStoppingFlag.withLock { $0 } }
}

/// Everybody who waits for an answer: stopping must reach each of them, for the library cannot stop over a suspended
/// connection.
final class WaitingResponders: Sendable {
  private struct State {
    var responders: [ObjectIdentifier: HTTPResponder] = [:]
    var isClosed = false
  }
  private let state = Lock(State())

  /// False once closed.
  func add(_ responder: HTTPResponder) -> Bool {
    state.withLock { state in
      if !state.isClosed { state.responders[ObjectIdentifier(responder)] = responder }
      return !state.isClosed
    }
  }

  func remove(_ responder: HTTPResponder) {
    _ = state.withLock { $0.responders.removeValue(forKey: ObjectIdentifier(responder)) }
  }

  /// Takes no more and answers with those that wait.
  func close() -> [HTTPResponder] {
    state.withLock { state in
      state.isClosed = true
      return Array(state.responders.values)
    }
  }
}
