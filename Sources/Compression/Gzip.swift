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
    var deflater = Deflater(level: level)
    deflater.feed(bytes)
    return deflater.finish()
  }
}
