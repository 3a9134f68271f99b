// Lines that do not begin with a bracket: container runtime lines, events behind a node name, other logs.
extension AuditDecoder {
  /// The longest name before an event on its line: a DNS name, which a node's is.
  static let prefixLimit = 253

  /// Reads the line that begins at `start`; answers where to go on, or nil when more bytes must come first.
  mutating func readText<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ end: BytePointer, _ framing: Framing, _ context: Context, into sink: inout Sink
  ) -> BytePointer? {
    guard let lineEnd = start.find(UInt8(ascii: "\n"), before: end) ?? (framing == .stream ? nil : end) else {
      guard end - start > limits.eventBytes else { return nil }
      reject(.tooLong, at: start, context, into: &sink)
      return end
    }
    if let line = ContainerRuntimeLine(start, lineEnd), context.level < Self.wrappingLimit {
      return readRuntimeLine(line, start, end, framing, context, into: &sink)
    }
    if Self.isServerLog(start) {
      ignore(.otherText, context, into: &sink)
    } else if let object = prefixedObject(start, lineEnd) {
      readPrefixed(object, start, lineEnd, context, into: &sink)
    } else {
      reportText(start, lineEnd, context, into: &sink)
    }
    return lineEnd + 1
  }

  /// A line that is no event: other text when no object is in it, else a broken event.
  private func reportText<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ lineEnd: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    var place = start
    while let brace = place.find(UInt8(ascii: "{"), before: lineEnd) {
      if brace[1] == UInt8(ascii: "\""), brace + 1 < lineEnd {
        return reject(.malformed, at: start, context, into: &sink)
      }
      place = brace + 1
    }
    ignore(.otherText, context, into: &sink)
  }

  /// The header of klog: `I0109 21:24:54.475483`.
  private static func isServerLog(_ start: BytePointer) -> Bool {
    switch start.byte {
    case UInt8(ascii: "I"), UInt8(ascii: "W"), UInt8(ascii: "E"), UInt8(ascii: "F"):
      for i in 1...4 where start[i].digit > 9 { return false }
      return start[5] == UInt8(ascii: " ")
    default: return false
    }
  }

  /// The first `{` of the line, when what stands before may be a name: short, without a quote, ending in a blank.
  private func prefixedObject(_ start: BytePointer, _ lineEnd: BytePointer) -> BytePointer? {
    var place = start
    while place < lineEnd, place - start <= Self.prefixLimit + 1 {
      switch place.byte {
      case UInt8(ascii: "{"): return place[-1] == UInt8(ascii: " ") ? place : nil
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): return nil
      default: place += 1
      }
    }
    return nil
  }

  private mutating func readPrefixed<Sink: EventSink & ~Copyable>(
    _ object: BytePointer, _ start: BytePointer, _ lineEnd: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    guard lineEnd - start <= limits.eventBytes else { return reject(.tooLong, at: start, context, into: &sink) }
    if limits.speculatesOrder, let after = order.scan(object, end: lineEnd + 1), after == lineEnd {
      return receiveOrdered(context, into: &sink)
    }
    var fault = ScanFault.none
    if let after = scanAnyOrder(object, lineEnd, context, &fault) {
      guard let next = follower(after, lineEnd: lineEnd), next == lineEnd + 1 else {
        return reportText(start, lineEnd, context, into: &sink)
      }
      deliver(object, context, into: &sink)
    } else if object[1] == UInt8(ascii: "\"") {
      salvage(object, lineEnd, fault, context, into: &sink)
    } else {
      reportText(start, lineEnd, context, into: &sink)
    }
  }
}
