/// The coding of what counting keeps: bytes that begin with a version, numbers in seven bits a byte with the lowest first.
///
/// - Compatibility: whoever changes what a piece holds gives it another version; an older reader then refuses it.
struct StateWriter {
  private(set) var bytes: [UInt8] = []

  /// - Parameter version: of the piece that is written.
  init(version: UInt8, capacity: Int = 64) {
    bytes.reserveCapacity(capacity)
    bytes.append(version)
  }

  /// What was written, in memory of its own without the room behind it: many of them are held at once.
  var copy: [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(bytes.count)
    copy += bytes
    return copy
  }

  /// Begins anew in the same memory.
  mutating func restart(version: UInt8) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(version)
  }

  mutating func write(byte: UInt8) { bytes.append(byte) }

  mutating func write(_ number: UInt64) {
    var left = number
    while left >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: left) | 0x80)
      left >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: left))
  }

  mutating func write(_ number: UInt32) { write(UInt64(number)) }

  /// Writes a number that is not negative: a time, a length, an index.
  mutating func write(_ number: Int64) { write(UInt64(max(0, number))) }

  /// The same.
  mutating func write(_ number: Int) { write(UInt64(max(0, number))) }

  /// Writes a hash, whose bytes are all alike: eight of them, the lowest first.
  mutating func write(hash: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: hash >> shift)) }
  }

  /// Writes a text up to the end: nothing follows it.
  mutating func write(rest text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }
}

/// Reads what `StateWriter` wrote, and believes nothing: every number has a bound.
struct StateReader {
  private let bytes: [UInt8]
  private var at = 0

  /// - Parameter version: the one that this reader knows.
  init(_ bytes: [UInt8], version: UInt8) throws(StateDamage) {
    self.bytes = bytes
    let found = try readByte()
    guard found == version else {
      throw StateDamage(isNewer: found > version, "it has version \(found), not \(version)")
    }
  }

  var isAtEnd: Bool { at == bytes.count }

  mutating func readByte() throws(StateDamage) -> UInt8 {
    guard at < bytes.count else { throw StateDamage("it ends too early") }
    at += 1
    return bytes[at - 1]
  }

  /// A number that is at most `limit`.
  mutating func read(upTo limit: UInt64 = .max) throws(StateDamage) -> UInt64 {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      let part = UInt64(byte & 0x7f)
      guard shift < 63 || (shift == 63 && part <= 1) else { throw StateDamage("a number is longer than 64 bits") }
      number |= part << shift
      guard byte & 0x80 != 0 else { break }
      shift += 7
    }
    guard number <= limit else { throw StateDamage("a number is too large") }
    return number
  }

  mutating func readUInt32(upTo limit: UInt32 = .max) throws(StateDamage) -> UInt32 {
    UInt32(truncatingIfNeeded: try read(upTo: UInt64(limit)))
  }

  mutating func readInt(upTo limit: Int) throws(StateDamage) -> Int {
    Int(truncatingIfNeeded: try read(upTo: UInt64(max(0, limit))))
  }

  /// The index of one of `count` things.
  mutating func readIndex(below count: Int) throws(StateDamage) -> Int {
    guard count > 0 else { throw StateDamage("it refers to nothing") }
    return try readInt(upTo: count - 1)
  }

  /// A time in microseconds: not after `limit`.
  mutating func readTime(upTo limit: Int64) throws(StateDamage) -> Int64 { Int64(try readInt(upTo: Int(limit))) }

  mutating func readHash() throws(StateDamage) -> UInt64 {
    var hash: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 8) { hash |= UInt64(try readByte()) << shift }
    return hash
  }

  /// Everything that is left.
  mutating func readRest() -> [UInt8] {
    let rest = Array(bytes[at...])
    at = bytes.count
    return rest
  }

  /// Says that all must have been read.
  func finish() throws(StateDamage) {
    guard isAtEnd else { throw StateDamage("it is longer than it should be") }
  }
}

/// Why a piece of state cannot be read; `Counters` says which piece it was.
struct StateDamage: Error {
  let what: String
  /// A later version wrote it.
  let isNewer: Bool

  init(isNewer: Bool = false, _ what: String) {
    self.what = what
    self.isNewer = isNewer
  }

  /// A total beyond this is none: doubles, which is what is exported, are exact up to here, and no sum of such totals
  /// overflows within the bounds of a family.
  static let totalLimit: UInt64 = 1 << 53
}
