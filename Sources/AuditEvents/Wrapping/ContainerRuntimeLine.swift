/// A line as the container runtime interface logs it: `2024-01-01T00:00:00.0Z stdout F text`.
///
/// - Shape: time, stream, a tag (`F` full, `P` partial: the next line of the same stream goes on), text.
/// - Source: kubernetes/design-proposals-archive, "CRI: Log management for container stdout/stderr streams".
struct ContainerRuntimeLine {
  /// The first byte of the text.
  let text: BytePointer
  /// The line feed.
  let end: BytePointer
  let isPartial: Bool
  let isErrorStream: Bool

  init?(_ start: BytePointer, _ lineEnd: BytePointer) {
    // A time: cheap to tell from all other lines.
    guard lineEnd - start > 20, start.byte.digit <= 9, start[4] == UInt8(ascii: "-"),
      let blank = start.find(UInt8(ascii: " "), before: lineEnd), lineEnd - blank >= 10
    else { return nil }
    isErrorStream = blank.matches(" stderr ")
    guard isErrorStream || blank.matches(" stdout ") else { return nil }
    let tag = blank[8]
    guard tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P"), blank[9] == UInt8(ascii: " ") else { return nil }
    isPartial = tag == UInt8(ascii: "P")
    text = blank + 10
    end = lineEnd
  }
}

extension AuditDecoder {
  /// Reads a line or the lines that it begins; answers where to go on, or nil when the rest of a text must come first.
  mutating func readRuntimeLine<Sink: EventSink & ~Copyable>(
    _ line: ContainerRuntimeLine, _ start: BytePointer, _ end: BytePointer, _ framing: Framing, _ context: Context,
    into sink: inout Sink
  ) -> BytePointer? {
    guard line.isPartial else {
      readText(of: line, start, context, into: &sink)
      return line.end + 1
    }
    guard let last = lastPart(of: line, end) else {
      if framing == .stream, end - start <= limits.eventBytes { return nil }
      if framing == .stream {
        reject(.tooLong, at: start, context, into: &sink)
        return end
      }
      return joinParts(line, start, end, context, into: &sink)
    }
    return joinParts(line, start, last, context, into: &sink)
  }

  private mutating func readText<Sink: EventSink & ~Copyable>(
    of line: ContainerRuntimeLine, _ start: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.level += 1
    inner.outermost = context.outermost ?? start
    inner.time = any.readTime(start.text(to: line.text + -10, isEscaped: false))
    _ = read(from: line.text, to: line.end, .lastOfStream, inner, into: &sink)
  }

  /// The end of the line that completes the text: the next full one of the same stream.
  private func lastPart(of first: ContainerRuntimeLine, _ end: BytePointer) -> BytePointer? {
    var place = first.end + 1
    while place < end, let lineEnd = place.find(UInt8(ascii: "\n"), before: end) {
      guard let line = ContainerRuntimeLine(place, lineEnd) else { return place + -1 }
      if line.isErrorStream == first.isErrorStream, !line.isPartial { return lineEnd }
      place = lineEnd + 1
    }
    return nil
  }

  /// Joins the parts of one stream up to the line that ends at `last`, reading the other stream's lines on the way.
  private mutating func joinParts<Sink: EventSink & ~Copyable>(
    _ first: ContainerRuntimeLine, _ start: BytePointer, _ last: BytePointer, _ context: Context, into sink: inout Sink
  ) -> BytePointer {
    let joined = scratch[2 * context.level]
    joined.clear()
    var place = start
    while place < last {
      let lineEnd = endOfLine(place, last)
      if let line = ContainerRuntimeLine(place, lineEnd) {
        if line.isErrorStream == first.isErrorStream {
          // What is beyond the limit is left out: the joined text then is too long.
          if joined.count <= limits.eventBytes { joined.append(from: line.text, to: line.end) }
        } else {
          readText(of: line, place, context, into: &sink)
        }
      }
      place = lineEnd + 1
    }
    var inner = context
    inner.outermost = context.outermost ?? start
    inner.time = any.readTime(start.text(to: first.text + -10, isEscaped: false))
    readScratch(joined, inner, into: &sink)
    return last + 1
  }
}
