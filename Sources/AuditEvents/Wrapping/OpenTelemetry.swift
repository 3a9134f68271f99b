// OTLP/JSON logs: `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"{event}"}}]}]}]}`.
extension AuditDecoder {
  /// Reads the bodies of all log records.
  ///
  /// A body is read when it is a string; one that is a key-value list is ignored as another category.
  /// - Source: opentelemetry-proto, `logs/v1/logs.proto`, in the JSON mapping of the OTLP specification.
  mutating func readOpenTelemetry<Sink: EventSink & ~Copyable>(
    _ resources: Extent, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.level += 1
    inner.outermost = context.outermost ?? resources.start
    forEachRecord(resources, depth: 0, inner, into: &sink)
  }

  /// Walks down to the log records: lists under these keys, one inside the other.
  private mutating func forEachRecord<Sink: EventSink & ~Copyable>(
    _ list: Extent, depth: Int, _ context: Context, into sink: inout Sink
  ) {
    guard list.isArray else { return }
    var scanner = ValueScanner(limit: list.end, depthLimit: limits.depth, keys: any.keys)
    var place = list.start + 1
    var isFirst = true
    while scanner.nextElement(&place, isFirst: &isFirst) {
      guard let next = scanner.unchecked(place) else { return reject(.malformed, at: place, context, into: &sink) }
      let element = Extent(start: place, end: next)
      place = next
      switch depth {
      case 0:
        if let scopes = find("scopeLogs", in: element) ?? find("instrumentationLibraryLogs", in: element) {
          forEachRecord(scopes, depth: 1, context, into: &sink)
        }
      case 1:
        if let records = find("logRecords", in: element) { forEachRecord(records, depth: 2, context, into: &sink) }
      default:
        guard let body = find("body", in: element), let text = find("stringValue", in: body), text.isString else {
          ignore(.otherCategory, context, into: &sink)
          continue
        }
        readCarriedText(text.text, context, into: &sink)
      }
    }
  }
}
