internal import AuditEvents
internal import Engine

/// A buffer that grows only as far as the queue's budget grants it: reserved first, allocated then.
struct ReservedBuffer {
  private static let firstBytes = 64 << 10

  let bytes = ByteBuffer(capacity: 0)
  /// What is held of the budget: this buffer's capacity, and what was given to it.
  private(set) var reservedBytes: Int
  private let queue: BatchQueue

  /// - Parameter reservedBytes: what the caller holds and gives to this buffer's account.
  init(_ queue: BatchQueue, reservedBytes: Int) {
    self.queue = queue
    self.reservedBytes = reservedBytes
  }

  /// Appends a copy. False when the budget has no room; then nothing was appended, and what is held may be less.
  // SAFETY: the piece is lent for the call, and copied.
  @unsafe mutating func append(_ piece: UnsafeRawBufferPointer) -> Bool {
    let needed = bytes.count + piece.count
    if needed > bytes.capacity {
      // As `ByteBuffer.reserve` grows.
      let more = max(needed, bytes.capacity * 2, Self.firstBytes) - bytes.count
      guard grow(by: max(bytes.count + more, bytes.capacity * 2) - bytes.capacity) else { return false }
      bytes.reserve(more)
    }
    unsafe bytes.append(raw: piece)
    return true
  }

  private mutating func grow(by more: Int) -> Bool {
    if queue.reserve(more) {
      reservedBytes += more
      return true
    }
    // One body larger than the whole budget passes when nothing else is reserved, but only as a first reservation.
    queue.release(reservedBytes)
    let whole = reservedBytes + more
    reservedBytes = queue.reserve(whole) ? whole : 0
    return reservedBytes == whole
  }
}
