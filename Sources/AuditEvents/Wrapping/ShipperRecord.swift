// Records of log shippers (Fluentd, Fluent Bit, Vector, Filebeat, Splunk): an event as a string or an object under one
// of a few keys, beside metadata.
extension AuditDecoder {
  /// Reads what the first carrier that holds something carries.
  mutating func readCarriers<Sink: EventSink & ~Copyable>(
    _ facts: ObjectFacts, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.time = recordTime(facts, context)
    var holdsText = false
    for key in WrappingKey.carriers {
      guard let value = extent(key, facts, context) else { continue }
      if key == .message, value.isObject, let data = find("data", in: value), data.isString {
        return readEncoded(data.text, inner, into: &sink)
      }
      if value.isObject {
        // It may be something else than the event: only if one comes out, it was the carrier.
        var trial = inner
        trial.isTrial = true
        let before = receivedCount
        readCarried(value, trial, into: &sink)
        if receivedCount != before { return }
      } else if value.isString {
        if value.text.beginsLikeJSON { return readCarriedText(value.text, inner, into: &sink) }
        holdsText = true
      }
    }
    ignore(holdsText && facts.kind == .absent ? .otherText : .otherCategory, context, into: &sink)
  }

  /// The record's own time, or the one of the wrapping around it.
  func recordTime(_ facts: ObjectFacts, _ context: Context) -> Int64 {
    for key in [WrappingKey.time, .atTime, .timestamp, .date] {
      guard let value = extent(key, facts, context) else { continue }
      if value.isString {
        var reader = EventTime()
        let text = value.text
        let time = text.isEscaped ? AuditEvent.absentTime : reader.read(text.start, count: text.count)
        if time != AuditEvent.absentTime { return time }
      } else if key == .date, let seconds = value.decimalMicroseconds {
        return seconds
      }
    }
    return context.time
  }
}

extension Text {
  /// Whether the first character that is no white space, escaped or not, opens an object or a list.
  var beginsLikeJSON: Bool {
    var place = start
    let end = place + count
    while place < end {
      if place.byte == UInt8(ascii: "{") || place.byte == UInt8(ascii: "[") { return true }
      if place.byte.isWhiteSpace {
        place += 1
      } else if place.byte == UInt8(ascii: "\\"),
        place[1] == UInt8(ascii: "n") || place[1] == UInt8(ascii: "r") || place[1] == UInt8(ascii: "t")
      {
        place += 2
      } else {
        return false
      }
    }
    return false
  }
}

extension Extent {
  /// Seconds since the epoch with an optional fraction, as Fluent Bit writes `date`, in microseconds.
  var decimalMicroseconds: Int64? {
    let dot = start.find(UInt8(ascii: "."), before: end) ?? end
    guard let seconds = Extent(start: start, end: dot).number, seconds < 1 << 38 else { return nil }
    var fraction: Int64 = 0
    var unit: Int64 = 100_000
    var place = dot + 1
    while place < end, place.byte.digit <= 9 {
      fraction += Int64(place.byte.digit) * unit
      unit /= 10
      place += 1
    }
    return place >= end ? seconds * 1_000_000 + fraction : nil
  }
}
