internal import AuditEvents
public import Diagnostics
internal import Engine

/// Takes what the API server's audit webhook sends: `POST /webhook` and `/webhook/<cluster>`, an EventList each.
///
/// - Errors: 404 for a cluster that is not configured, 403 for one that the sender may not write, 415 for an encoding other
///   than gzip, 413 above a limit, 400 for gzip that cannot be undone, 503 when the queue has no room or nothing can be
///   committed. A body that arrives whole is judged by the engine: one bad event never fails a batch.
/// - Source: kubernetes/apiserver `plugin/pkg/audit/webhook`: every answer but 2xx is retried, five attempts in all.
public struct WebhookInput: Input {
  public static let name = "webhook"
  static let path = "/webhook"

  private let settings: WebhookSettings

  public init(_ settings: WebhookSettings) { self.settings = settings }

  public func start(in context: InputContext) throws(Failure) {
    let receiver = WebhookReceiver(settings, context)
    context.endpoint(
      Endpoint(
        path: Self.path, bodyBytesLimit: settings.bodyBytesLimit, admit: { receiver.admit($0) },
        handle: { receiver.handle($0, $1) }))
    context.status.update {
      $0.isUp = true
      $0.sources = [.init(name: Self.path, readBytes: 0, totalBytes: nil)]
    }
  }
}

/// Judges one request after another; called by the threads of the server.
struct WebhookReceiver: Sendable {
  private let context: InputContext
  private let clusters: Set<String>
  private let defaultCluster: String
  private let decodedBytesLimit: Int

  init(_ settings: WebhookSettings, _ context: InputContext) {
    self.context = context
    clusters = Set(settings.clusters)
    defaultCluster = settings.defaultCluster ?? context.cluster
    decodedBytesLimit = settings.decodedBytesLimit
  }

  func admit(_ head: PushHead) -> PushRefusal? {
    if case .failure(let refusal) = permitted(head) { return refusal }
    if head.isGzip == nil { return .unknownEncoding }
    return context.admitsPushes() ? nil : .notCommitting
  }

  /// Takes the body over. A refusal leaves nothing reserved, and `reply` is not called.
  func handle(_ request: PushRequest, _ reply: PushReply) -> PushRefusal? {
    switch judge(request) {
    case .failure(let refusal): return refusal
    case .success(let content):
      // Once more: the body may have taken its time.
      guard context.admitsPushes() else {
        context.queue.release(content.reservedBytes)
        return .notCommitting
      }
      let batch = Batch(
        input: context.index, cluster: content.cluster, arrival: context.clock.now,
        shape: .body(path: content.path), bytes: content.bytes, reservedBytes: content.reservedBytes,
        sourceBytes: request.body.count, naming: ClusterNaming(writable: request.head.writableClusters), reply: reply)
      guard context.queue.put(batch) else {
        context.queue.release(content.reservedBytes)
        return .noRoom
      }
      context.status.succeeded(at: context.clock.now)
      return nil
    }
  }

  // MARK: - Judging

  private struct Content {
    let cluster: String
    /// The path with its name decoded, so that a redelivery is known however it is written.
    let path: String
    let bytes: ByteBuffer
    let reservedBytes: Int
  }

  /// What to hand in, or a refusal with nothing left reserved.
  private func judge(_ request: PushRequest) -> Result<Content, PushRefusal> {
    let target: (cluster: String, path: String)
    switch permitted(request.head) {
    case .failure(let refusal): return refuse(refusal, releasing: request.reservedBytes)
    case .success(let found): target = found
    }
    guard let isGzip = request.head.isGzip else {
      return refuse(.unknownEncoding, releasing: request.reservedBytes)
    }
    switch PushedBody.content(of: request, isGzip: isGzip, limit: decodedBytesLimit, context.queue) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let content):
      return .success(
        Content(
          cluster: target.cluster, path: target.path, bytes: content.bytes, reservedBytes: content.reservedBytes))
    }
  }

  private func refuse(_ refusal: PushRefusal, releasing bytes: Int) -> Result<Content, PushRefusal> {
    context.queue.release(bytes)
    return .failure(refusal)
  }

  /// The cluster that the head names, if its sender may write it.
  private func permitted(_ head: PushHead) -> Result<(cluster: String, path: String), PushRefusal> {
    let named = cluster(of: head.path)
    guard case .success(let target) = named, let writable = head.writableClusters else { return named }
    return writable.contains(target.cluster)
      ? named : .failure(.forbidden)
  }

  /// The cluster that a path names.
  func cluster(of path: String) -> Result<(cluster: String, path: String), PushRefusal> {
    let path = path.prefix { $0 != "?" }
    guard path.hasPrefix(WebhookInput.path) else { return .failure(PushRefusal(404, "nothing is received here")) }
    let rest = path.dropFirst(WebhookInput.path.count)
    if rest.isEmpty || rest == "/" { return .success((defaultCluster, WebhookInput.path)) }
    guard rest.hasPrefix("/"), let name = percentDecoded(rest.dropFirst()), clusters.contains(name) else {
      return .failure(PushRefusal(404, "no cluster of that name is configured for the webhook"))
    }
    return .success((name, WebhookInput.path + "/" + name))
  }
}

/// Undoes `%41`. Nil when a sign is not followed by two hexadecimal digits, or the result is not UTF-8.
func percentDecoded(_ text: some StringProtocol) -> String? {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == 0x25 else {
      bytes.append(byte)
      continue
    }
    guard rest.count >= 2, let digits = String(validating: rest.prefix(2), as: UTF8.self),
      !digits.hasPrefix("+"), !digits.hasPrefix("-"), let value = UInt8(digits, radix: 16)
    else { return nil }
    bytes.append(value)
    rest = rest.dropFirst(2)
  }
  return String(validating: bytes, as: UTF8.self)
}
