// Records of AWS CloudTrail: alone, in the list `Records` of its files, and in what carries one.
extension AuditDecoder {
  /// Whether the object that the any-order scanner has just read is a record of CloudTrail. Records of other services share
  /// some of these keys (Lambda's of Kinesis have no `eventTime`, S3's notifications no `eventID`), and none has all.
  static func isCloudTrail(_ facts: ObjectFacts) -> Bool {
    facts.has(.eventID) && facts.has(.eventTime) && (facts.has(.eventSource) || facts.has(.insightDetails))
  }

  /// Reports the record of CloudTrail that the any-order scanner has just read.
  mutating func deliverCloudTrail<Sink: EventSink & ~Copyable>(
    _ start: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    var record = CloudTrailRecord()
    let whole = any.event.json
    var members = JSONValue(start: whole.start, limit: whole.start + whole.count, keys: any.keys).members()
    while let member = members.next() {
      let key = member.key
      let name = key.start
      let word = key.isEscaped ? any.keys.undo(name, name + key.count) : Key(start: name, count: key.count)
      if word.equals("eventTime") {
        record.time = member.value.kind == .string ? any.readTime(member.value.text) : AuditEvent.absentTime
      } else {
        record.take(word, member.value)
      }
    }
    guard record.isWhole else { return reject(.notAnEvent, at: start, context, into: &sink) }
    receivedCount &+= 1
    sink.receive(record)
  }
}
