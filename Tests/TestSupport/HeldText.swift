public import AuditEvents

/// Bytes that a `Text` may borrow as long as this lives.
@safe public final class HeldText {
  // SAFETY: `count + 16` initialised bytes from `init` to `deinit`.
  private let start: UnsafeMutablePointer<UInt8>
  private let count: Int

  public init(_ bytes: [UInt8]) {
    count = bytes.count
    unsafe start = .allocate(capacity: count + 16)
    unsafe start.initialize(repeating: 0x22, count: count + 16)
    for (i, byte) in bytes.enumerated() { unsafe start[i] = byte }
  }

  deinit { unsafe start.deallocate() }

  /// Valid while this lives.
  public var text: Text {
    let isEscaped = unsafe UnsafeBufferPointer(start: start, count: count).contains(UInt8(ascii: "\\"))
    return unsafe Text(start, count: count, isEscaped: isEscaped)
  }
}
