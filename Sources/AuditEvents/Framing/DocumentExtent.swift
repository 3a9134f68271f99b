/// Where a document that is printed over several lines ends.
///
/// The trouble is that a line cut short between two values looks like the first line of such a document. What tells
/// them apart: a line feed never stands inside a string, and a line that begins with `{"` in its first column begins a
/// record of its own. In a document that is indented, any `{` in the first column does.
enum DocumentExtent {
  /// It ends before this place.
  case whole(BytePointer)
  /// It breaks off where the next record begins, at this place.
  case cut(BytePointer)
  /// It is no such document: a single line that was cut short.
  case line
  /// The bytes end before it does.
  case open
  /// It is longer than the limit.
  case tooLong

  /// - Parameter start: the place of its opening bracket, the first line ending, unfinished, at `firstLineEnd`.
  /// - Complexity: linear in what is looked at, which is never looked at again unless more bytes must come first.
  static func find(from start: BytePointer, to end: BytePointer, firstLineEnd: BytePointer, limit: Int)
    -> DocumentExtent
  {
    let stop = end - start > limit ? start + limit : end
    var depth = 0
    var place = start
    var isIndented = false
    while place < stop {
      switch place.byte {
      case UInt8(ascii: "\""):
        var isEscaped = false
        guard let quote = (place + 1).closingQuote(&isEscaped), quote < stop else {
          return unclosed(place, stop, end, isIndented: isIndented)
        }
        place = quote + 1
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        place += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        place += 1
        if depth == 0 { return .whole(place) }
      case UInt8(ascii: "\n"):
        if place == firstLineEnd, place + 1 < end {
          isIndented = place[1] == UInt8(ascii: " ") || place[1] == UInt8(ascii: "\t")
        }
        place += 1
        if place < end, place.byte == UInt8(ascii: "{") {
          if isIndented { return .cut(place) }
          if place + 1 < end, place[1] == UInt8(ascii: "\"") { return .line }
        }
      default:
        place += 1
      }
    }
    return stop < end ? .tooLong : .open
  }

  /// A string without an end: it meets a line feed, a broken escape, or the end of the bytes.
  private static func unclosed(
    _ place: BytePointer, _ stop: BytePointer, _ end: BytePointer, isIndented: Bool
  ) -> DocumentExtent {
    guard let lineEnd = place.find(UInt8(ascii: "\n"), before: stop) else { return stop < end ? .tooLong : .open }
    guard isIndented else { return .line }
    // The rest of a broken document is nothing by itself: go on at the next record.
    return .cut(nextRecord(after: lineEnd + -1, end))
  }

  /// The next `{` in the first column behind `place`, or `end`.
  static func nextRecord(after place: BytePointer, _ end: BytePointer) -> BytePointer {
    var place = place
    while let lineEnd = place.find(UInt8(ascii: "\n"), before: end) {
      place = lineEnd + 1
      if place < end, place.byte == UInt8(ascii: "{") { return place }
    }
    return end
  }
}
