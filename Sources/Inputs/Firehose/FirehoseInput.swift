internal import AWS
internal import AuditEvents
public import Diagnostics
internal import Engine

/// Takes what Amazon Data Firehose delivers to an HTTP endpoint: `POST /firehose`.
///
/// - Errors: 401 for a wrong access key, 403 for a cluster that the key may not write, 415 for an encoding other than gzip, 400
///   for what is no request of Firehose, 503 when the queue has no room or nothing can be committed. Never 413, at which
///   Firehose drops the records for good: it repeats after any other code, and in the end leaves them in S3. One bad record
///   costs only itself.
/// - Source: docs.aws.amazon.com/firehose, "Understand HTTP endpoint delivery request and response specifications".
public struct FirehoseInput: Input {
  public static let name = "firehose"
  static let path = "/firehose"

  private let settings: FirehoseSettings

  public init(_ settings: FirehoseSettings) { self.settings = settings }

  public func start(in context: InputContext) throws(Failure) {
    let receiver = FirehoseReceiver(settings, context)
    var manners = PushManners()
    manners.accessKeyHeader = "x-amz-firehose-access-key"
    manners.headers = FirehoseReceiver.headers
    // Firehose itself waits three minutes for an answer.
    manners.requestSeconds = 120
    manners.form = { head, status, text in FirehoseReceiver.form(head, status, text, at: context.clock.now) }
    context.endpoint(
      Endpoint(
        path: Self.path, bodyBytesLimit: settings.bodyBytesLimit, manners: manners, admit: { receiver.admit($0) },
        handle: { receiver.handle($0, $1) }))
    context.status.update {
      $0.isUp = true
      $0.sources = [.init(name: Self.path, readBytes: 0, totalBytes: nil)]
    }
  }
}

/// Judges one request after another; called by the threads of the server.
struct FirehoseReceiver: Sendable {
  private static let requestID = "x-amz-firehose-request-id"
  private static let version = "x-amz-firehose-protocol-version"
  private static let attributes = "x-amz-firehose-common-attributes"
  static let headers = [requestID, version, attributes]
  /// The common attribute that names the cluster of records that name none.
  static let clusterAttribute = "k8s_cluster"

  private let context: InputContext
  private let cluster: String
  private let bodyBytesLimit: Int

  init(_ settings: FirehoseSettings, _ context: InputContext) {
    self.context = context
    cluster = settings.cluster ?? context.cluster
    bodyBytesLimit = settings.bodyBytesLimit
  }

  func admit(_ head: PushHead) -> PushRefusal? {
    if case .failure(let refusal) = judge(head) { return refusal }
    return context.admitsPushes() ? nil : .notCommitting
  }

  /// Takes the body over. A refusal leaves nothing reserved, and `reply` is not called.
  func handle(_ request: PushRequest, _ reply: PushReply) -> PushRefusal? {
    let delivery: Delivery
    switch judge(request.head) {
    case .failure(let refusal):
      context.queue.release(request.reservedBytes)
      return refusal
    case .success(let found): delivery = found
    }
    let received = request.body.count
    switch PushedBody.content(of: request, isGzip: delivery.isGzip, limit: bodyBytesLimit, context.queue) {
    case .failure(let refusal): return refusal
    case .success(let content):
      let refusal: PushRefusal?
      if !WholeObject.isOne(content.bytes) {
        refusal = PushRefusal(400, "the body is no JSON object")
      } else if !context.admitsPushes() {
        // Once more: the body may have taken its time.
        refusal = .notCommitting
      } else {
        let batch = Batch(
          input: context.index, cluster: delivery.cluster, arrival: context.clock.now,
          shape: .delivery(id: delivery.id),
          bytes: content.bytes, reservedBytes: content.reservedBytes, sourceBytes: received,
          naming: ClusterNaming(writable: request.head.writableClusters), reply: reply)
        refusal = context.queue.put(batch) ? nil : .noRoom
      }
      if refusal == nil {
        context.status.succeeded(at: context.clock.now)
      } else {
        context.queue.release(content.reservedBytes)
      }
      return refusal
    }
  }

  /// The answer as Firehose wants it. 413 would make it drop the records.
  static func form(_ head: PushHead, _ status: Int, _ text: String, at now: Microseconds) -> PushForm {
    let message =
      status == 200
      ? "" : ",\"errorMessage\":\"\(text.prefix(8000).filter { $0 != "\"" && $0 != "\\" && !$0.isNewline })\""
    return PushForm(
      status == 413 ? 400 : status, contentType: "application/json",
      body: "{\"requestId\":\"\(id(of: head) ?? "")\",\"timestamp\":\(now / 1000)\(message)}")
  }

  // MARK: - Judging

  private struct Delivery {
    let id: String
    let cluster: String
    let isGzip: Bool
  }

  private func judge(_ head: PushHead) -> Result<Delivery, PushRefusal> {
    guard head.path == FirehoseInput.path else { return .failure(PushRefusal(404, "nothing is received here")) }
    guard let id = Self.id(of: head) else {
      return .failure(PushRefusal(400, "X-Amz-Firehose-Request-Id is missing or no such ID"))
    }
    guard head.headers[Self.version] ?? "1.0" == "1.0" else {
      return .failure(PushRefusal(400, "only version 1.0 of the protocol is understood"))
    }
    guard let isGzip = head.isGzip else { return .failure(.unknownEncoding) }
    switch named(head) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let cluster): return .success(Delivery(id: id, cluster: cluster, isGzip: isGzip))
    }
  }

  /// The cluster of records that name none: as the common attributes say, else the only one that the key may write, else the
  /// one that is set.
  private func named(_ head: PushHead) -> Result<String, PushRefusal> {
    let writable = head.writableClusters
    let otherwise = writable?.count == 1 ? writable?.first ?? cluster : cluster
    guard let text = head.headers[Self.attributes], !text.isEmpty else { return .success(otherwise) }
    guard let attributes = FirehoseText.commonAttributes(text) else {
      return .failure(PushRefusal(400, "X-Amz-Firehose-Common-Attributes is no such object"))
    }
    guard let name = attributes[Self.clusterAttribute] else { return .success(otherwise) }
    guard Self.isClusterName(name) else {
      return .failure(PushRefusal(400, "the common attribute \(Self.clusterAttribute) is not a cluster's name"))
    }
    return writable?.contains(name) == false ? .failure(.forbidden) : .success(name)
  }

  /// As the settings have it.
  private static func isClusterName(_ name: String) -> Bool {
    (1...128).contains(name.utf8.count)
      && name.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
          || "._-:@+".unicodeScalars.contains($0)
      }
  }

  /// An opaque text, which the answer repeats.
  private static func id(of head: PushHead) -> String? {
    guard let id = head.headers[requestID], (1...256).contains(id.utf8.count),
      id.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    else { return nil }
    return id
  }
}
