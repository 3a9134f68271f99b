internal import AuditEvents

/// Collects a body that arrives in pieces, holding its part of a budget for every byte that is allocated.
///
/// Memory grows with what has arrived, never with what was announced: a `Content-Length` costs nobody anything.
final class BodyReader {
  enum Outcome { case taken, tooLong, noRoom }
  static let firstBytes = 64 << 10

  private let policy: Route.BodyPolicy
  private let announcedBytes: Int?
  private var buffer = ByteBuffer(capacity: 0)
  private var reservedBytes = 0

  /// - Parameter announcedBytes: `Content-Length`; nil for a chunked body.
  init(_ policy: Route.BodyPolicy, announcedBytes: Int?) {
    self.policy = policy
    self.announcedBytes = announcedBytes
  }

  deinit { discard() }

  /// Takes the next piece. After anything but `.taken` the body is discarded.
  // SAFETY: the piece is lent for the call, and copied.
  @unsafe func take(_ piece: UnsafeRawBufferPointer) -> Outcome {
    let needed = buffer.count + piece.count
    guard needed <= policy.limitBytes else {
      discard()
      return .tooLong
    }
    guard grow(to: needed) else {
      discard()
      return .noRoom
    }
    unsafe buffer.append(raw: piece)
    return .taken
  }

  /// The whole body, with its reservation, which is now the caller's.
  func finish() -> HTTPRequest.Body {
    buffer.seal()
    let body = HTTPRequest.Body(bytes: buffer, reservedBytes: reservedBytes)
    buffer = ByteBuffer(capacity: 0)
    reservedBytes = 0
    return body
  }

  /// Forgets what was read and gives the reservation back.
  func discard() {
    buffer = ByteBuffer(capacity: 0)
    if reservedBytes > 0 { policy.release(reservedBytes) }
    reservedBytes = 0
  }

  private func grow(to needed: Int) -> Bool {
    guard needed > buffer.capacity else { return true }
    let step = min(max(Self.firstBytes, 2 * buffer.capacity), announcedBytes ?? policy.limitBytes)
    let capacity = max(needed, step)
    let more = capacity - buffer.capacity
    guard policy.reserve(more, reservedBytes) else { return false }
    reservedBytes += more
    let larger = ByteBuffer(capacity: capacity)
    unsafe buffer.withBytes { unsafe larger.append(raw: UnsafeRawBufferPointer($0)) }
    buffer = larger
    return true
  }
}
