internal import CIntrinsics
import Glibc

/// A place among sealed bytes, and the reads that scanning needs: the one type of this module that touches raw memory
/// while scanning.
///
/// - Invariant: it lies between the first byte and the end of a sealed `ByteBuffer` (or 64 bytes after a checked
///   place), so every read below, of at most 64 bytes, stays inside the buffer and its padding. A scan looks at a
///   checked place, or at a byte less than 64 after one, and checks the place it arrives at against its limit.
@safe struct BytePointer: Comparable {
  // SAFETY: as stated above; the buffer outlives the decoder's call that made this.
  let raw: UnsafePointer<UInt8>

  @inline(__always) init(_ raw: UnsafePointer<UInt8>) { unsafe self.raw = raw }

  @inline(__always) var byte: UInt8 { unsafe raw[0] }
  @inline(__always) subscript(offset: Int) -> UInt8 { unsafe raw[offset] }

  /// The next 8 bytes as a number.
  @inline(__always) var word: UInt64 { unsafe kae_load64(raw) }

  @inline(__always) static func + (place: BytePointer, count: Int) -> BytePointer {
    unsafe BytePointer(place.raw + count)
  }
  @inline(__always) static func += (place: inout BytePointer, count: Int) {
    place = place + count
  }
  @inline(__always) static func - (later: BytePointer, earlier: BytePointer) -> Int {
    unsafe later.raw - earlier.raw
  }
  @inline(__always) static func < (a: BytePointer, b: BytePointer) -> Bool { unsafe a.raw < b.raw }
  @inline(__always) static func == (a: BytePointer, b: BytePointer) -> Bool { unsafe a.raw == b.raw }

  /// Whether the next two bytes are these.
  @inline(__always) func isPair(_ first: UInt8, _ second: UInt8) -> Bool {
    unsafe kae_load16(raw) == UInt16(first) | UInt16(second) << 8
  }

  /// Whether `literal`, at most 64 bytes, stands here.
  @inline(__always) func matches(_ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    // Up to 32 bytes the compiler compares in place; longer ones would be a call.
    guard count > 32 else { return unsafe memcmp(raw, literal.utf8Start, count) == 0 }
    return unsafe memcmp(raw, literal.utf8Start, 32) == 0
      && memcmp(raw + 32, literal.utf8Start + 32, count &- 32) == 0
  }

  /// Moves over `literal` if it stands here.
  @inline(__always) mutating func skip(_ literal: StaticString) -> Bool {
    guard matches(literal) else { return false }
    self += literal.utf8CodeUnitCount
    return true
  }

  /// The text of `count` bytes that begins here.
  @inline(__always) func text(to end: BytePointer, isEscaped: Bool) -> Text {
    unsafe Text(raw, count: end - self, isEscaped: isEscaped)
  }

  /// The first `byte` before `limit`.
  @inline(__always) func find(_ byte: UInt8, before limit: BytePointer) -> BytePointer? {
    guard self < limit, let found = unsafe memchr(raw, Int32(byte), limit - self) else { return nil }
    return unsafe BytePointer(UnsafeRawPointer(found).assumingMemoryBound(to: UInt8.self))
  }

  /// Bit i is set where byte i of the next 16 equals `byte`.
  @inline(__always) func mask16(_ byte: UInt8) -> UInt32 { unsafe kae_mask16(raw, byte) }

  /// The first place from here on where one of the tables' triples seems to stand, and none of the escapes that
  /// Kubernetes writes; nil when there is none before `limit`.
  @inline(__always) func nextTriple(_ triples: borrowing TripleTables, before limit: BytePointer) -> BytePointer? {
    guard self < limit else { return nil }
    let found = unsafe withUnsafePointer(to: triples.tables) { unsafe kae_next_triple(raw, limit.raw, $0) }
    return unsafe found < limit.raw ? BytePointer(found) : nil
  }

  /// The groups, a bit each, of which one seems to stand here.
  @inline(__always) func triples(_ triples: borrowing TripleTables) -> UInt8 {
    unsafe withUnsafePointer(to: triples.tables) { unsafe kae_triples_at(raw, $0) }
  }

  /// The place behind the object or array that opens here; nil when somebody slower must tell.
  @inline(__always) func nestedEnd(before limit: BytePointer, depthLimit: Int) -> BytePointer? {
    guard let end = unsafe kae_skip_nested(raw, limit.raw, Int32(truncatingIfNeeded: depthLimit)) else { return nil }
    return unsafe BytePointer(end)
  }

  /// The masks of the next 64 bytes.
  @inline(__always) var block64: kae_block { unsafe kae_block64(raw) }
}

/// Three bytes of ASCII in a row that are looked for together, in eight groups; the third may be any byte.
struct TripleTables: Sendable {
  typealias Triple = (first: UInt8, second: UInt8, third: UInt8?)
  fileprivate var tables = kae_triple_tables()

