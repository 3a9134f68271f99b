/// Patterns as the C library's `fnmatch` without flags has them, over bytes: `*`, `?`, `[a-z]`, `[!a]`, `[[:alpha:]]` and
/// `\`. Both wildcards match `/` and a leading point.
///
/// Time is bounded by the product of both lengths: only the last `*` is ever tried again.
enum Glob {
  static func matches(
    _ pattern: borrowing Span<UInt8>, _ text: borrowing Span<UInt8>, foldsCase: Bool
  ) -> Bool {
    var inPattern = 0
    var inText = 0
    var star = -1
    var starText = 0
    while inText < text.count {
      if inPattern < pattern.count, pattern[inPattern] == UInt8(ascii: "*") {
        star = inPattern
        starText = inText
        inPattern += 1
        continue
      }
      if let next = one(pattern, inPattern, text[inText], foldsCase) {
        inPattern = next
        inText += 1
        continue
      }
      guard star >= 0 else { return false }
      starText += 1
      inText = starText
      inPattern = star + 1
    }
    while inPattern < pattern.count, pattern[inPattern] == UInt8(ascii: "*") { inPattern += 1 }
    return inPattern == pattern.count
  }

  /// The place behind the pattern's element if it matches `byte`.
  private static func one(_ pattern: borrowing Span<UInt8>, _ at: Int, _ byte: UInt8, _ foldsCase: Bool) -> Int? {
    guard at < pattern.count else { return nil }
    switch pattern[at] {
    case UInt8(ascii: "?"): return at + 1
    case UInt8(ascii: "["):
      if let set = bracket(pattern, at, byte, foldsCase) { return set.matches ? set.end : nil }
      return byte == UInt8(ascii: "[") ? at + 1 : nil
    case UInt8(ascii: "\\"):
      // One at the end matches nothing, as in the C library.
      guard at + 1 < pattern.count else { return nil }
      return isSame(pattern[at + 1], byte, foldsCase) ? at + 2 : nil
    default: return isSame(pattern[at], byte, foldsCase) ? at + 1 : nil
    }
  }

  private static func isSame(_ a: UInt8, _ b: UInt8, _ foldsCase: Bool) -> Bool {
    foldsCase ? Bytes.lower(a) == Bytes.lower(b) : a == b
  }

  /// The set that opens at `start`, held against `byte`; nil when it does not close.
  private static func bracket(
    _ pattern: borrowing Span<UInt8>, _ start: Int, _ byte: UInt8, _ foldsCase: Bool
  ) -> (matches: Bool, end: Int)? {
    var at = start + 1
    var isNegated = false
    if at < pattern.count, pattern[at] == UInt8(ascii: "!") || pattern[at] == UInt8(ascii: "^") {
      isNegated = true
      at += 1
    }
    let wanted = foldsCase ? Bytes.lower(byte) : byte
    var found = false
    var isFirst = true
    while at < pattern.count {
      if pattern[at] == UInt8(ascii: "]"), !isFirst { return (found != isNegated, at + 1) }
      isFirst = false
      if let named = namedClass(pattern, at) {
        if named.contains(byte) || foldsCase && (named.contains(Bytes.lower(byte)) || named.contains(Bytes.upper(byte)))
        {
          found = true
        }
        at = named.end
        continue
      }
      guard let low = member(pattern, &at) else { return nil }
      var high = low
      if at + 1 < pattern.count, pattern[at] == UInt8(ascii: "-"), pattern[at + 1] != UInt8(ascii: "]") {
        at += 1
        guard let end = member(pattern, &at) else { return nil }
        high = end
      }
      let first = foldsCase ? Bytes.lower(low) : low
      let last = foldsCase ? Bytes.lower(high) : high
      if first <= wanted, wanted <= last { found = true }
    }
    return nil
  }

  /// A byte of a set, a backslash before it taken away.
  private static func member(_ pattern: borrowing Span<UInt8>, _ at: inout Int) -> UInt8? {
    if pattern[at] == UInt8(ascii: "\\") { at += 1 }
    guard at < pattern.count else { return nil }
    at += 1
    return pattern[at - 1]
  }

  private struct NamedClass {
    let name: String
    let end: Int

    func contains(_ byte: UInt8) -> Bool {
      switch name {
      case "alpha": ConditionLexer.isLetter(byte) && byte < 0x80
      case "digit": ConditionLexer.isDigit(byte)
      case "alnum": ConditionLexer.isDigit(byte) || ConditionLexer.isLetter(byte)
      case "upper": byte >= 0x41 && byte <= 0x5a
      case "lower": byte >= 0x61 && byte <= 0x7a
      case "space": byte == 0x20 || byte >= 9 && byte <= 13
      case "blank": byte == 0x20 || byte == 9
      case "xdigit": ConditionLexer.isDigit(byte) || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
      case "punct": byte > 0x20 && byte < 0x7f && !ConditionLexer.isDigit(byte) && !ConditionLexer.isLetter(byte)
      case "cntrl": byte < 0x20 || byte == 0x7f
      case "graph": byte > 0x20 && byte < 0x7f
      case "print": byte >= 0x20 && byte < 0x7f
      default: false
      }
    }
  }

  /// `[:alpha:]` and the like.
  private static func namedClass(_ pattern: borrowing Span<UInt8>, _ at: Int) -> NamedClass? {
    guard at + 1 < pattern.count, pattern[at] == UInt8(ascii: "["), pattern[at + 1] == UInt8(ascii: ":") else {
      return nil
    }
    var end = at + 2
    var name = ""
    while end + 1 < pattern.count, ConditionLexer.isLetter(pattern[end]), name.utf8.count < 8 {
      name.unicodeScalars.append(Unicode.Scalar(pattern[end]))
      end += 1
    }
    guard end + 1 < pattern.count, pattern[end] == UInt8(ascii: ":"), pattern[end + 1] == UInt8(ascii: "]") else {
      return nil
    }
    return NamedClass(name: name, end: end + 2)
  }
}
