// What Amazon's services wrap around log lines: CloudWatch subscriptions, FilterLogEvents answers, Lambda's `awslogs`,
// Kinesis records, Firehose's requests.
extension AuditDecoder {
  /// Reads the object that the any-order scanner has just read if it is one of these; false when it is not.
  ///
  /// - Source: docs.aws.amazon.com, "Log group-level subscription filters", "Using AWS Lambda with Amazon Kinesis",
  ///   "GetRecords".
  mutating func readAmazon<Sink: EventSink & ~Copyable>(
    _ facts: ObjectFacts, _ context: Context, into sink: inout Sink
  ) -> Bool {
    if let logs = extent(.awslogs, facts, context), let data = find("data", in: logs), data.isString {
      readEncoded(data.text, context, into: &sink)
      return true
    }
    for key in [WrappingKey.logEvents, .events] {
      guard let list = extent(key, facts, context), list.isArray else { continue }
      if let type = extent(.messageType, facts, context), type.text.equals("CONTROL_MESSAGE") {
        ignore(.controlMessage, context, into: &sink)
      } else {
        readElements(list, as: .logEvent, amazonContext(facts, context), into: &sink)
      }
      return true
    }
    if let records = extent(.capitalRecords, facts, context), records.isArray {
      readElements(records, as: .kinesisRecord, context, into: &sink)
      return true
    }
    return false
  }

  /// The context of a subscription's events: their cluster is in the log group's name, `/aws/eks/<name>/cluster`.
  func amazonContext(_ facts: ObjectFacts, _ context: Context) -> Context {
    var inner = context
    if let group = extent(.logGroup, facts, context)?.text, let name = group.eksCluster {
      inner.cluster = prefixed(name, level: context.level)
    }
    return inner
  }

  /// The name behind the prefix that whoever handed the bytes in gives to the names of clusters.
  private func prefixed(_ name: Text, level: Int) -> Text {
    guard !clusterPrefix.isEmpty else { return name }
    let buffer = clusterNames[level]
    buffer.clear()
    buffer.append(clusterPrefix)
    buffer.append(unescaped: name)
    buffer.seal()
    // SAFETY: the buffer belongs to this level, and is written anew only when the next envelope of this level is read: the
    // events of this one have been reported then.
    return unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress else { return .empty }
      let start = unsafe BytePointer(base)
      return start.text(to: start + bytes.count, isEscaped: false)
    }
  }

  /// Reads the log event that the any-order scanner has just read.
  mutating func deliverLogEvent<Sink: EventSink & ~Copyable>(
    _ place: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    let facts = any.facts
    guard let message = extent(.message, facts, context) else { return deliver(place, context, into: &sink) }
    var inner = context
    if let milliseconds = extent(.timestamp, facts, context)?.number, milliseconds < 1 << 48 {
      inner.time = milliseconds * 1000
    }
    readCarried(message, inner, into: &sink)
  }

  /// Reads the record of Kinesis, of a Lambda's event or of GetRecords' answer, or that of CloudTrail, that the any-order scanner
  /// has just read.
  mutating func deliverKinesisRecord<Sink: EventSink & ~Copyable>(
    _ place: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    let facts = any.facts
    let lambda = extent(.kinesis, facts, context).flatMap { find("data", in: $0) }
    guard let data = lambda ?? extent(.capitalData, facts, context), data.isString else {
      if Self.isCloudTrail(facts) { return deliverCloudTrail(place, context, into: &sink) }
      return ignore(.otherCategory, context, into: &sink)
    }
    readEncoded(data.text, context, into: &sink)
  }

  /// Reads the element of `records` that the any-order scanner has just read. Firehose's have nothing but `data`: base64, and
  /// in an example of its documentation the content itself.
  ///
  /// - Source: docs.aws.amazon.com, "Understand HTTP endpoint delivery request and response specifications".
  mutating func deliverRecord<Sink: EventSink & ~Copyable>(
    _ place: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    let facts = any.facts
    guard !facts.isEvent, facts.hasOnly(.data), let data = extent(.data, facts, context) else {
      return deliver(place, context, into: &sink)
    }
    if data.isString, !data.text.beginsLikeJSON {
      readEncoded(data.text, context, into: &sink)
    } else {
      readCarried(data, context, into: &sink)
    }
  }
}

extension Text {
  /// The name in `/aws/eks/<name>/cluster`.
  fileprivate var eksCluster: Text? {
    let prefix: StaticString = "/aws/eks/"
    let suffix: StaticString = "/cluster"
    let length = count - prefix.utf8CodeUnitCount - suffix.utf8CodeUnitCount
    guard length > 0, start.matches(prefix) else { return nil }
    let name = start + prefix.utf8CodeUnitCount
    guard (name + length).matches(suffix) else { return nil }
    return name.text(to: name + length, isEscaped: isEscaped)
  }
}
