import AuditEvents

/// Counts what the decoder reports: the fuzzer looks for crashes, hangs, and for two ways that disagree.
struct Tally: EventSink, Equatable {
  var events = 0
  var ignored = 0
  var rejected = 0
  mutating func receive(_ event: borrowing AuditEvent) { events += 1 }
  mutating func ignore(_ reason: IgnoreReason) { ignored += 1 }
  mutating func reject(_ reason: RejectReason, at offset: Int) { rejected += 1 }
}

/// Decodes one input whole.
func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> Tally {
  let buffer = ByteBuffer(unsafe Array(bytes))
  var decoder = AuditDecoder()
  var tally = Tally()
  let used = decoder.decode(buffer, .lastOfStream, into: &tally)
  precondition(used == buffer.count, "the last piece of a stream was not read to its end")
  return tally
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  _ = unsafe decode(UnsafeBufferPointer(start: data, count: size))
  return 0
}
