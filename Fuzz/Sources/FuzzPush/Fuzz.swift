import AuditEvents
import Compression
import Diagnostics
import FuzzSupport
import Metrics

@testable import Exporter

/// How many events a body has, and whether any of them can be read.
private struct Reading: EventSink {
  var events = 0
  var rejected = 0
  mutating func receive(_ event: borrowing AuditEvent) { events += 1 }
  mutating func ignore(_ reason: IgnoreReason) { events += 1 }
  mutating func reject(_ reason: RejectReason, at offset: Int) {
    events += 1
    rejected += 1
  }
}

/// What must become of a body.
private struct Expected: Equatable {
  var status: Int
  /// Nil when nothing reaches the engine.
  var events: Int?

  init(_ push: Push, encoding: String) {
    let isGzip = ["gzip", "x-gzip"].contains(encoding.lowercased())
    let plain =
      isGzip
      ? Result { () throws(Gzip.Failure) in try Gzip.decompress(push.body, limit: Stage.decodedLimit) }
      : .success(push.body)
    events = nil
    if !isGzip, !["", "identity"].contains(encoding.lowercased()) {
      status = 415
    } else if push.body.count > Stage.bodyLimit {
      status = 413
    } else {
      switch plain {
      case .failure(.tooLong): status = 413
      case .failure: status = 400
      case .success(let text):
        var reading = Reading()
        var decoder = AuditDecoder(limits: AuditDecoder.Limits())
        _ = decoder.decode(ByteBuffer(text), .body, into: &reading)
        events = reading.events
        status = text.isEmpty || reading.rejected > 0 && reading.rejected == reading.events ? 400 : 200
      }
    }
  }
}

private let timers = Result { () throws(Failure) in try Timers() }

private let encodings = ["", "gzip", "", "gzip", "identity", "x-GZip", "br", "gzip, gzip"]

/// Byte by byte: encoding, cuts, how the length is told, bytes of the queue that others hold, path; then the body.
private func pushOf(_ input: inout InputReader) -> (push: Push, encoding: String, held: Int) {
  let kind = input.choice(16)
  let encoding = encodings[kind % 8]
  let cuts = input.byte()
  let framing = input.choice(4)
  let held = input.choice(4) == 3 ? 20 << 10 : 0
  let path: String
  switch input.choice(6) {
  case 0, 1: path = "/webhook"
  case 2: path = "/webhook/prod"
  case 3: path = "/webhook/arn:aws:eks:eu:1:cluster%2Fa%20b"
  case 4: path = "/webhook/" + String(decoding: input.take(input.choice(16)), as: UTF8.self)
  default: path = "/" + String(decoding: input.take(input.choice(32)), as: UTF8.self)
  }
  var body = input.takeRest()
  // What compressed bodies hold is reached sooner when it stands here as it is.
  if kind >= 8, encoding.lowercased().hasSuffix("gzip") { body = Gzip.compress(body) }
  var headers: [HTTPRequest.Header] = []
  if !encoding.isEmpty { headers.append(.init(name: "content-encoding", value: encoding)) }
  switch framing {
  case 0: headers.append(.init(name: "transfer-encoding", value: "chunked"))
  default: headers.append(.init(name: "content-length", value: "\(body.count)"))
  }
  if framing == 3 { headers.append(.init(name: "expect", value: "100-continue")) }
  return (Push(path: path, headers: headers, body: body, cuts: cuts), encoding, held)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  var input = InputReader(unsafe bytesOfInput(data, size))
  let (push, encoding, held) = pushOf(&input)
  guard case .success(let timers) = timers,
    case .success(let stage) = Result(catching: { () throws(Failure) in try Stage(timers: timers) })
  else { fatalError("the stage does not stand") }
  demand(stage.queue.reserve(held), "an empty queue has no room")

  let status = stage.push(push)
  let expected = Expected(push, encoding: encoding)
  let isUnknownPlace = status == 404 && push.path != "/webhook" && push.path != "/webhook/prod"
  let isShort = status == 503 && held > 0
  demand(
    status == expected.status || isUnknownPlace || isShort, "answered \(status) instead of \(expected.status)")
  demand(stage.queue.reservedBytes == held, "\(stage.queue.reservedBytes) bytes are reserved for ever")
  let events = isUnknownPlace || isShort ? 0 : Double(expected.events ?? 0)
  let books = Books(stage.readings())
  demand(books.received == events, "\(books.received) events were received of \(events)")
  demand(books.received == books.explained, "the books do not balance")

  // The API server tries again: cut elsewhere, and compressed or not as it likes.
  guard status == 200 || status == 400 && expected.events != nil else { return 0 }
  var again = push
  again.cuts = push.cuts &+ 1
  if encoding.isEmpty, Gzip.compress(push.body).count <= Stage.bodyLimit {
    again.body = Gzip.compress(push.body)
    again.headers = [.init(name: "content-encoding", value: "gzip")]
  }
  let second = stage.push(again)
  demand(second == status || held > 0 && second == 503, "the second time it is answered \(second), not \(status)")
  if second == 503 { return 0 }
  let later = Books(stage.readings())
  demand(later.received == 2 * events, "\(later.received) events were received in two times \(events)")
  demand(later.duplicate == books.duplicate + events, "a redelivery was counted")
  demand(later.received == later.explained, "the books do not balance after a redelivery")
  return 0
}
