internal import CMicroHTTPD
internal import Concurrency

/// One request from its first line to the end of its answer. Lives on its connection's thread.
///
/// The library calls `step` once with the head, once for each piece of the body, and then, with no piece, until an answer is
/// queued. An answer before the body has been read closes the connection.
final class Exchange {
  private enum Stage {
    case head
    /// Its password is being checked; the body, if any, is not read meanwhile.
    case login(Login)
    case body(Route, HTTPRequest, BodyReader?)
    /// The body is thrown away, then this is the answer.
    case refused(HTTPResponse)
    /// The handler has it.
    case handed(HTTPResponder)
    case answered
  }

  private struct Login {
    let request: HTTPRequest
    let framing: BodyFraming
    let sender: Sender
    let isRight: Lock<Bool>
    let responder: HTTPResponder
  }

  private let core: ServerCore
  private let watch: ConnectionWatch?
  private let targetCount: Int
  /// What stands behind the question mark of the target.
  private let query: String
  /// Whether the head is written in the one way that every reader takes alike.
  private var isPlain: Bool
  private var stage = Stage.head
  private var handlerName = HTTPCounters.unknownHandler
  private var didAnswer: (@Sendable (Int) -> Void)?
  private var form: (@Sendable (HTTPResponse) -> HTTPResponse)?
  private var discardLimit = 64 << 10
  private var discardedBytes = 0
  private var mustClose = false
  private var isChunked = false
  private var isActive = false
  private var wasServed = false

  /// - Parameter target: of the first line, before the library takes it apart.
  init(core: ServerCore, watch: ConnectionWatch?, target: [UInt8]) {
    self.core = core
    self.watch = watch
    targetCount = target.count
    query = String(decoding: target.drop { $0 != UInt8(ascii: "?") }.dropFirst(), as: UTF8.self)
    isPlain = HeadForm.isPlainTarget(target)
    watch?.arm(seconds: core.options.requestSeconds)
  }

  /// Whether the next call is the first one.
  var isAtHead: Bool {
    if case .head = stage { true } else { false }
  }

  var headBytesLimit: Int { core.options.headBytesLimit }

  /// Takes notice of how the head was written, before the first call.
  func judge(_ head: [UInt8]) { isPlain = isPlain && HeadForm.isPlain(head, targetCount: targetCount) }

  /// One call of the library. `piece` is empty in the first and the last ones.
  // SAFETY: the library lends the piece for the call, and it goes no further than `BodyReader.take`.
  @unsafe func step(
    _ connection: Connection, method: String, url: String, piece: UnsafeRawBufferPointer
  ) -> MHD_Result {
    switch stage {
    case .head:
      isActive = true
      core.active.update { $0 += 1 }
      return begin(connection, method: method, url: url)
    case .login(let login):
      // The library goes on where it was suspended: with the head once more, before anything of the body (0.9.75 to 1.0.1).
      return proceed(connection, login)
    case .body(_, _, let reader?) where piece.count > 0:
      switch unsafe reader.take(piece) {
      case .taken: break
      case .tooLong: stage = .refused(Self.tooLong)
      case .noRoom: stage = .refused(.unavailable("The queue is full. Send it again later.", retryAfterSeconds: 5))
      }
      return .YES
    case .body where piece.count > 0, .refused where piece.count > 0:
      discardedBytes += piece.count
      // Somebody who goes on sending what is refused is cut: an answer cannot be given in the middle of a chunked body.
      if discardedBytes > discardLimit { stage = .refused(Self.tooLong) }
      return discardedBytes > 4 * discardLimit ? .NO : .YES
    case .body(let route, let request, let reader):
      return hand(connection, route, request, reader)
    case .refused(let response):
      return queue(connection, response)
    case .handed(let responder):
      return proceed(connection, responder)
    case .answered:
      return .YES
    }
  }

  /// The library has ended the request: answered, or the client is gone.
  func end() {
    switch stage {
    case .handed(let responder):
      core.waiting.remove(responder)
      responder.end()
    case .login(let login):
      core.waiting.remove(login.responder)
      login.responder.end()
    case .body(_, _, let reader): reader?.discard()
    case .head, .refused, .answered: break
    }
    watch?.stand(wasServed ? .guest : .stranger)
    if isActive { core.active.update { $0 -= 1 } }
    watch?.arm(seconds: core.options.idleSeconds + core.options.requestSeconds)
  }

