internal import CIntrinsics

/// Why a scan stopped short.
enum ScanFault {
  case none
  /// The bytes end inside the value.
  case incomplete
  /// Not JSON.
  case malformed
  case tooDeep
}

/// Walks JSON in any order and spacing, up to a limit: the keys of an object one by one, values taken or passed over.
///
/// - Validity: as RFC 8259 has it, but control characters inside strings are let pass (a line feed is not: it ends a
///   line), and what `unchecked` passes over is held to its brackets and strings alone.
/// - Duplicate keys are all handed out; taking the last is up to the caller, as Go and Python do.
/// - Limit: single structural characters are not held against it. Where it is no line feed, the caller checks that the
///   place it ends at is not behind it; a string or value that begins or ends there is a fault by itself.
/// - Errors: nil with `fault` set.
struct ValueScanner {
  /// Where the bytes end: nothing at or behind it is part of a value.
  private(set) var limit: BytePointer
  /// The value stands on one line: a line feed is where its bytes end. It is searched only when bodies are passed over.
  private let isOnOneLine: Bool
  /// The deepest nesting let pass.
  let depthLimit: Int
  private(set) var fault = ScanFault.none
  /// Where an escaped key is written when its escapes are undone.
  let keys: KeyScratch

  init(limit: BytePointer, isOnOneLine: Bool = false, depthLimit: Int, keys: KeyScratch) {
    self.limit = limit
    self.isOnOneLine = isOnOneLine
    self.depthLimit = depthLimit
    self.keys = keys
  }

  /// Stops the scan.
  @inline(never) mutating func fail(at place: BytePointer) -> BytePointer? {
    let isCut = place >= limit || isOnOneLine && place.byte == UInt8(ascii: "\n")
    fault = isCut ? .incomplete : .malformed
    return nil
  }

  /// Stops the scan as too deep.
  @inline(never) mutating func failTooDeep() -> BytePointer? {
    fault = .tooDeep
    return nil
  }

  @inline(__always) func passWhiteSpace(_ place: BytePointer) -> BytePointer {
    var place = place
    while place.byte <= 0x20, place.byte.isWhiteSpace, place < limit {
      if isOnOneLine, place.byte == UInt8(ascii: "\n") { break }
      place += 1
    }
    return place
  }

  // MARK: - Objects and arrays

  /// Moves to the next key's value; answers the key, or nil at the object's end (with `place` behind it) or at a fault.
  ///
  /// `place` is behind the opening bracket at first, then behind the last value.
  @inline(__always)
  mutating func nextKey(_ place: inout BytePointer, isFirst: inout Bool) -> Key? {
    // Without white space, every object goes on or ends so.
    if place.byte == UInt8(ascii: "}"), !isFirst {
      place += 1
      return nil
    }
    if isFirst ? place.byte == UInt8(ascii: "\"") : place.isPair(UInt8(ascii: ","), UInt8(ascii: "\"")) {
      let start = place + (isFirst ? 1 : 2)
      isFirst = false
      var isEscaped = false
      if let end = start.closingQuote(&isEscaped), !isEscaped, end[1] == UInt8(ascii: ":"), end[2] > 0x20,
        end + 2 < limit
      {
        place = end + 2
        return Key(start: start, count: end - start)
      }
      let slow = keySlowly(start)
      place = slow.value
      return slow.key
    }
    let slow = nextKeySlowly(place, isFirst: isFirst)
    isFirst = false
    place = slow.value
    return slow.key
  }

  /// A key and where its value begins; without a key, the place behind the object, if there is no fault.
  private struct Member {
    let key: Key?
    let value: BytePointer
  }

  @inline(never)
  private mutating func nextKeySlowly(_ place: BytePointer, isFirst: Bool) -> Member {
    var at = passWhiteSpace(place)
    if at.byte == UInt8(ascii: "}") { return Member(key: nil, value: at + 1) }
    if !isFirst {
      guard at.byte == UInt8(ascii: ",") else { return stopped(at) }
      at = passWhiteSpace(at + 1)
    }
    guard at.byte == UInt8(ascii: "\"") else { return stopped(at) }
    return keySlowly(at + 1)
  }

