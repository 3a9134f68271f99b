import AuditEvents
import Concurrency
import Counting
import Crypto
import Diagnostics
import FuzzSupport
import Inputs
import Logging
import Metrics

@testable import Engine
@testable import Exporter

/// What is pushed, as the server would see it.
struct Push {
  var path: String
  var headers: [HTTPRequest.Header]
  var body: [UInt8]
  /// Chooses where the body is cut.
  var cuts: UInt8
}

/// The way of a pushed body without its socket: route, body reader, webhook, queue, engine, answer.
final class Stage {
  static let bodyLimit = 12 << 10
  static let decodedLimit = 16 << 10
  static let clusters = ["prod", "arn:aws:eks:eu:1:cluster/a b"]
  private static let now: Microseconds = 1_790_000_000_000_000

  let queue: BatchQueue
  private let status = InputStatus(name: "webhook")
  private let router: Router
  private var engine: Engine
  private let timers: Timers

  /// - Parameter timers: a thread of their own, so one for all inputs.
  init(timers: Timers) throws(Failure) {
    self.timers = timers
    queue = BatchQueue(limitBytes: 24 << 10)
    var settings = WebhookSettings()
    settings.clusters = Self.clusters
    settings.bodyBytesLimit = Self.bodyLimit
    settings.decodedBytesLimit = Self.decodedLimit
    let endpoints = Lock<[Endpoint]>([])
    let context = InputContext(
      index: 0, queue: queue, clock: Clock { Self.now }, stop: StopSignal(), logger: Logger(label: "fuzz"),
      status: status, cluster: "default", registerThread: { _ in },
      registerEndpoint: { endpoint in endpoints.withLock { $0.append(endpoint) } })
    try WebhookInput(settings).start(in: context)
    let (queue, status) = (queue, status)
    router = Router(endpoints.withLock { $0 }.map { .push($0, queue: queue, status: status) })
    // The context holds this list, and what is in the list holds the context.
    endpoints.withLock { $0 = [] }
    var counting = CountingSettings()
    counting.inputs = ["webhook"]
    engine = Engine(EngineSettings(counting: counting), key: SipKey(1, 2))
  }

  /// Pushes, and answers the code that the sender gets. What the server itself does between the calls is as in `Exchange`.
  func push(_ push: Push) -> Int {
    let framing = BodyFraming(push.headers)
    if case .contradictory = framing { return 400 }
    guard case .route(let route, let path) = router.find(push.path) else { return 404 }
    guard let policy = route.body else { fatalError("the route takes no body") }
    var request = HTTPRequest(method: "POST", path: path, headers: push.headers)
    if framing.announcedBytes > policy.limitBytes { return 413 }
    if let refusal = policy.admit(request) { return refusal.status }
    let reader = BodyReader(policy, announcedBytes: framing.lengthIfKnown)
    switch take(push, reader) {
    case .tooLong: return 413
    case .noRoom: return 503
    case .taken: request.body = reader.finish()
    }
    let responder = HTTPResponder(timers: timers)
    route.handler(request, responder)
    count()
    return answer(responder)
  }

  private func take(_ push: Push, _ reader: BodyReader) -> BodyReader.Outcome {
    var rest = push.body[...]
    var cuts = UInt64(push.cuts)
    while !rest.isEmpty {
      cuts = cuts &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let piece = Array(rest.prefix(push.cuts == 0 ? rest.count : 1 + Int(cuts >> 33) % 700))
      rest = rest.dropFirst(piece.count)
      let outcome = unsafe piece.withUnsafeBytes { unsafe reader.take($0) }
      guard case .taken = outcome else { return outcome }
    }
    return .taken
  }

  /// Does the engine's thread's work.
  private func count() {
    guard case .batch(let batch) = queue.next(waitingMilliseconds: 0) else { return }
    let answer = engine.count(batch)
    queue.release(batch.reservedBytes)
    batch.reply?(answer)
  }

  private func answer(_ responder: HTTPResponder) -> Int {
    demand(!responder.answer(.text(599, "")), "a sender was left without an answer")
    // SAFETY: nothing is asked of a connection when the answer is there, and it is.
    guard let none = unsafe OpaquePointer(bitPattern: 8),
      let make = responder.takeOrSuspend(unsafe Connection(none), answerSeconds: 1)
    else { fatalError("an answer was lost") }
    return make().status
  }

  func readings() -> Readings { engine.readings(at: Self.now) }
}
