internal import AuditEvents
internal import Engine

/// A buffer that grows only as far as the queue's budget grants it: reserved first, allocated then.
struct ReservedBuffer {
  private static let firstBytes = 64 << 10

  let bytes = ByteBuffer(capacity: 0)
  /// What it holds of the budget.
  private(set) var reservedBytes = 0
  private let queue: BatchQueue
  private let heldBeside: Int

  /// - Parameter heldBeside: what the same sender holds already, for the content as it arrived: a body alone in the queue
  ///   may go beyond the budget in both forms.
  init(_ queue: BatchQueue, heldBeside: Int = 0) {
    self.queue = queue
    self.heldBeside = heldBeside
  }

  /// Appends a copy. False when the budget has no room; then nothing was appended.
  @unsafe mutating func append(_ piece: UnsafeRawBufferPointer) -> Bool {
    let needed = bytes.count + piece.count
    if needed > bytes.capacity {
      // As `ByteBuffer.reserve` grows.
      let more = max(needed, bytes.capacity * 2, Self.firstBytes) - bytes.count
      let grown = max(bytes.count + more, bytes.capacity * 2) - bytes.capacity
      guard queue.reserve(grown, holding: heldBeside + reservedBytes) else { return false }
      reservedBytes += grown
      bytes.reserve(more)
    }
    unsafe bytes.append(raw: piece)
    return true
  }
}
