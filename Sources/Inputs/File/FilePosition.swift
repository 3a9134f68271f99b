/// A running 64-bit hash of bytes (FNV-1a). It tells contents apart that nobody chose to be equal; it decides nothing
/// on its own where somebody could.
struct Fingerprint: Sendable, Hashable {
  private(set) var hash: UInt64
  private(set) var count: Int

  init(hash: UInt64 = 0xcbf2_9ce4_8422_2325, count: Int = 0) {
    self.hash = hash
    self.count = count
  }

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
  // SAFETY: the bytes are lent for the call; what is kept of them is a copy.
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
