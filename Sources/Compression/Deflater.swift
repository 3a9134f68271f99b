internal import CZlib

/// Compresses piece by piece into one gzip member: what is long need not be held whole, neither before nor after.
///
/// - Memory: zlib's window and tables, about 260 KB, and what came out.
@safe public struct Deflater: ~Copyable {
  // SAFETY: allocated in `init` and freed in `deinit`, never handed out. It must not move: zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var output: [UInt8] = []
  /// How many bytes were fed.
  public private(set) var inputBytes = 0
  private static let pieceBytes = 64 << 10

  /// - Parameter level: 1 (fastest) to 9 (smallest), others are held to that range.
  public init(level: Int = 1) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15 + 16: the largest window, gzip's header and trailer.
    let begun = unsafe kae_deflate_init(stream, Int32(min(max(level, 1), 9)), 15 + 16)
    precondition(begun == Z_OK, "zlib has no memory")
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Takes the next bytes.
  public mutating func feed(_ bytes: [UInt8]) {
    // zlib counts in 32 bits.
    precondition(bytes.count <= Int(UInt32.max) / 2, "a page of gigabytes")
    inputBytes += bytes.count
    unsafe bytes.withUnsafeBufferPointer { input in
      // SAFETY: zlib reads `count` bytes within this call, and keeps no address of them: all is read when `deflate` has
      // room left.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      unsafe stream.pointee.avail_in = UInt32(input.count)
      deflateAll(Z_NO_FLUSH)
    }
  }

  /// The compressed whole. The same pieces and level give the same result.
  public consuming func finish() -> [UInt8] {
    deflateAll(Z_FINISH)
    return output
  }

  private mutating func deflateAll(_ flush: Int32) {
    var room = 0
    repeat {
      let stream = unsafe stream
      let piece = unsafe [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { free, count in
        // SAFETY: zlib writes at most `avail_out` bytes of what is lent here.
        unsafe stream.pointee.next_out = free.baseAddress
        unsafe stream.pointee.avail_out = UInt32(Self.pieceBytes)
        let code = unsafe deflate(stream, flush)
        precondition(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, "zlib lost its way")
        room = unsafe Int(stream.pointee.avail_out)
        count = Self.pieceBytes - room
      }
      output += piece
    } while room == 0
  }
}
