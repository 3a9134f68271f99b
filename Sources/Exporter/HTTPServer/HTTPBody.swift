internal import CMicroHTTPD
internal import Compression
import Glibc

/// What an answer carries after its head.
enum HTTPBody: Sendable {
  /// Sent as it is.
  case bytes(SharedBytes)
  /// Sent as it was before it was compressed.
  case unpacked(PackedPage)

  static let empty = HTTPBody([])

  init(_ bytes: [UInt8]) { self = .bytes(SharedBytes(bytes)) }

  /// The bytes as text; empty for what is sent compressed.
  var text: String {
    guard case .bytes(let bytes) = self else { return "" }
    return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
  }
}

/// Bytes that every connection sends which wants them, at one place.
// Unchecked: written in `init` only.
@safe final class SharedBytes: @unchecked Sendable {
  // SAFETY: `count` initialised bytes, allocated in `init`, freed in `deinit`; whoever sends them holds a reference.
  let start: UnsafeMutableRawPointer
  let count: Int

  init(_ bytes: [UInt8]) {
    unsafe start = .allocate(byteCount: max(1, bytes.count), alignment: 1)
    count = bytes.count
    unsafe bytes.withUnsafeBytes { raw in
      if let base = raw.baseAddress { unsafe start.copyMemory(from: base, byteCount: raw.count) }
    }
  }

  deinit { unsafe start.deallocate() }
}

/// A page that is held compressed alone, some thirtieth of its size, and undone piece by piece for who cannot read that: a
/// large page takes little memory, and a slow reader of it a few hundred KiB, however large it is.
struct PackedPage: Sendable {
  let gzip: SharedBytes
  /// Bytes of the page itself.
  let count: Int

  /// - Parameter write: gives the page piece by piece.
  init(_ write: (inout Deflater) -> Void) {
    var deflater = Deflater()
    write(&deflater)
    count = deflater.inputBytes
    gzip = SharedBytes(deflater.finish())
  }
}

extension HTTPBody {
  /// What the library sends, which holds the body for as long as it needs it; nil when it has no memory.
  @unsafe func response() -> OpaquePointer? {
    // SAFETY: each holder has one reference too many, until the library calls the function that releases it.
    switch self {
    case .bytes(let bytes):
      let holder = unsafe Unmanaged.passRetained(bytes).toOpaque()
      let made = unsafe MHD_create_response_from_buffer_with_free_callback_cls(
        bytes.count, bytes.start, releaseBytes, holder)
      if unsafe made == nil { unsafe releaseBytes(holder) }
      return unsafe made
    case .unpacked(let page):
      let holder = unsafe Unmanaged.passRetained(Unpacker(page)).toOpaque()
      let made = unsafe MHD_create_response_from_callback(
        UInt64(page.count), Unpacker.pieceBytes, unpack, holder, releaseUnpacker)
      if unsafe made == nil { unsafe releaseUnpacker(holder) }
      return unsafe made
    }
  }
}

/// One sending of a page, on its connection's thread alone.
private final class Unpacker {
  /// What the library asks for at once.
  static let pieceBytes = 32 << 10
  /// What is undone at once: some 40 KB of an ordinary page, 2 MB at most.
  private static let stepBytes = 2 << 10

  private let page: PackedPage
  private var inflater: Inflater
  private var read = 0
  private var pending: [UInt8] = []
  private var taken = 0

  init(_ page: PackedPage) {
    self.page = page
    inflater = Inflater(limit: page.count)
  }

  /// Writes the next bytes of the page into `free` and answers how many; 0 when there are no more, or it is damaged.
  @unsafe func fill(_ free: UnsafeMutableRawBufferPointer) -> Int {
    while taken == pending.count, read < page.gzip.count {
      let end = min(page.gzip.count, read + Self.stepBytes)
      pending.removeAll(keepingCapacity: true)
      taken = 0
      do {
        // SAFETY: within the bytes, which `page` holds.
        try unsafe inflater.feed(UnsafeRawBufferPointer(start: page.gzip.start + read, count: end - read)) { piece in
          unsafe pending.append(contentsOf: piece)
          return true
        }
      } catch {
        return 0
      }
      read = end
    }
    let count = min(free.count, pending.count - taken)
    unsafe free.copyBytes(from: pending[taken..<taken + count])
    taken += count
    return count
  }
}

/// `MHD_CONTENT_READER_END_WITH_ERROR`, a macro with a cast, which Swift does not see: the connection is closed, so that
/// the client misses what was promised.
private let endWithError = -2

private func unpack(
  _ holder: UnsafeMutableRawPointer?, _ position: UInt64, _ free: UnsafeMutablePointer<CChar>?, _ room: Int
) -> Int {
  guard let holder = unsafe holder, let free = unsafe free else { return endWithError }
  // SAFETY: the library calls this until it calls `releaseUnpacker`, from one thread, position after position, and lends
  // `room` bytes for the call.
  let unpacker = unsafe Unmanaged<Unpacker>.fromOpaque(holder).takeUnretainedValue()
  let count = unsafe unpacker.fill(UnsafeMutableRawBufferPointer(start: free, count: room))
  return count > 0 ? count : endWithError
}

private func releaseBytes(_ holder: UnsafeMutableRawPointer?) {
  guard let holder = unsafe holder else { return }
  // SAFETY: the reference of `response`; called exactly once, by the library or where it made nothing.
  unsafe Unmanaged<SharedBytes>.fromOpaque(holder).release()
}

private func releaseUnpacker(_ holder: UnsafeMutableRawPointer?) {
  guard let holder = unsafe holder else { return }
  // SAFETY: as above.
  unsafe Unmanaged<Unpacker>.fromOpaque(holder).release()
}
