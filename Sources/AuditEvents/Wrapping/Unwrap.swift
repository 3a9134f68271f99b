// Decides what an object is, and peels one wrapping.
extension AuditDecoder {
  /// Reports the object that the any-order scanner has just read, or what is inside it.
  mutating func deliver<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    guard any.facts.isEvent else { return unwrap(start, context, into: &sink) }
    if any.facts.present != 0 { takeForwardedFields(level: context.level) }
    receive(context, into: &sink)
  }

  /// Reports what is inside the object that the any-order scanner has just read.
  @inline(never)
  private mutating func unwrap<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    let facts = any.facts
    guard context.level < Self.wrappingLimit else {
      if facts.present != 0 { return reject(.tooDeep, at: start, context, into: &sink) }
      return ignore(.otherCategory, context, into: &sink)
    }
    if facts.kind == .eventList, facts.isAuditGroup {
      guard let items = extent(.items, facts, context), items.isArray else { return }
      return readElements(items, as: .item, context, into: &sink)
    }
    if facts.has(.records), let records = extent(.records, facts, context), records.isArray {
      return readElements(records, as: .record, context, into: &sink)
    }
    if facts.has(.category), facts.has(.properties) { return readAzureRecord(context, into: &sink) }
    if facts.has(.protoPayload) || facts.has(.auditPayload) || facts.has(.entries),
      readGoogle(facts, context, into: &sink)
    {
      return
    }
    if facts.has(.awslogs) || facts.has(.logEvents) || facts.has(.events) || facts.has(.capitalRecords),
      readAmazon(facts, context, into: &sink)
    {
      return
    }
    if facts.has(.resourceLogs), let logs = extent(.resourceLogs, facts, context), logs.isArray {
      return readOpenTelemetry(logs, context, into: &sink)
    }
    if Self.isCloudTrail(facts) { return deliverCloudTrail(start, context, into: &sink) }
    readCarriers(facts, context, into: &sink)
  }

  /// Reports the whole elements of a list that was cut short; false when the object is no such list.
  mutating func deliverCutList<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ context: Context, into sink: inout Sink
  ) -> Bool {
    let facts = any.facts
    guard context.level < Self.wrappingLimit, let key = facts.lastKey, let list = extent(key, facts, context),
      list.isArray
    else { return false }
    switch key {
    case .items where facts.kind == .eventList && facts.isAuditGroup:
      readElements(list, as: .item, context, into: &sink)
    case .records: readElements(list, as: .record, context, into: &sink)
    case .entries: readElements(list, as: .object, context, into: &sink)
    case .logEvents, .events:
      readElements(list, as: .logEvent, amazonContext(facts, context), into: &sink)
    default: return false
    }
    return true
  }

  /// What forwarders add to an event or call otherwise, and v1beta1's time.
  @inline(never)
  private mutating func takeForwardedFields(level: Int) {
    let facts = any.facts
    // ViaQ makes `level` the severity of the log line.
    for key in [WrappingKey.openshiftLevel, .forwardedLevel] where facts.has(key) {
      let text = any.extents[level, key].text
      if !text.isEmpty { any.event.level = Level(text.start, count: text.count) }
    }
    if any.event.time == AuditEvent.absentTime, facts.has(.timestamp) {
      any.event.time = any.readTime(any.extents[level, .timestamp].text)
    }
  }

  /// Where the value of `key` stands in the object just read.
  func extent(_ key: WrappingKey, _ facts: ObjectFacts, _ context: Context) -> Extent? {
    facts.has(key) ? any.extents[context.level, key] : nil
  }

  // MARK: - Elements

  /// What the elements of a list are.
  enum ElementKind {
    /// Events without kind.
    case item
    /// Anything that may stand by itself.
    case object
    /// The same, or `{"data": "…"}`.
    case record
    /// `{"timestamp": ms, "message": "…"}`.
    case logEvent
    /// `{"kinesis": {"data": "…"}}`, `{"Data": "…"}`, or a record of CloudTrail.
    case kinesisRecord
  }

  /// Reads the elements of `list`, each one wrapping deeper than `context`.
  mutating func readElements<Sink: EventSink & ~Copyable>(
    _ list: Extent, as kind: ElementKind, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.level += 1
    inner.outermost = context.outermost ?? list.start
    var scanner = ValueScanner(limit: list.end, depthLimit: limits.depth, keys: any.keys)
    var place = list.start + 1
    var isFirst = true
    while scanner.nextElement(&place, isFirst: &isFirst) {
      if kind == .item, limits.speculatesOrder, let after = order.scanItem(place, end: list.end), after < list.end,
        after.byte == UInt8(ascii: ",") || after.byte == UInt8(ascii: "]")
      {
        receiveOrdered(inner, into: &sink)
        place = after
        continue
      }
      guard let next = readElement(place, as: kind, &scanner, inner, into: &sink) else { return }
      place = next
    }
    if scanner.fault == .malformed { reject(.malformed, at: place, inner, into: &sink) }
  }

  /// Reads one element; answers the place behind it, or nil when its end cannot be found.
  private mutating func readElement<Sink: EventSink & ~Copyable>(
    _ place: BytePointer, as kind: ElementKind, _ scanner: inout ValueScanner, _ context: Context, into sink: inout Sink
  ) -> BytePointer? {
    guard place.byte == UInt8(ascii: "{") else {
      guard let next = scanner.unchecked(place) else {
        reject(.malformed, at: place, context, into: &sink)
        return nil
      }
      if kind == .item {
        reject(.notAnEvent, at: place, context, into: &sink)
      } else {
        ignore(.otherCategory, context, into: &sink)
      }
      return next
    }
    var fault = ScanFault.none
    guard let after = scanAnyOrder(place, scanner.limit, context, &fault) else {
      salvage(place, scanner.limit, fault, context, into: &sink)
      // Its brackets may still tell where its neighbour begins.
      return fault == .incomplete ? nil : scanner.unchecked(place)
    }
    switch kind {
    case .item: deliverItem(place, context, into: &sink)
    case .object: deliver(place, context, into: &sink)
    case .record: deliverRecord(place, context, into: &sink)
    case .logEvent: deliverLogEvent(place, context, into: &sink)
    case .kinesisRecord: deliverKinesisRecord(place, context, into: &sink)
    }
    return after
  }

  /// Reports an item of an EventList: an event by its place, unless it says that it is something else.
  private mutating func deliverItem<Sink: EventSink & ~Copyable>(
    _ place: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    let facts = any.facts
    guard facts.kind == .absent || facts.kind == .event,
      facts.hasAuditID || facts.hasStage || facts.hasVerb || facts.hasRequestURI
    else { return reject(.notAnEvent, at: place, context, into: &sink) }
    takeForwardedFields(level: context.level)
    receive(context, into: &sink)
  }

  // MARK: - What a string holds

  /// Reads what a wrapping carries: an object, a list, or a string that holds either.
  mutating func readCarried<Sink: EventSink & ~Copyable>(
    _ value: Extent, _ context: Context, into sink: inout Sink
  ) {
    if value.isString {
      readCarriedText(value.text, context, into: &sink)
    } else if value.isArray {
      readElements(value, as: .object, context, into: &sink)
    } else if value.isObject {
      var inner = context
      inner.level += 1
      inner.outermost = context.outermost ?? value.start
      var fault = ScanFault.none
      if scanAnyOrder(value.start, value.end, inner, &fault) != nil {
        deliver(value.start, inner, into: &sink)
      } else {
        reject(fault == .tooDeep ? .tooDeep : .malformed, at: value.start, inner, into: &sink)
      }
    } else {
      ignore(.otherCategory, context, into: &sink)
    }
  }

  /// Reads the JSON that a string holds, or ignores it as text of another log.
  mutating func readCarriedText<Sink: EventSink & ~Copyable>(
    _ text: Text, _ context: Context, into sink: inout Sink
  ) {
    guard text.count <= limits.unwrappedBytes else {
      return reject(.tooLong, at: text.start, context, into: &sink)
    }
    let buffer = scratch[2 * context.level]
    buffer.clear()
    buffer.append(unescaped: text)
    var inner = context
    inner.outermost = context.outermost ?? text.start
    readScratch(buffer, inner, into: &sink)
  }

  /// Reads what `buffer`, a scratch buffer of this level, holds as one deeper.
  mutating func readScratch<Sink: EventSink & ~Copyable>(
    _ buffer: ByteBuffer, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.level += 1
    buffer.dropSuffix("[Truncated...]")
    let count = buffer.count
    buffer.append(CollectionOfOne(UInt8(ascii: "\n")))
    buffer.seal()
    // SAFETY: the buffer belongs to this level; what is read inside uses those of deeper levels only.
    unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var place = unsafe BytePointer(base)
      let end = place + count
      while place < end, place.byte.isWhiteSpace { place += 1 }
      guard place.byte == UInt8(ascii: "{") || place.byte == UInt8(ascii: "[") else {
        return ignore(.otherText, inner, into: &sink)
      }
      guard inner.level <= Self.wrappingLimit else { return reject(.tooDeep, at: place, inner, into: &sink) }
      _ = read(from: place, to: end, .lastOfStream, inner, into: &sink)
    }
  }

  /// The last value of `name` in the object at `value`, which has been read before.
  func find(_ name: StaticString, in value: Extent) -> Extent? {
    guard value.isObject else { return nil }
    var scanner = ValueScanner(limit: value.end, depthLimit: limits.depth, keys: any.keys)
    var place = value.start + 1
    var isFirst = true
    var found: Extent?
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      let isWanted = key.equals(name)
      guard let next = scanner.unchecked(place) else { return nil }
      if isWanted { found = Extent(start: place, end: next) }
      place = next
    }
    return scanner.fault == .none ? found : nil
  }
}

extension Extent {
  /// What stands between the quotes of this string; empty when it is none.
  var text: Text {
    guard isString, end - start >= 2 else { return .empty }
    let first = start + 1
    let last = end + -1
    return first.text(to: last, isEscaped: first.find(UInt8(ascii: "\\"), before: last) != nil)
  }

  /// The whole number that stands here; nil when it is something else.
  var number: Int64? {
    var value: Int64 = 0
    var place = start
    guard end - start <= 18 else { return nil }
    while place < end {
      guard place.byte.digit <= 9 else { return nil }
      value = value * 10 + Int64(place.byte.digit)
      place += 1
    }
    return end - start > 0 ? value : nil
  }
}

extension ByteBuffer {
  /// Removes `suffix` and white space around it from the end of the content.
  func dropSuffix(_ suffix: StaticString) {
    // SAFETY: only bytes of the content are read.
    let kept = unsafe withBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      let start = unsafe BytePointer(base)
      var count = bytes.count
      while count > 0, start[count - 1].isWhiteSpace { count -= 1 }
      let length = suffix.utf8CodeUnitCount
      return count >= length && (start + (count - length)).matches(suffix) ? count - length : count
    }
    truncate(to: kept)
  }
}
