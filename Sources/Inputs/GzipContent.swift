internal import Compression

/// What came out of a decompressor and was not taken yet.
final class GzipContent {
  private var inflater = Inflater(limit: .max)
  private var bytes: [UInt8] = []
  private var taken = 0

  var isEmpty: Bool { taken == bytes.count }
  var isCutShort: Bool {
    do throws(Gzip.Failure) {
      try inflater.finish()
      return false
    } catch { return true }
  }

  func feed(_ slice: [UInt8], _ count: Int) throws(Gzip.Failure) {
    bytes.removeAll(keepingCapacity: true)
    taken = 0
    try unsafe slice.span.withUnsafeBytes { raw throws(Gzip.Failure) in
      try unsafe inflater.feed(UnsafeRawBufferPointer(rebasing: raw.prefix(count))) { piece in
        unsafe bytes.append(contentsOf: piece)
        return true
      }
    }
  }

  func take(into room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, bytes.count - taken)
    // SAFETY: `count` bytes are there on both sides, and an array and a caller's memory do not overlap.
    unsafe bytes.withUnsafeBytes {
      unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count]))
    }
    taken += count
    return count
  }
}
