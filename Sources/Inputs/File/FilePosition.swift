internal import Concurrency

/// A running 64-bit hash of bytes (FNV-1a). It tells contents apart that nobody chose to be equal; it decides nothing on
/// its own where somebody could.
struct Fingerprint: Sendable, Hashable {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var count = 0

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
      count += 1
    }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> Fingerprint {
    var print = Fingerprint()
    print.add(bytes)
    return print
  }
}

/// How far a file has been read, with enough of its content to see later whether it is still the same.
struct FilePosition: Sendable {
  /// How many bytes at the beginning are remembered by their hash.
  static let headBytesLimit = 1024
  /// How many bytes before the position are remembered as they are.
  static let tailBytesLimit = 256

  /// Bytes of the file that were read.
  var offset = 0
  /// The last of them.
  var tail: [UInt8] = []
  /// The beginning of the content: decompressed, where the file is not plain.
  var head = Fingerprint()
  /// Bytes of content: `offset`, but for a compressed file.
  var contentBytes = 0

  /// Takes account of bytes that were read from the file.
  mutating func advance(over bytes: UnsafeRawBufferPointer) {
    offset += bytes.count
    let kept = max(0, Self.tailBytesLimit - bytes.count)
    if tail.count > kept { tail.removeFirst(tail.count - kept) }
    unsafe tail.append(contentsOf: bytes.suffix(Self.tailBytesLimit))
  }

  /// Takes account of bytes that came out.
  mutating func addContent(_ bytes: UnsafeRawBufferPointer) {
    contentBytes += bytes.count
    if head.count < Self.headBytesLimit { unsafe head.add(bytes.prefix(Self.headBytesLimit - head.count)) }
  }
}

/// What is remembered of a file that is not open: small, for there may be a million of them.
struct FileRecord: Sendable {
  var offset = 0
  var tail = Fingerprint()
  var head = Fingerprint()
  var contentBytes = 0
  /// The file as it was when it was closed: another size or time means that there is something to read.
  var seenSize = 0
  var seenModified: Int64 = 0
  /// The stream that it continues; nil when that has ended.
  var stream: UInt64?
  /// The scan that met it last.
  var scan: UInt32 = 0
  var isOpen = false
  var isGzip = false
  var isSkipping = false
  /// Passed over on purpose: it was there before us, or its content is known from another file.
  var isIgnored = false

  /// Whether the content of a file begins with all that is remembered of this one's beginning. `content` is its first
  /// bytes; nil when they are too few to tell.
  func isBeginning(of content: [UInt8]) -> Bool? {
    // Less than a line could be the beginning of anything.
    guard head.count > 0, !isFragment else { return false }
    guard content.count >= head.count else { return nil }
    return Fingerprint.of(content.prefix(head.count)) == head
  }
  /// Not one line is complete in it.
  var isFragment = false
}
