// Cuts a stream into records: lines, documents, elements of arrays.
extension AuditDecoder {
  /// Reads everything between `begin` and `end`; answers the place up to which it was read.
  mutating func read<Sink: EventSink & ~Copyable>(
    from begin: BytePointer, to end: BytePointer, _ framing: Framing, _ context: Context, into sink: inout Sink
  ) -> BytePointer {
    var place = begin
    while place < end {
      place.prefetchAhead()
      if limits.speculatesOrder, place.byte == UInt8(ascii: "{"), let after = order.scan(place, end: end),
        after < end ? after.byte == UInt8(ascii: "\n") : framing == .lastOfStream, after - place <= limits.eventBytes
      {
        receiveOrdered(context, into: &sink)
        place = after + 1
        continue
      }
      guard let start = passBetween(place, end, context, into: &sink) else { break }
      let next =
        start.byte == UInt8(ascii: "{")
        ? readObject(start, end, framing, context, into: &sink)
        : readText(start, end, framing, context, into: &sink)
      guard let next else { return start }
      place = next
    }
    return end
  }

  /// Passes over what may stand between records; answers where the next one begins, or nil at the end.
  ///
  /// The brackets and commas of an array at the top are among it: so its elements are records like any other, and an
  /// array of any length needs no more room than one element.
  private func passBetween<Sink: EventSink & ~Copyable>(
    _ begin: BytePointer, _ end: BytePointer, _ context: Context, into sink: inout Sink
  ) -> BytePointer? {
    var place = begin
    var opened = 0
    while place < end {
      switch place.byte {
      case 0, UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"), UInt8(ascii: ","),
        UInt8(ascii: "]"):
        place += 1
      case UInt8(ascii: "["):
        opened += 1
        place += 1
        guard opened > limits.depth else { continue }
        reject(.tooDeep, at: begin, context, into: &sink)
        place = endOfLine(place, end) + 1
        opened = 0
      case 0xef where place[1] == 0xbb && place[2] == 0xbf:
        place += 3
      default:
        return place
      }
    }
    return nil
  }

  /// The line feed after `place`, or `end` when there is none.
  func endOfLine(_ place: BytePointer, _ end: BytePointer) -> BytePointer {
    place.find(UInt8(ascii: "\n"), before: end) ?? end
  }