  /// The key whose first byte is at `start`, with white space or escapes.
  @inline(never)
  private mutating func keySlowly(_ start: BytePointer) -> Member {
    var isEscaped = false
    guard let end = start.closingQuote(&isEscaped), end < limit else {
      _ = failString(start)
      return Member(key: nil, value: start)
    }
    let colon = passWhiteSpace(end + 1)
    guard colon.byte == UInt8(ascii: ":") else { return stopped(colon) }
    let value = passWhiteSpace(colon + 1)
    guard value < limit else { return stopped(value) }
    return Member(key: isEscaped ? keys.undo(start, end) : Key(start: start, count: end - start), value: value)
  }

  /// Moves to the next element; false at the array's end (with `place` behind it) or at a fault.
  @inline(__always)
  mutating func nextElement(_ place: inout BytePointer, isFirst: inout Bool) -> Bool {
    var at = passWhiteSpace(place)
    if at.byte == UInt8(ascii: "]"), at < limit {
      place = at + 1
      return false
    }
    if !isFirst {
      guard at.byte == UInt8(ascii: ","), at < limit else {
        _ = fail(at: at)
        return false
      }
      at = passWhiteSpace(at + 1)
      if at.byte == UInt8(ascii: "]") {
        _ = fail(at: at)
        return false
      }
    }
    isFirst = false
    place = at
    return true
  }

  @inline(never) private mutating func stopped(_ place: BytePointer) -> Member {
    _ = fail(at: place)
    return Member(key: nil, value: place)
  }

  // MARK: - Values

  /// Takes the string whose first byte is at `start`; answers the place behind its closing quote.
  @inline(__always)
  mutating func string(_ start: BytePointer, into text: inout Text) -> BytePointer? {
    var isEscaped = false
    guard let end = start.closingQuoteOfLong(&isEscaped), end < limit else { return failString(start) }
    text = start.text(to: end, isEscaped: isEscaped)
    return end + 1
  }

  /// Takes a value if it is a string, else passes over it and leaves `text` empty.
  @inline(__always)
  mutating func stringValue(_ place: BytePointer, into text: inout Text) -> BytePointer? {
    if place.byte == UInt8(ascii: "\"") { return string(place + 1, into: &text) }
    text = .empty
    return value(place)
  }

  /// Passes over a value of any kind, checking all of it; answers the place behind it.
  mutating func value(_ place: BytePointer) -> BytePointer? {
    switch place.byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["): return checked(place, depth: 1)
    default: return unchecked(place)
    }
  }

  /// Checks the object or array that opens here, and what is inside.
  private mutating func checked(_ start: BytePointer, depth: Int) -> BytePointer? {
    guard start < limit else { return fail(at: start) }
    guard depth < depthLimit else { return failTooDeep() }
    var place = start + 1
    var isFirst = true
    if start.byte == UInt8(ascii: "[") {
      if let end = passStrings(start) { return end }
      while nextElement(&place, isFirst: &isFirst) {
        guard let next = element(place, depth: depth) else { return nil }
        place = next
      }
    } else {
      while nextKey(&place, isFirst: &isFirst) != nil {
        guard let next = element(place, depth: depth) else { return nil }
        place = next
      }
    }
    return fault == .none ? place : nil
  }

  @inline(__always)
  private mutating func element(_ place: BytePointer, depth: Int) -> BytePointer? {
    if place.byte == UInt8(ascii: "{") || place.byte == UInt8(ascii: "[") { return checked(place, depth: depth + 1) }
    return unchecked(place)
  }

