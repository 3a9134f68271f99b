import Glibc

/// What the operators do with texts, byte by byte.
enum Bytes {
  @inline(__always)
  static func areEqual(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<a.count where a[i] != b[i] { return false }
    return true
  }

  /// Whether `b` stands in `a` at `place`.
  @inline(__always)
  static func matches(_ a: borrowing Span<UInt8>, at place: Int, _ b: borrowing Span<UInt8>) -> Bool {
    guard place >= 0, place + b.count <= a.count else { return false }
    for i in 0..<b.count where a[place + i] != b[i] { return false }
    return true
  }

  /// Negative, zero or positive, as memcmp; a prefix is less.
  static func compare(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Int {
    for i in 0..<min(a.count, b.count) where a[i] != b[i] { return Int(a[i]) - Int(b[i]) }
    return a.count - b.count
  }

  static func contains(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>, foldsCase: Bool) -> Bool {
    guard b.count > 0 else { return true }
    guard a.count >= b.count else { return false }
    guard foldsCase else { return contains(a, b) }
    for place in 0...(a.count - b.count) where matchesFolded(a, at: place, b) { return true }
    return false
  }

  /// Looks for one byte of `b`, one that texts seldom have, and then at what stands around it.
  private static func contains(_ a: borrowing Span<UInt8>, _ b: borrowing Span<UInt8>) -> Bool {
    var rare = 0
    for i in 1..<max(1, b.count) where frequency(b[i]) < frequency(b[rare]) { rare = i }
    var place = rare
    let end = a.count - (b.count - rare) + 1
    while place < end, let found = first(b[rare], in: a, place, end) {
      if matches(a, at: found - rare, b) { return true }
      place = found + 1
    }
    return false
  }

  /// How often a byte occurs, roughly, in names and texts.
  private static func frequency(_ byte: UInt8) -> Int {
    switch byte {
    case 0x61, 0x65, 0x69, 0x6e, 0x6f, 0x72, 0x73, 0x74: 3
    case 0x61...0x7a: 2
    case 0x2d, 0x2e, 0x2f, 0x30...0x39, 0x20, 0x22: 2
    default: 1
    }
  }

  private static func first(_ byte: UInt8, in text: borrowing Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    precondition(start >= 0 && start < end && end <= text.count)
    // SAFETY: the search stays between `start` and `end`, which lie in the text.
    return unsafe text.withUnsafeBufferPointer { bytes -> Int? in
      guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, Int32(byte), end - start) else {
        return nil
      }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }

  private static func matchesFolded(_ a: borrowing Span<UInt8>, at place: Int, _ b: borrowing Span<UInt8>) -> Bool {
    for i in 0..<b.count where lower(a[place + i]) != lower(b[i]) { return false }
    return true
  }

  @inline(__always)
  static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
  @inline(__always)
  static func upper(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7a ? byte & 0xdf : byte }

  /// The value of decimal digits alone; nil when there are none or it does not fit.
  static func number(_ text: borrowing Span<UInt8>) -> UInt64? {
    guard text.count > 0 else { return nil }
    var value: UInt64 = 0
    for i in 0..<text.count {
      guard ConditionLexer.isDigit(text[i]) else { return nil }
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(text[i] - 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// Whether one path is the other or a directory above it, component by component; wildcards match inside one.
  static func isPathPrefix(_ prefix: borrowing Span<UInt8>, of path: borrowing Span<UInt8>) -> Bool {
    var inPrefix = Component(from: 0)
    var inPath = Component(from: 0)
    while inPrefix.next(in: prefix) {
      guard inPath.next(in: path) else { return false }
      let pattern = prefix.extracting(inPrefix.range)
      let name = path.extracting(inPath.range)
      guard hasWildcard(pattern) ? Glob.matches(pattern, name, foldsCase: false) : areEqual(pattern, name) else {
        return false
      }
    }
    return true
  }

  private static func hasWildcard(_ text: borrowing Span<UInt8>) -> Bool {
    for i in 0..<text.count
    where text[i] == UInt8(ascii: "*") || text[i] == UInt8(ascii: "?") || text[i] == UInt8(ascii: "[") {
      return true
    }
    return false
  }

  /// The components of a path, empty ones passed over.
  private struct Component {
    private var start: Int
    private var end: Int

    init(from start: Int) {
      self.start = start
      end = start
    }

    var range: Range<Int> { start..<end }

    mutating func next(in path: borrowing Span<UInt8>) -> Bool {
      start = end
      while start < path.count, path[start] == UInt8(ascii: "/") { start += 1 }
      end = start
      while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
      return end > start
    }
  }
}