  /// Where the next record may begin after one that ends at `place`: behind the line, or at a bracket on the same line.
  /// Nil when something else follows: then the line is no JSON.
  func follower(_ place: BytePointer, lineEnd: BytePointer) -> BytePointer? {
    var place = place
    while place < lineEnd {
      switch place.byte {
      case 0, UInt8(ascii: " "), UInt8(ascii: "\r"), UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: "]"),
        UInt8(ascii: "["):
        place += 1
      case UInt8(ascii: "{"): return place
      case 0xef where place[1] == 0xbb && place[2] == 0xbf: place += 3
      default: return nil
      }
    }
    return lineEnd + 1
  }

  /// Reads the object that opens at `start`; answers where to go on, or nil when more bytes must come first.
  private mutating func readObject<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ end: BytePointer, _ framing: Framing, _ context: Context, into sink: inout Sink
  ) -> BytePointer? {
    var fault = ScanFault.none
    let whole = scanAnyOrder(start, end, isOnOneLine: true, context, &fault)
    // Mostly the line feed follows at once and need not be searched.
    let isNext = whole.map { $0 < end && $0.byte == UInt8(ascii: "\n") } ?? false
    let lineEnd = isNext ? whole ?? end : endOfLine(start, end)
    if lineEnd == end, framing == .stream {
      return readUnterminated(start, end, context, into: &sink)
    }
    if let after = whole {
      return finishObject(start, after, lineEnd, context, into: &sink)
    }
    if fault == .incomplete, lineEnd < end {
      return readDocument(start, end, lineEnd, framing, context, into: &sink)
    }
    salvage(start, lineEnd, fault, context, into: &sink)
    return lineEnd + 1
  }

  /// Reads an object on a line that has no end yet: only when the next one has begun is it known to be whole.
  private mutating func readUnterminated<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ end: BytePointer, _ context: Context, into sink: inout Sink
  ) -> BytePointer? {
    var fault = ScanFault.none
    if let after = scanAnyOrder(start, end, context, &fault), after - start <= limits.eventBytes,
      let next = follower(after, lineEnd: end), next < end
    {
      deliver(start, context, into: &sink)
      return next
    }
    guard end - start > limits.eventBytes else { return nil }
    reject(.tooLong, at: start, context, into: &sink)
    return end
  }

  /// Reads an object that the any-order scanner has just read whole.
  private mutating func finishObject<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ after: BytePointer, _ lineEnd: BytePointer, _ context: Context, into sink: inout Sink
  ) -> BytePointer {
    guard after - start <= limits.eventBytes else {
      reject(.tooLong, at: start, context, into: &sink)
      return lineEnd + 1
    }
    guard let next = follower(after, lineEnd: lineEnd) else {
      reject(.malformed, at: start, context, into: &sink)
      return lineEnd + 1
    }
    deliver(start, context, into: &sink)
    return next
  }

  /// Reads an object that goes on behind its first line, if it does: it may as well be a line that was cut short.
  private mutating func readDocument<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ end: BytePointer, _ firstLineEnd: BytePointer, _ framing: Framing, _ context: Context,
    into sink: inout Sink
  ) -> BytePointer? {
    var fault = ScanFault.none
    let extent = DocumentExtent.find(from: start, to: end, firstLineEnd: firstLineEnd, limit: limits.eventBytes)
    switch extent {
    case .whole(let documentEnd):
      guard let after = scanAnyOrder(start, documentEnd, context, &fault) else {
        reject(fault == .tooDeep ? .tooDeep : .malformed, at: start, context, into: &sink)
        return documentEnd
      }
      return finishObject(start, after, endOfLine(after, end), context, into: &sink)
    case .cut(let cut):
      // Where no record begins yet, what comes next may still belong to the broken document.
      if cut == end, framing == .stream, end - start <= limits.eventBytes { return nil }
      _ = scanAnyOrder(start, cut, context, &fault)
      salvage(start, cut, fault, context, into: &sink)
      return cut
    case .tooLong:
      reject(.tooLong, at: start, context, into: &sink)
      return DocumentExtent.nextRecord(after: start, end)
    case .open where framing == .stream:
      return nil
    case .open:
      if scanAnyOrder(start, end, context, &fault) == nil, fault == .incomplete {
        salvage(start, end, fault, context, into: &sink)
        return end
      }
    case .line: break
    }
    _ = scanAnyOrder(start, firstLineEnd, context, &fault)
    salvage(start, firstLineEnd, fault, context, into: &sink)
    return firstLineEnd + 1
  }

  mutating func scanAnyOrder(
    _ start: BytePointer, _ limit: BytePointer, isOnOneLine: Bool = false, _ context: Context, _ fault: inout ScanFault
  ) -> BytePointer? {
    any.scan(
      start, limit: limit, isOnOneLine: isOnOneLine, depthLimit: limits.depth, level: context.level, fault: &fault)
  }

  /// Reports an object that the any-order scanner could not read to its end.
  ///
  /// One that was cut short is an event all the same when the fields before the cut suffice; and the whole elements of
  /// a list that was cut short are read.
  mutating func salvage<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ end: BytePointer, _ fault: ScanFault, _ context: Context, into sink: inout Sink
  ) {
    switch fault {
    case .tooDeep: reject(.tooDeep, at: start, context, into: &sink)
    case .none, .malformed: reject(.malformed, at: start, context, into: &sink)
    case .incomplete:
      if end - start > limits.eventBytes {
        reject(.tooLong, at: start, context, into: &sink)
      } else if any.facts.suffices(for: any.event) {
        any.event.isSalvaged = true
        any.event.json = start.text(to: end, isEscaped: false)
        receive(context, into: &sink)
      } else if !deliverCutList(start, context, into: &sink) {
        reject(.truncated, at: start, context, into: &sink)
      }
    }
  }
}
