internal import CZlib

/// Gzip (RFC 1952), with a hard cap on what comes out.
public enum Gzip {
  /// Why something could not be decompressed.
  public enum Failure: Error, Sendable, Equatable, CaseIterable {
    /// More comes out than the caller allows: a bomb, or a body above the limit.
    case tooLong
    /// Not gzip, a damaged member, a wrong checksum, or something else than zeros after the last member.
    case corrupt
    /// The input ends inside a member, or there is none.
    case truncated
    /// The caller's writer asked to stop.
    case stopped

    /// A bounded word, for labels and texts.
    public var label: String {
      switch self {
      case .tooLong: "too_long"
      case .corrupt: "corrupt"
      case .truncated: "truncated"
      case .stopped: "stopped"
      }
    }
  }

  /// Whether `bytes` begin like a gzip member: its two magic bytes.
  public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// Decompresses a whole gzip file of one or more members.
  ///
  /// - Parameter limit: the most bytes that may come out; one more is `.tooLong`.
  /// - Errors: `.tooLong`, `.corrupt`, `.truncated`.
  public static func decompress(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
    var result: [UInt8] = []
    var inflater = Inflater(limit: limit)
    try unsafe bytes.span.withUnsafeBytes { raw throws(Failure) in
      try unsafe inflater.feed(raw) { piece in
        unsafe result.append(contentsOf: piece)
        return true
      }
    }
    try inflater.finish()
    return result
  }

  /// Compresses into one gzip member. The same bytes and level give the same result.
  ///
  /// - Parameter level: 1 (fastest) to 9 (smallest), others are held to that range.
  public static func compress(_ bytes: [UInt8], level: Int = 1) -> [UInt8] {
    precondition(bytes.count <= Int(UInt32.max) / 2, "a page of gigabytes")
    var stream = unsafe z_stream()
    // 15 + 16: the largest window, gzip's header and trailer.
    let begun = unsafe kae_deflate_init(&stream, Int32(min(max(level, 1), 9)), 15 + 16)
    precondition(begun == Z_OK, "zlib has no memory")
    defer { unsafe deflateEnd(&stream) }
    let bound = unsafe Int(deflateBound(&stream, UInt(bytes.count)))
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { room, count in
      unsafe bytes.withUnsafeBufferPointer { input in
        // SAFETY: zlib reads `bytes.count` bytes and writes at most `bound`; both blocks outlive the one call.
        unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        unsafe stream.avail_in = UInt32(input.count)
        unsafe stream.next_out = room.baseAddress
        unsafe stream.avail_out = UInt32(bound)
        let ended = unsafe deflate(&stream, Z_FINISH)
        precondition(ended == Z_STREAM_END, "zlib's own bound did not suffice")
        count = unsafe bound - Int(stream.avail_out)
      }
    }
  }
}
