internal import Engine
internal import Inputs

extension Route {
  /// The route of a push input: a body that holds its part of the queue's budget while it arrives, an answer when the batch
  /// is committed.
  ///
  /// - Parameters:
  ///   - status: counts the answers, `push_requests_total`.
  ///   - rights: what each sender may write now.
  static func push(
    _ endpoint: Endpoint, queue: BatchQueue, status: InputStatus,
    rights: @escaping @Sendable () -> PushRights = { PushRights([]) }
  ) -> Route {
    let manners = endpoint.manners
    var policy = BodyPolicy(
      limitBytes: endpoint.bodyBytesLimit,
      admit: { request in
        guard let head = request.pushHead(manners, rights()) else { return .text(401, "The access key is wrong.") }
        return head.writableClusters?.isEmpty == true
          ? .text(403, "This credential may not push.") : endpoint.admit(head).map(refusal)
      },
      reserve: { more, held in queue.reserve(more, holding: held) },
      release: { queue.release($0) })
    policy.requestSeconds = manners.requestSeconds
    status.update { $0.pushAnswers = Dictionary(uniqueKeysWithValues: pushCodes.map { ($0, 0) }) }
    var route = Route(
      endpoint.path, .below, methods: ["POST"], body: policy,
      didAnswer: { code in status.update { $0.pushAnswers[code, default: 0] += 1 } },
      handler: { request, responder in
        guard let body = request.body else { return _ = responder.answer(.text(400, "There is no body.")) }
        guard let head = request.pushHead(manners, rights()) else {
          // The keys have changed since the head came.
          queue.release(body.reservedBytes)
          return _ = responder.answer(.text(401, "The access key is wrong."))
        }
        let push = PushRequest(head: head, body: body.bytes, reservedBytes: body.reservedBytes)
        let refused = endpoint.handle(push, PushReply { answer in responder.answer(response(to: answer)) })
        if let refused { responder.answer(refusal(refused)) }
      })
    route.asksOwnCredential = manners.accessKeyHeader != nil
    if let form = manners.form {
      route.form = { request, response in
        let head = PushHead(path: request.path, contentEncoding: "", headers: request.values(of: manners.headers))
        let put = form(head, response.status, response.text.filter { !$0.isNewline })
        let kept = response.headers.filter { $0.name != "Content-Type" }
        return HTTPResponse(
          put.status, headers: [("Content-Type", put.contentType)] + kept, body: HTTPBody(Array(put.body.utf8)))
      }
    }
    return route
  }

  private static func refusal(_ refusal: PushRefusal) -> HTTPResponse {
    refusal.status == 503
      ? .unavailable(refusal.text, retryAfterSeconds: retryAfterSeconds) : .text(refusal.status, refusal.text)
  }

  private static func response(to answer: PushAnswer) -> HTTPResponse {
    switch answer {
    case .accepted: .text(200, "")
    case .nothingReadable: .text(400, "Nothing in the body can be read as an audit event.")
    case .unavailable: .unavailable("Not counted. Send it again later.", retryAfterSeconds: retryAfterSeconds)
    }
  }
}

/// The codes that those who push are answered. Their counts begin at 0, so that the first answer of its kind is a rise.
private let pushCodes = [200, 400, 401, 403, 404, 405, 413, 415, 503]

/// What is told to those who push. The API server has a back-off of its own and does not read it; others do.
private let retryAfterSeconds = 5

extension HTTPRequest {
  /// Nil when the access key that is asked for is missing or wrong.
  fileprivate func pushHead(_ manners: PushManners, _ rights: PushRights) -> PushHead? {
    let writable: Set<String>?
    if let name = manners.accessKeyHeader {
      guard case .right(let clusters) = rights.judge(accessKey: header(name)) else { return nil }
      writable = clusters
    } else {
      writable = rights.clusters(of: sender)
    }
    return PushHead(
      path: path, contentEncoding: (header("content-encoding") ?? "").lowercased(), writableClusters: writable,
      headers: values(of: manners.headers))
  }

  fileprivate func values(of names: [String]) -> [String: String] {
    var values: [String: String] = [:]
    for name in names { values[name] = header(name) }
    return values
  }
}
