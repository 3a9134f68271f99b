internal import CZlib

/// Undoes gzip, several members one after another included, up to a limit.
///
/// The stream's memory is made at the first use and kept.
/// - Source: RFC 1952; zlib's manual, `inflate`.
@safe final class Inflater {
  enum Outcome { case whole, tooLong, broken }

  // SAFETY: initialised by `inflateInit2` when `isReady`, ended in `deinit`; it points to buffers during `inflate`
  // only.
  private var stream = unsafe z_stream()
  private var isReady = false

  init() {}
  deinit { if isReady { unsafe inflateEnd(&stream) } }

  /// Whether the content begins as gzip does.
  static func isGzip(_ buffer: ByteBuffer) -> Bool {
    // SAFETY: two bytes of a content that has as many.
    unsafe buffer.withBytes { bytes in unsafe bytes.count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b }
  }

  /// Appends what `input` decompresses to.
  func inflate(_ input: ByteBuffer, into output: ByteBuffer, limit: Int) -> Outcome {
    // SAFETY: input and output are different buffers; each is lent for the whole of the loop or of one step.
    unsafe input.withBytes { bytes in
      guard start() else { return .broken }
      unsafe stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
      unsafe stream.avail_in = UInt32(clamping: bytes.count)
      while true {
        if output.count > limit { return .tooLong }
        output.reserve(64 << 10)
        var code = Z_OK
        _ = unsafe output.fill { room in
          let size = min(room.count, 1 << 30)
          unsafe stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
          unsafe stream.avail_out = UInt32(size)
          unsafe code = CZlib.inflate(&stream, Z_NO_FLUSH)
          return unsafe size - Int(stream.avail_out)
        }
        switch code {
        case Z_STREAM_END where unsafe stream.avail_in == 0: return output.count > limit ? .tooLong : .whole
        case Z_STREAM_END: guard unsafe inflateReset(&stream) == Z_OK else { return .broken }
        case Z_OK where unsafe stream.avail_out == 0 || stream.avail_in > 0: continue
        default: return .broken
        }
      }
    }
  }

  /// Makes the stream, or takes it back to its beginning.
  private func start() -> Bool {
    if isReady { return unsafe inflateReset(&stream) == Z_OK }
    // 16 more than the largest window: gzip only.
    isReady = unsafe kae_inflate_init(&stream, 15 + 16) == Z_OK
    return isReady
  }
}
