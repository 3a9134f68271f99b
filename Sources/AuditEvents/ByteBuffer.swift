internal import CIntrinsics
import Glibc

/// Bytes on their way from an input to the decoder: filled by one thread, handed over, read by another.
///
/// - Shape: `capacity` bytes of which the first `count` are content, and 64 bytes of `"` after the content once `seal` was
///   called, so that scans of strings stop there without a bounds check.
/// - Ownership: one owner at a time. Whoever fills it hands it over and does not touch it again.
// Unchecked: exactly one thread holds it at a time, by the rule above; queues hand it over under their lock.
@safe public final class ByteBuffer: @unchecked Sendable {
  /// Readable bytes after the content.
  public static let paddingBytes = 64

  // SAFETY: `capacity + paddingBytes` bytes from `init` or `reserve` to `deinit`, the first `count` initialised, and the
  // padding once sealed; only lent out by `fill` and `withBytes`.
  private var start: UnsafeMutablePointer<UInt8>
  /// Whose memory it is, when it is not the buffer's own.
  private var owner: (any AnyObject & Sendable)?
  public private(set) var capacity: Int
  public private(set) var count = 0

  public init(capacity: Int) {
    let size = capacity + Self.paddingBytes
    unsafe start = .allocate(capacity: size)
    self.capacity = capacity
  }

  /// A buffer that holds a copy of `bytes`, sealed. For tests and small inputs.
  public convenience init(_ bytes: some Collection<UInt8>) {
    self.init(capacity: bytes.count)
    append(bytes)
    seal()
  }

  /// A buffer over memory of somebody else. Its content is all but the last `paddingBytes`; `seal` writes behind it.
  ///
  /// - Parameter owner: keeps the memory until it goes.
  @unsafe public init(lent memory: UnsafeMutableRawBufferPointer, by owner: any AnyObject & Sendable) {
    let bytes = unsafe memory.bindMemory(to: UInt8.self)
    guard let first = bytes.baseAddress, bytes.count >= Self.paddingBytes else {
      preconditionFailure("no room for the padding")
    }
    unsafe start = first
    capacity = memory.count - Self.paddingBytes
    count = capacity
    self.owner = owner
  }

  deinit { if owner == nil { unsafe start.deallocate() } }

  /// Grows so that `more` bytes can be appended. Content is kept.
  public func reserve(_ more: Int) {
    guard count + more > capacity else { return }
    let size = max(count + more, capacity * 2)
    let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: size + Self.paddingBytes)
    unsafe fresh.update(from: start, count: count)
    if owner == nil { unsafe start.deallocate() }
    owner = nil
    unsafe start = fresh
    capacity = size
  }

  public func append(_ bytes: some Collection<UInt8>) {
    reserve(bytes.count)
    for byte in bytes {
      unsafe start[count] = byte
      count += 1
    }
  }

  /// Appends a copy of raw memory.
  @unsafe public func append(raw: UnsafeRawBufferPointer) {
    guard let base = raw.baseAddress else { return }
    reserve(raw.count)
    unsafe UnsafeMutableRawPointer(start + count).copyMemory(from: base, byteCount: raw.count)
    count += raw.count
  }

  /// Lends the free space to a reader such as `read(2)`; `body` answers how many bytes it wrote.
  @unsafe public func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let room = unsafe UnsafeMutableRawBufferPointer(start: start + count, count: capacity - count)
    let written = unsafe body(room)
    precondition(written <= capacity - count, "a reader wrote past its buffer")
    if written > 0 { count += written }
    return written
  }

  /// Drops the last bytes of the content.
  public func truncate(to newCount: Int) {
    precondition(newCount <= count)
    count = newCount
  }

  /// Empties it and keeps the memory.
  public func clear() { count = 0 }

  /// Where the last `byte` of the content is, at or after `first`.
  public func lastIndex(of byte: UInt8, from first: Int = 0) -> Int? {
    precondition(first >= 0 && first <= count)
    // SAFETY: the search stays between `first` and `count`.
    guard let found = unsafe kae_last(start + first, byte, count - first) else { return nil }
    return unsafe found - UnsafePointer(start)
  }

  /// Writes the padding. Call it after the last byte and before the buffer is handed over.
  public func seal() {
    unsafe (start + count).update(repeating: 0x22, count: Self.paddingBytes)
  }

  /// Lends the content, padding behind it. The pointer must not outlive `body`.
  @unsafe public func withBytes<R, E: Error>(_ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R) throws(E) -> R {
    try unsafe body(UnsafeBufferPointer(start: start, count: count))
  }
}
