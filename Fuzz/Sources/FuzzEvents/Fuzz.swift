import AuditEvents
import FuzzSupport

/// How a run of the decoder differs from the one that all others are held against.
struct Way {
  /// Whether the API server's order of fields is tried first.
  var speculates = true
  /// Chooses the line breaks at which the input is cut into pieces; nil leaves it whole.
  var cuts: UInt64?
  /// Whether bodies of events are looked at: slow, and needed only where two ways differ.
  var judgesBodies = false
}

/// Decodes one input; pieces are cut behind line breaks, and what is left unfinished is handed in again.
func decode(_ bytes: [UInt8], _ way: Way) -> Outcomes {
  var limits = AuditDecoder.Limits()
  limits.speculatesOrder = way.speculates
  var decoder = AuditDecoder(limits: limits)
  var outcomes = Outcomes(judgesBodies: way.judgesBodies)
  var piece = bytes
  if var random = way.cuts {
    piece = []
    var rest = bytes[...]
    // Few pieces: what is unfinished is read again with each.
    let spacing = 1 + UInt64(bytes.count { $0 == UInt8(ascii: "\n") }) / 6
    while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
      piece += rest[...lineEnd]
      rest = rest[(lineEnd + 1)...]
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      guard (random >> 33) % spacing == 0 else { continue }
      let buffer = ByteBuffer(piece)
      piece.removeFirst(decoder.decode(buffer, .stream, into: &outcomes))
    }
    piece += rest
  }
  let last = ByteBuffer(piece)
  let used = decoder.decode(last, .lastOfStream, into: &outcomes)
  precondition(used == last.count, "the last piece of a stream was not read to its end")
  return outcomes
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = unsafe bytesOfInput(data, size)
  let whole = decode(bytes, Way())
  let anyOrder = decode(bytes, Way(speculates: false))
  precondition(
    whole.digests == anyOrder.digests && whole.offsets == anyOrder.offsets
      || decode(bytes, Way(judgesBodies: true)).hasDamagedBody,
    "read in the server's order, it is something else")
  // Brackets of an array at the top are counted up to a piece's end.
  guard bytes.count(where: { $0 == UInt8(ascii: "[") }) <= AuditDecoder.Limits().depth else { return 0 }
  let seed = bytes.reduce(0x9e37_79b9_7f4a_7c15) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  precondition(whole.digests == decode(bytes, Way(cuts: seed)).digests, "read in pieces, it is something else")
  return 0
}
