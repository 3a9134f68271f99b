import AuditEvents
import Glibc

/// Reads `path` to its end through a decoder; answers the exit code.
func run(path: String, limits: AuditDecoder.Limits, dumps: Bool) -> Int32 {
  let file = unsafe open(path, O_RDONLY)
  guard file >= 0 else {
    print("cannot open \(path)")
    return 1
  }
  defer { close(file) }
  var decoder = AuditDecoder(limits: limits)
  var sink = Totals(dumps: dumps)
  var buffer = ByteBuffer(capacity: 256 << 10)
  var next = ByteBuffer(capacity: 256 << 10)
  while true {
    if buffer.count == buffer.capacity { buffer.reserve(buffer.capacity) }
    // SAFETY: `read` writes at most as many bytes as the room has.
    let length = unsafe buffer.fill { room in unsafe Glibc.read(file, room.baseAddress, room.count) }
    guard length > 0 else { break }
    // Whole lines go to the decoder, what it leaves and the unfinished line to the next buffer.
    let lines = buffer.countOfWholeLines
    next.clear()
    next.append(buffer, from: lines)
    buffer.truncate(to: lines)
    buffer.seal()
    let consumed = decoder.decode(buffer, .stream, into: &sink)
    if consumed < lines {
      buffer.append(next, from: 0)
      next.clear()
      next.append(buffer, from: consumed)
    }
    swap(&buffer, &next)
  }
  buffer.seal()
  _ = decoder.decode(buffer, .lastOfStream, into: &sink)
  sink.report()
  return 0
}

extension ByteBuffer {
  /// How many bytes there are up to the last line feed.
  fileprivate var countOfWholeLines: Int { lastIndex(of: 0x0a).map { $0 + 1 } ?? 0 }

  fileprivate func append(_ other: ByteBuffer, from offset: Int) {
    // SAFETY: `other` is another buffer, lent while its bytes are copied.
    unsafe other.withBytes { bytes in
      unsafe append(raw: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[offset...]))
    }
  }
}

/// Counts what the decoder reports.
struct Totals: EventSink {
  let dumps: Bool
  var events = 0
  var ignored = 0
  var rejected = 0
  var salvaged = 0
  var denied = 0

  mutating func receive(_ event: borrowing AuditEvent) {
    events += 1
    if event.isSalvaged { salvaged += 1 }
    let code = event.code
    if code == 401 || code == 403 { denied += 1 }
    if dumps { dump(event) }
  }

  mutating func ignore(_ reason: IgnoreReason) {
    ignored += 1
    if dumps { print("ignored\t\(reason.label)") }
  }

  mutating func reject(_ reason: RejectReason, at offset: Int) {
    rejected += 1
    if dumps { print("rejected\t\(reason.label)\t\(offset)") }
  }

  /// One line, fields between tabs, strings as they stand in the JSON.
  private func dump(_ event: borrowing AuditEvent) {
    let words = [
      event.isSalvaged ? "salvaged" : "event", event.stage.label, event.level.label, event.verb.label.description,
      "\(event.code)", "\(event.decision)", "\(event.isImpersonationRefused)", "\(event.isDryRun)",
      "\(event.origin)", event.time == AuditEvent.absentTime ? "-" : "\(event.time)",
    ]
    let texts = [
      event.user, event.impersonatedUser, event.sourceIPs, event.userAgent, event.requestURI, event.auditID,
      event.apiGroup, event.resource, event.subresource, event.namespace, event.name, event.cluster,
    ]
    print((words + texts.map(visible)).joined(separator: "\t"))
  }

  /// The text with its control characters written as JSON does, so that a line stays a line.
  private func visible(_ text: Text) -> String {
    var out = ""
    for scalar in text.description.unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x85 || scalar.value == 0x2028 || scalar.value == 0x2029 {
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  func report() {
    print("events \(events) salvaged \(salvaged) denied \(denied) ignored \(ignored) rejected \(rejected)")
  }
}