  private static let tooLong = HTTPResponse.text(413, "The body is longer than the limit.")

  private func begin(_ connection: Connection, method: String, url: String) -> MHD_Result {
    let headers = connection.headers()
    let path = HeadForm.path(of: url)
    var request = HTTPRequest(method: method, path: path, query: query, headers: headers)
    var asksPassword = true
    if case .route(let route, _) = core.router.find(path) {
      handlerName = route.pattern
      didAnswer = route.didAnswer
      asksPassword = !route.asksOwnCredential
      if let put = route.form { form = { [request] response in put(request, response) } }
    }
    let framing = isPlain ? BodyFraming(headers) : .contradictory("The head is not written as HTTP demands.")
    if case .contradictory(let text) = framing {
      mustClose = true
      return refuse(connection, .text(400, text), framing)
    }
    if case .chunked = framing { isChunked = true }
    // What follows would be meant for somebody else, had it been granted.
    if method == "CONNECT" { mustClose = true }
    guard let gate = core.gate else { return find(connection, request, framing) }
    // Who is not let in does not learn what there is.
    let responder = HTTPResponder(timers: core.timers)
    let isRight = Lock(false)
    let verdict = gate.judge(
      authorization: request.header("authorization"), peer: watch?.peer, asksPassword: asksPassword,
      from: connection.clientAddress()
    ) { right in
      isRight.withLock { $0 = right }
      responder.answer(Gate.unauthorized)
    }
    mustClose = mustClose || gate.isOutdated(watch?.peer)
    switch verdict {
    case .refuse(let response): return turnAway(connection, response, framing)
    case .pass(let sender):
      request.sender = sender
      return find(connection, request, framing)
    case .wait(let sender):
      let login = Login(
        request: request, framing: framing, sender: sender, isRight: isRight, responder: responder)
      stage = .login(login)
      return proceed(connection, login)
    }
  }

  /// Answers somebody who is not let in: at once when nobody can say how much would have to be thrown away first.
  private func turnAway(_ connection: Connection, _ response: HTTPResponse, _ framing: BodyFraming) -> MHD_Result {
    if framing.hasBody, framing.lengthIfKnown == nil { mustClose = true }
    return refuse(connection, response, framing)
  }

  /// Goes on with the head when the password has been checked, else suspends the connection.
  private func proceed(_ connection: Connection, _ login: Login) -> MHD_Result {
    if !core.waiting.add(login.responder) { login.responder.answer(.unavailable("Stopping.")) }
    guard let make = login.responder.takeOrSuspend(connection, answerSeconds: core.options.answerSeconds) else {
      return .YES
    }
    core.waiting.remove(login.responder)
    let refusal = make()
    guard login.isRight.withLock({ $0 }) else { return turnAway(connection, refusal, login.framing) }
    var request = login.request
    request.sender = login.sender
    return find(connection, request, login.framing)
  }

  /// Finds the route of a request that was let in.
  private func find(_ connection: Connection, _ request: HTTPRequest, _ framing: BodyFraming) -> MHD_Result {
    let method = request.method
    switch core.router.find(request.path) {
    case .nothing: return refuse(connection, .text(404, "Nothing is here."), framing)
    case .redirect(let place):
      handlerName = "/"
      guard method == "GET" || method == "HEAD" else {
        return refuse(connection, .text(405, "Use GET.", headers: [("Allow", "GET, HEAD")]), framing)
      }
      return refuse(connection, .text(302, "See \(place)", headers: [("Location", place)]), framing)
    case .route(let route, let path):
      let request = HTTPRequest(
        method: method, path: path, query: query, headers: request.headers, sender: request.sender)
      guard route.methods.contains(method) else {
        return refuse(connection, .text(405, "Use \(route.allow).", headers: [("Allow", route.allow)]), framing)
      }
      guard let policy = route.body else {
        stage = .body(route, request, nil)
        return framing.announcedBytes > discardLimit ? refuse(connection, Self.tooLong, framing) : .YES
      }
      discardLimit = policy.limitBytes
      if framing.announcedBytes > policy.limitBytes { return refuse(connection, Self.tooLong, framing) }
      if let refusal = policy.admit(request) { return refuse(connection, refusal, framing) }
      watch?.stand(.sending)
      if let seconds = policy.requestSeconds { watch?.arm(seconds: seconds) }
      stage = .body(route, request, BodyReader(policy, announcedBytes: framing.lengthIfKnown))
      return .YES
    }
  }

