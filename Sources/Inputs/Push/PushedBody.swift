internal import AuditEvents
internal import Compression
internal import Engine

/// Undoes the compression of what was pushed, within the queue's budget.
enum PushedBody {
  /// What a request holds, sealed, with what it has reserved; or a refusal, with nothing left reserved.
  ///
  /// - Parameter limit: the most bytes that may come out: 413 above.
  static func content(
    of request: PushRequest, isGzip: Bool, limit: Int, _ queue: BatchQueue
  ) -> Result<(bytes: ByteBuffer, reservedBytes: Int), PushRefusal> {
    func refuse(_ refusal: PushRefusal, releasing bytes: Int) -> Result<
      (bytes: ByteBuffer, reservedBytes: Int), PushRefusal
    > {
      queue.release(bytes)
      return .failure(refusal)
    }
    guard isGzip else {
      guard request.body.count <= limit else { return refuse(.tooLarge(limit), releasing: request.reservedBytes) }
      request.body.seal()
      return .success((request.body, request.reservedBytes))
    }
    var body = ReservedBuffer(queue, reservedBytes: request.reservedBytes)
    if let refusal = decompress(request.body, into: &body, limit) {
      return refuse(refusal, releasing: body.reservedBytes)
    }
    queue.release(request.reservedBytes)  // the compressed form is done with
    body.bytes.seal()
    return .success((body.bytes, body.reservedBytes - request.reservedBytes))
  }

  private static func decompress(_ body: ByteBuffer, into result: inout ReservedBuffer, _ limit: Int) -> PushRefusal? {
    var inflater = Inflater(limit: limit)
    do throws(Gzip.Failure) {
      // SAFETY: `body` is lent for the call, each piece for one `append`, which copies it.
      try unsafe body.withBytes { bytes throws(Gzip.Failure) in
        try unsafe inflater.feed(UnsafeRawBufferPointer(bytes)) { piece in unsafe result.append(piece) }
      }
      try inflater.finish()
      return nil
    } catch {
      switch error {
      case .tooLong: return .tooLarge(limit)
      case .stopped: return .noRoom
      case .corrupt, .truncated: return PushRefusal(400, "the body is no readable gzip")
      }
    }
  }
}

extension PushRefusal: Error {
  static let unknownEncoding = PushRefusal(415, "send the body plain or with Content-Encoding: gzip")
  static let notCommitting = PushRefusal(503, "what is counted cannot be committed now, send it again later")
  static let noRoom = PushRefusal(503, "the queue is full, send it again later")
  static let forbidden = PushRefusal(403, "this credential may not write events of that cluster")

  static func tooLarge(_ limit: Int) -> PushRefusal { PushRefusal(413, "the body is larger than \(limit) bytes") }
}

extension PushHead {
  /// Whether the body is compressed; nil for an encoding that is not understood.
  var isGzip: Bool? {
    switch contentEncoding {
    case "", "identity": false
    case "gzip", "x-gzip": true
    default: nil
    }
  }
}
