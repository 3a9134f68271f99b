extension JSONValue {
  /// A part of JSON that white space may stand around.
  public enum Token {
    case open(UInt8), close(UInt8)
    case comma, colon
    /// What stands between its quotes.
    case string(Text)
    /// A number, or a word.
    case scalar(Text)
  }

  /// A walk over its tokens up to its end, in one pass however deep it nests. The order of tokens is not checked; the walk ends
  /// early at a string without end.
  public func tokens() -> Tokens { Tokens(place: start, limit: limit) }

  /// The tokens of a value, one after another.
  public struct Tokens {
    private var place: BytePointer
    private let limit: BytePointer
    private var depth = 0
    private var isDone = false

    init(place: BytePointer, limit: BytePointer) {
      self.place = place
      self.limit = limit
    }

    /// The next token, if the value goes on.
    public mutating func next() -> Token? {
      while !isDone, place < limit, place.byte <= 0x20 { place += 1 }
      guard !isDone, place < limit else { return nil }
      let first = place
      place += 1
      switch first.byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        return .open(first.byte)
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        isDone = depth <= 0
        return .close(first.byte)
      case UInt8(ascii: ","): return .comma
      case UInt8(ascii: ":"): return .colon
      case UInt8(ascii: "\""):
        var isEscaped = false
        guard let quote = place.closingQuoteOfLong(&isEscaped), quote < limit else {
          isDone = true
          return nil
        }
        place = quote + 1
        isDone = depth == 0
        return .string((first + 1).text(to: quote, isEscaped: isEscaped))
      default:
        while place < limit, !Self.endsScalar(place.byte) { place += 1 }
        isDone = depth == 0
        return .scalar(first.text(to: place, isEscaped: false))
      }
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
      switch byte {
      case 0...0x20, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["),
        UInt8(ascii: "]"), UInt8(ascii: "\""):
        true
      default: false
      }
    }
  }
}
