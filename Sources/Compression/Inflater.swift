internal import CZlib

/// Decompresses gzip piece by piece, and again and again without allocating: one for a whole file, or one that is reset
/// between small bodies.
///
/// - Shape: the input may come in pieces of any size; what comes out is lent to a writer in pieces of at most
///   `pieceBytes`. Members that follow each other are one content; zeros after the last are padding.
/// - Limit: at most `limit` bytes come out; memory is fixed (zlib's window and one piece, about 110 KB).
/// - Errors: after one, nothing more is accepted until `reset`.
@safe public struct Inflater: ~Copyable {
  /// The largest piece that a writer sees.
  public static let pieceBytes = 64 << 10

  // SAFETY: both allocated in `init` and freed in `deinit`, never handed out. The stream must not move: zlib keeps its
  // address.
  private let stream: UnsafeMutablePointer<z_stream>
  private let piece: UnsafeMutablePointer<UInt8>

  private enum Place { case beforeMember, inMember, betweenMembers, inPadding, failed }
  private var place = Place.beforeMember
  private var limit: Int
  /// Bytes that came out since the last `reset`.
  public private(set) var outputBytes = 0

  public init(limit: Int) {
    self.limit = limit
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    unsafe piece = .allocate(capacity: Self.pieceBytes)
    // 15 + 16: the largest window, gzip only.
    let begun = unsafe kae_inflate_init(stream, 15 + 16)
    precondition(begun == Z_OK, "zlib has no memory")
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
    unsafe piece.deallocate()
  }

  /// Begins a new content with a limit of its own.
  public mutating func reset(limit: Int) {
    self.limit = limit
    outputBytes = 0
    place = .beforeMember
    unsafe inflateReset(stream)
  }

  /// Takes the next piece of input and gives what comes out to `write`, which answers whether to go on.
  ///
  /// - Errors: `.tooLong` before a byte above the limit is written, `.corrupt`, `.stopped`.
  @unsafe public mutating func feed(
    _ input: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Bool
  ) throws(Gzip.Failure) {
    do {
      // zlib counts in 32 bits.
      var at = 0
      while at < input.count {
        let end = min(input.count, at + 1 << 30)
        try unsafe feedSome(UnsafeRawBufferPointer(rebasing: input[at..<end]), write)
        at = end
      }
    } catch {
      place = .failed
      throw error
    }
  }

  /// Says that no input follows.
  ///
  /// - Errors: `.truncated` when a member is not complete or there was none, `.corrupt` after an earlier error.
  public func finish() throws(Gzip.Failure) {
    switch place {
    case .betweenMembers, .inPadding: return
    case .beforeMember, .inMember: throw .truncated
    case .failed: throw .corrupt
    }
  }

  private mutating func feedSome(
    _ input: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Bool
  ) throws(Gzip.Failure) {
    var rest = unsafe input
    while let first = unsafe rest.first {
      switch place {
      case .failed: throw .corrupt
      case .inPadding: return try unsafe requireZeros(rest)
      case .betweenMembers where first == 0: place = .inPadding
      // One byte is not enough for zlib to see that this is no member.
      case .beforeMember where first != 0x1f, .betweenMembers where first != 0x1f: throw .corrupt
      case .betweenMembers:
        unsafe inflateReset(stream)
        place = .inMember
      case .beforeMember: place = .inMember
      case .inMember:
        let read = try unsafe inflateSome(rest, write)
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[read...])
      }
    }
  }

  /// Inflates until the input or the member ends. Answers how many bytes were read.
  private mutating func inflateSome(
    _ input: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Bool
  ) throws(Gzip.Failure) -> Int {
    // SAFETY: zlib reads at most `avail_in` bytes of `input`, which the caller lends for this call, and writes at most
    // `avail_out` bytes of `piece`.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    unsafe stream.pointee.avail_in = UInt32(input.count)
    while true {
      unsafe stream.pointee.next_out = piece
      unsafe stream.pointee.avail_out = UInt32(Self.pieceBytes)
      let code = unsafe inflate(stream, Z_NO_FLUSH)
      let written = unsafe Self.pieceBytes - Int(stream.pointee.avail_out)
      if written > 0 {
        guard outputBytes + written <= limit else { throw .tooLong }
        outputBytes += written
        guard unsafe write(UnsafeRawBufferPointer(start: piece, count: written)) else { throw .stopped }
      }
      switch code {
      case Z_OK where unsafe stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0: return input.count
      case Z_OK: continue
      // Nothing to do with what there is: all input is read and nothing is left to come out.
      case Z_BUF_ERROR where unsafe stream.pointee.avail_in == 0: return input.count
      case Z_STREAM_END:
        place = .betweenMembers
        return unsafe input.count - Int(stream.pointee.avail_in)
      default: throw .corrupt
      }
    }
  }

  private func requireZeros(_ rest: UnsafeRawBufferPointer) throws(Gzip.Failure) {
    for at in rest.indices where unsafe rest[at] != 0 { throw .corrupt }
  }
}