  /// Passes over a value of any kind; of an object or array only strings and brackets are looked at.
  mutating func unchecked(_ place: BytePointer) -> BytePointer? {
    guard place < limit else { return fail(at: place) }
    switch place.byte {
    case UInt8(ascii: "\""):
      var isEscaped = false
      guard let end = (place + 1).closingQuoteOfLong(&isEscaped), end < limit else { return failString(place + 1) }
      return end + 1
    case UInt8(ascii: "{"), UInt8(ascii: "["): return nested(place)
    case UInt8(ascii: "t"): return literal(place, "true")
    case UInt8(ascii: "f"): return literal(place, "false")
    case UInt8(ascii: "n"): return literal(place, "null")
    default: return number(place)
    }
  }

  /// Passes over a list of strings without white space; nil when it is anything else.
  @inline(__always)
  private func passStrings(_ start: BytePointer) -> BytePointer? {
    guard start[1] == UInt8(ascii: "\"") else { return nil }
    var place = start + 2
    var isEscaped = false
    while let end = place.closingQuoteOfLong(&isEscaped) {
      if end[1] == UInt8(ascii: "]") { return end + 1 < limit ? end + 2 : nil }
      guard (end + 1).isPair(UInt8(ascii: ","), UInt8(ascii: "\"")) else { return nil }
      place = end + 3
    }
    return nil
  }

  private mutating func literal(_ place: BytePointer, _ word: StaticString) -> BytePointer? {
    let end = place + word.utf8CodeUnitCount
    if place.matches(word), end < limit { return end }
    // Cut short, or another word?
    for i in 0..<word.utf8CodeUnitCount {
      guard place + i < limit else { return fail(at: limit) }
      guard unsafe place[i] == word.utf8Start[i] else { return fail(at: place + i) }
    }
    return fail(at: limit)
  }

  /// A number as RFC 8259 has it. One that ends at the limit may have been cut short: incomplete.
  private mutating func number(_ start: BytePointer) -> BytePointer? {
    var place = start
    if place.byte == UInt8(ascii: "-") { place += 1 }
    if place.byte == UInt8(ascii: "0") {
      place += 1
    } else {
      guard let end = digits(place) else { return nil }
      place = end
    }
    if place.byte == UInt8(ascii: "."), place < limit {
      guard let end = digits(place + 1) else { return nil }
      place = end
    }
    if place.byte | 0x20 == UInt8(ascii: "e"), place < limit {
      place += 1
      if place.byte == UInt8(ascii: "+") || place.byte == UInt8(ascii: "-") { place += 1 }
      guard let end = digits(place) else { return nil }
      place = end
    }
    return place < limit ? place : fail(at: place)
  }

  private mutating func digits(_ start: BytePointer) -> BytePointer? {
    var place = start
    while place < limit, place.byte.digit <= 9 { place += 1 }
    return place == start ? fail(at: place) : place
  }

  /// Passes over the object or array that opens here: 64 bytes at a time, looking at single brackets only where the
  /// value could close.
  @inline(never)
  mutating func nested(_ start: BytePointer) -> BytePointer? {
    if isOnOneLine, let lineEnd = start.find(UInt8(ascii: "\n"), before: limit) { limit = lineEnd }
    if let end = start.nestedEnd(before: limit, depthLimit: depthLimit) { return end }
    var depth = 0
    var place = start
    var isInString: UInt64 = 0  // all ones inside a string
    var isEscaping: UInt64 = 0  // one when the block's first byte is escaped
    while place < limit {
      let block = place.block64
      var quotes = block.quotes
      if block.backslashes != 0 || isEscaping != 0 {
        quotes &= ~Self.escaped(block.backslashes, &isEscaping)
      }
      let strings = Self.prefixXOR(quotes) ^ isInString
      isInString = UInt64(bitPattern: Int64(bitPattern: strings) >> 63)
      let opens = block.opens & ~strings
      let closes = block.closes & ~strings
      let opened = Self.count(opens)
      let closed = Self.count(closes)
      if closed < depth, depth + opened <= depthLimit {
        depth += opened - closed
      } else {
        var brackets = opens | closes
        while brackets != 0 {
          let bit = brackets & (0 &- brackets)
          depth += opens & bit != 0 ? 1 : -1
          if depth == 0 {
            let end = place + bit.trailingZeroBitCount + 1
            return end <= limit ? end : fail(at: limit)
          }
          // Only brackets before the limit count.
          if depth > depthLimit { return place + bit.trailingZeroBitCount < limit ? failTooDeep() : fail(at: limit) }
          brackets ^= bit
        }
      }
      place += 64
    }
    return fail(at: limit)
  }

