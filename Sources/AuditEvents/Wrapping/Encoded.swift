internal import Compression

// Base64, perhaps of gzip: how delivery services put bytes into JSON.
extension AuditDecoder {
  /// Reads what `text` encodes.
  mutating func readEncoded<Sink: EventSink & ~Copyable>(
    _ text: Text, _ context: Context, into sink: inout Sink
  ) {
    var inner = context
    inner.outermost = context.outermost ?? text.start
    let decoded = scratch[2 * context.level]
    decoded.clear()
    guard text.count / 4 * 3 <= limits.unwrappedBytes else {
      return reject(.tooLong, at: text.start, inner, into: &sink)
    }
    guard Base64.decode(text, into: decoded) else {
      return reject(.badEncoding, at: text.start, inner, into: &sink)
    }
    // SAFETY: the content is lent for the call, and what is read of it is copied first.
    unsafe decoded.withBytes { bytes in
      guard unsafe AggregatedRecord.isOne(bytes) else { return unsafe readContent(bytes, inner, into: &sink) }
      var pieces = unsafe AggregatedRecord(bytes)
      while let piece = pieces.next() {
        unsafe readContent(UnsafeBufferPointer(rebasing: bytes[piece]), inner, into: &sink)
      }
      if pieces.isMalformed { reject(.badEncoding, at: text.start, inner, into: &sink) }
    }
  }

  /// Reads what `content` holds, perhaps gzip.
  // SAFETY: the content is lent for the call, and stands in the first scratch buffer of this level alone, which is written
  // only where the next encoded text of this level is read.
  @unsafe private mutating func readContent<Sink: EventSink & ~Copyable>(
    _ content: UnsafeBufferPointer<UInt8>, _ context: Context, into sink: inout Sink
  ) {
    let room = scratch[2 * context.level + 1]
    room.clear()
    guard unsafe Gzip.isGzip(content) else {
      unsafe room.append(raw: UnsafeRawBufferPointer(content))
      return readScratch(room, context, into: &sink)
    }
    do throws(Gzip.Failure) {
      try unsafe inflate(content, into: room)
      readScratch(room, context, into: &sink)
    } catch {
      let place = context.outermost ?? context.origin
      reject(error == .tooLong ? .tooLong : .badEncoding, at: place, context, into: &sink)
    }
  }

  @unsafe private mutating func inflate(
    _ input: UnsafeBufferPointer<UInt8>, into output: ByteBuffer
  ) throws(Gzip.Failure) {
    inflater.reset(limit: min(limits.unwrappedBytes, inflatedLeft))
    defer { inflatedLeft -= inflater.outputBytes }
    // SAFETY: two different buffers; pieces are copied before the next one is made.
    try unsafe inflater.feed(UnsafeRawBufferPointer(input)) { piece in
      unsafe output.append(raw: piece)
      return true
    }
    try inflater.finish()
  }
}

/// Base64 with the standard alphabet.
/// - Source: RFC 4648, section 4.
enum Base64 {
  /// Appends what `text` encodes; false when it is not base64. JSON's `\/` and white space are let pass.
  static func decode(_ text: Text, into buffer: ByteBuffer) -> Bool {
    buffer.reserve(text.count / 4 * 3 + 3)
    var isValid = true
    // SAFETY: four characters make three bytes, so the room reserved suffices.
    _ = unsafe buffer.fill { room in
      guard let out = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
      var written = 0
      var bits: UInt32 = 0
      var held = 0
      var padding = 0
      for i in 0..<text.count {
        let byte = text.start[i]
        if byte.isWhiteSpace || byte == UInt8(ascii: "\\") { continue }
        if byte == UInt8(ascii: "=") {
          padding += 1
          continue
        }
        guard padding == 0, let value = value(of: byte) else {
          isValid = false
          return 0
        }
        bits = bits << 6 | value
        held += 6
        if held >= 8 {
          held -= 8
          unsafe out[written] = UInt8(truncatingIfNeeded: bits >> UInt32(held))
          written += 1
        }
      }
      isValid = held < 6 && padding <= 2
      return isValid ? written : 0
    }
    return isValid
  }

  private static func value(of byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
