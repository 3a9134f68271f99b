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
    for place in 0...(a.count - b.count) {
      if foldsCase ? matchesFolded(a, at: place, b) : matches(a, at: place, b) { return true }
    }
    return false
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