  /// Answers at once when the body is too long to be thrown away or the client waits for our leave to send it; otherwise
  /// after the body, so that the connection can be used again and the client is sure to see the answer.
  private func refuse(_ connection: Connection, _ response: HTTPResponse, _ framing: BodyFraming) -> MHD_Result {
    stage = .refused(response)
    guard framing.isAwaitingLeave || framing.announcedBytes > discardLimit || mustClose && framing.hasBody else {
      return .YES
    }
    watch?.lingerAtEnd()
    return queue(connection, response)
  }

  private func hand(
    _ connection: Connection, _ route: Route, _ request: HTTPRequest, _ reader: BodyReader?
  ) -> MHD_Result {
    var request = request
    request.body = reader?.finish()
    let responder = HTTPResponder(timers: core.timers)
    stage = .handed(responder)
    watch?.disarm()
    watch?.stand(.waiting)
    route.handler(request, responder)
    return proceed(connection, responder)
  }

  /// Sends the answer when there is one, else waits for it.
  private func proceed(_ connection: Connection, _ responder: HTTPResponder) -> MHD_Result {
    // Known before it is suspended, so that stopping finds every one of them.
    if !core.waiting.add(responder) { responder.answer(.unavailable("Stopping.")) }
    guard let make = responder.takeOrSuspend(connection, answerSeconds: core.options.answerSeconds) else {
      return .YES
    }
    core.waiting.remove(responder)
    return queue(connection, make())
  }

  private func queue(_ connection: Connection, _ response: HTTPResponse) -> MHD_Result {
    stage = .answered
    let response = form?(response) ?? response
    watch?.arm(seconds: core.options.responseSeconds)
    // The library reads chunks more freely than others do: bare line ends, anything in an extension. So nothing that follows
    // them is taken for a request.
    let closing = mustClose || isChunked || core.isStopping
    guard connection.queue(response, extra: core.gate?.headers ?? [], closing: closing) else { return .NO }
    wasServed = response.status < 400
    // Whoever was refused keeps no place by not reading why.
    watch?.stand(wasServed ? .receiving : .stranger)
    core.counters.count(handlerName, response.status)
    didAnswer?(response.status)
    return .YES
  }
}

/// What the head says about the body.
enum BodyFraming {
  case none
  case length(Int, isAwaitingLeave: Bool)
  case chunked(isAwaitingLeave: Bool)
  /// Two readers would cut this request at different places: request smuggling.
  case contradictory(String)

  init(_ headers: [HTTPRequest.Header]) {
    let lengths = Set(headers.lazy.filter { $0.name == "content-length" }.map(\.value))
    let encodings = headers.filter { $0.name == "transfer-encoding" }.map { $0.value.lowercased() }
    let isAwaitingLeave = headers.contains { $0.name == "expect" && $0.value.lowercased() == "100-continue" }
    if headers.filter({ $0.name == "host" }).count > 1 {
      self = .contradictory("Host is stated twice.")
    } else if lengths.count > 1 || lengths.contains(where: { Int($0) == nil }) {
      self = .contradictory("Content-Length is stated twice or is no number.")
    } else if !encodings.isEmpty, !lengths.isEmpty {
      self = .contradictory("Content-Length and Transfer-Encoding exclude each other.")
    } else if !encodings.isEmpty, encodings != ["chunked"] {
      self = .contradictory("The only transfer coding understood is chunked.")
    } else if !encodings.isEmpty {
      self = .chunked(isAwaitingLeave: isAwaitingLeave)
    } else if let length = lengths.first.flatMap({ Int($0) }), length > 0 {
      self = .length(length, isAwaitingLeave: isAwaitingLeave)
    } else {
      self = .none
    }
  }

  /// The stated length; 0 when there is no body or it is chunked.
  var announcedBytes: Int { lengthIfKnown ?? 0 }

  var lengthIfKnown: Int? {
    if case .length(let count, _) = self { count } else { nil }
  }

  var hasBody: Bool {
    if case .none = self { false } else { true }
  }

  /// `Expect: 100-continue`: nothing has been sent yet.
  var isAwaitingLeave: Bool {
    switch self {
    case .length(_, let isAwaiting), .chunked(let isAwaiting): isAwaiting
    case .none, .contradictory: false
    }
  }
}