  /// - Parameter groups: at most eight; more are left out.
  init(_ groups: [[Triple]]) {
    // SAFETY: the tables are 96 bytes, six times 16; a half byte is below 16.
    unsafe withUnsafeMutableBytes(of: &tables) { bytes in
      for (group, triples) in groups.prefix(8).enumerated() {
        let bit = UInt8(1) << UInt8(group)
        for triple in triples {
          for (at, byte) in [triple.first, triple.second, triple.third].enumerated() {
            for half in 0..<16 {
              if byte.map({ Int($0 & 15) == half }) ?? true { unsafe bytes[at * 32 + half] |= bit }
              if byte.map({ Int($0 >> 4) == half }) ?? true { unsafe bytes[at * 32 + 16 + half] |= bit }
            }
          }
        }
      }
    }
  }
}

extension BytePointer {
  /// The closing quote of the string whose first byte stands here; nil when a line feed comes first or an escape is
  /// none. Sets `isEscaped` when a backslash occurs. Control characters other than the line feed are let pass.
  @inline(__always) func closingQuote(_ isEscaped: inout Bool) -> BytePointer? {
    closingQuote(&isEscaped, step: 16) { unsafe kae_string_stop16($0.raw) }
  }

  /// The same for strings that are mostly longer than 16 bytes.
  @inline(__always) func closingQuoteOfLong(_ isEscaped: inout Bool) -> BytePointer? {
    closingQuote(&isEscaped, step: 32) { unsafe kae_string_stop32($0.raw) }
  }

  /// - Parameter stops: where the next `step` bytes have something to look at, a bit each.
  @inline(__always) private func closingQuote(
    _ isEscaped: inout Bool, step: Int, _ stops: (BytePointer) -> UInt32
  ) -> BytePointer? {
    var place = self
    while true {
      let found = stops(place)
      if found != 0 {
        place += found.trailingZeroBitCount
        if place.byte == UInt8(ascii: "\"") { return place }
        let slow = place.closingQuoteSlowly
        isEscaped = slow.isEscaped
        return slow.end
      }
      place += step
    }
  }

  /// The same for strings that are mostly longer than 32 bytes, and of all lengths up to 64: one step, so that no guess at
  /// the number of steps can be wrong.
  @inline(__always) func closingQuoteOfLongest(_ isEscaped: inout Bool) -> BytePointer? {
    var place = self
    while true {
      let stops = unsafe kae_string_stop64(place.raw)
      if stops != 0 {
        place += stops.trailingZeroBitCount
        if place.byte == UInt8(ascii: "\"") { return place }
        let slow = place.closingQuoteSlowly
        isEscaped = slow.isEscaped
        return slow.end
      }
      place += 64
    }
  }

  /// The same for strings in which escapes are expected.
  @inline(__always) var closingQuoteOfEscaped: BytePointer? { closingQuoteSlowly.end }

  /// Whether 36 plain bytes stand here, as many as a UUID has, and a quote follows.
  @inline(__always) var isQuotedUUID: Bool {
    guard self[36] == UInt8(ascii: "\"") else { return false }
    return unsafe kae_string_stop32(raw) | kae_string_stop16(raw + 20) == 0
  }

  /// Whether 27 plain bytes stand here, as many as an API server's time has, and a quote follows.
  @inline(__always) var isQuotedTime: Bool {
    guard self[27] == UInt8(ascii: "\"") else { return false }
    return unsafe kae_string_stop16(raw) | kae_string_stop16(raw + 11) == 0
  }

  /// The same from a byte that is no plain one: a backslash, a line feed, or one that only resembles a quote. Escaped quotes,
  /// which are the most frequent escape, cost nothing.
  @inline(never) private var closingQuoteSlowly: (end: BytePointer?, isEscaped: Bool) {
    var isEscaped = false
    var place = self
    while true {
      let mark = unsafe kae_next_string_mark(place.raw)
      place = unsafe BytePointer(mark.place)
      if unsafe mark.marks & 1 != 0 { isEscaped = true }
      guard unsafe mark.marks & 2 != 0 else { return (place.byte == UInt8(ascii: "\"") ? place : nil, isEscaped) }
      // An escape of something else than a quote.
      guard let length = (place + -1).escapeLength else { return (nil, true) }
      isEscaped = true
      place += length - 1
    }
  }

  /// How many bytes the escape that begins at this backslash takes; nil when it is none.
  @inline(__always) var escapeLength: Int? {
    switch self[1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return 2
    case UInt8(ascii: "u"):
      for i in 2..<6 where self[i].hexDigit == nil { return nil }
      return 6
    default: return nil
    }
  }
}

extension UInt8 {
  /// The value of this ASCII hexadecimal digit.
  @inline(__always) var hexDigit: UInt32? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(self &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(self &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(self &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }

  /// The value of this ASCII digit, or something above 9.
  @inline(__always) var digit: UInt8 { self &- UInt8(ascii: "0") }

  /// White space of JSON: space, tab, line feed, carriage return.
  @inline(__always) var isWhiteSpace: Bool {
    self <= 0x20 && (self == 0x20 || self == 0x0a || self == 0x0d || self == 9)
  }
}