  /// How many bits are set. There are few, and the baseline of x86-64 has no instruction for it.
  @inline(__always)
  private static func count(_ bits: UInt64) -> Int {
    var rest = bits
    var count = 0
    while rest != 0 {
      rest &= rest &- 1
      count &+= 1
    }
    return count
  }

  /// The bytes that a backslash before them escapes. Adding the odd-starting runs lets the carry run to their ends.
  @inline(__always)
  private static func escaped(_ backslashes: UInt64, _ carry: inout UInt64) -> UInt64 {
    let evenBits: UInt64 = 0x5555_5555_5555_5555
    let begins = backslashes & ~carry
    let follows = begins << 1 | carry
    let oddStarts = begins & ~evenBits & ~follows
    let (sum, overflow) = oddStarts.addingReportingOverflow(begins)
    carry = overflow ? 1 : 0
    return (evenBits ^ (sum << 1)) & follows
  }

  /// Bit i is the parity of bits 0 to i.
  @inline(__always)
  private static func prefixXOR(_ bits: UInt64) -> UInt64 {
    var x = bits
    x ^= x << 1
    x ^= x << 2
    x ^= x << 4
    x ^= x << 8
    x ^= x << 16
    x ^= x << 32
    return x
  }

  /// Finds out why the string at `start` has no end: it runs to the limit or a line feed, or holds a broken escape.
  @inline(never) mutating func failString(_ start: BytePointer) -> BytePointer? {
    var place = start
    while place < limit {
      switch place.byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\n"): return fail(at: limit)
      case UInt8(ascii: "\\"):
        if let length = place.escapeLength {
          place += length
        } else {
          // `\u00` at the very end is cut short; anything else is no escape.
          for i in 1..<6 where place + i >= limit || place[i] == UInt8(ascii: "\n") { return fail(at: limit) }
          return fail(at: place)
        }
      default: place += 1
      }
    }
    return fail(at: limit)
  }
}

/// A key of an object, escapes undone.
struct Key {
  let start: BytePointer
  let count: Int

  /// Whether it is `literal`.
  @inline(__always) func equals(_ literal: StaticString) -> Bool {
    count == literal.utf8CodeUnitCount && start.matches(literal)
  }
}

/// Room for one key whose escapes are undone. Keys longer than any we know stay as they are and match nothing.
@safe struct KeyScratch {
  // SAFETY: 128 initialised bytes from `init` to `free`, which the scanner that made this calls last; at most 64 are
  // written.
  private let bytes: UnsafeMutablePointer<UInt8>

  init() {
    unsafe bytes = .allocate(capacity: 128)
    unsafe bytes.initialize(repeating: 0, count: 128)
  }
  func free() { unsafe bytes.deallocate() }

  /// The text between `start` and `end` with its escapes undone, or as it stands when it does not fit.
  func undo(_ start: BytePointer, _ end: BytePointer) -> Key {
    // Six bytes of escape make at least one byte.
    guard end - start <= 6 * 48 else { return Key(start: start, count: end - start) }
    var place = start
    var count = 0
    while place < end, count < 60 { unsafe count += Unescape.one(&place, into: bytes + count) }
    guard place == end else { return Key(start: start, count: 0) }
    return unsafe Key(start: BytePointer(bytes), count: count)
  }
}
