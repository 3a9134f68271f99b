internal import AuditEvents
internal import Compression
internal import Concurrency
import Glibc

/// Bytes that come one after another, as a file or a pipe gives them.
protocol ByteSource: ~Copyable {
  /// The next bytes, at most as many as fit; 0 when there are none for now.
  // SAFETY: the room is lent for the call; whoever reads writes no further than its end.
  @unsafe mutating func read(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int
}

/// Why a source could not be read on.
enum SourceProblem: Error, Equatable {
  /// The system refused.
  case system(SystemError)
  /// What was read before is no longer there: the file was cut short or written anew.
  case replaced
  /// It cannot be decompressed.
  case damaged(Gzip.Failure)
}

/// Cuts a source into buffers that end after a line break; what is unfinished is carried into the next.
///
/// - Limit: of an unfinished line at most `lineBytesLimit` or one chunk is held, whichever is more. Of a longer one
///   that much and one byte more is passed on, with a line break behind it, so that the decoder sees that it is too
///   long; the rest up to the real line break is skipped.
/// - Edge: zero bytes at the beginning of a line are dropped. A file that is truncated under a writer that goes on at
///   its old offset begins with a hole of them, possibly longer than any line may be.
/// - Errors: the source's; nothing that was read before is lost by one.
struct LineCutter {
  /// What one call came to.
  enum Piece {
    /// Whole lines, sealed, and how much of the budget they hold.
    case lines(ByteBuffer, reservedBytes: Int)
    /// Something was read, but no line ended.
    case more
    /// The same, and all of it was zero bytes.
    case zeros
    /// The source has nothing for now.
    case atEnd
    /// The budget has no room for now; nothing was read.
    case noRoom
  }

  let chunkBytes: Int
  let lineBytesLimit: Int
  /// Whether buffers that are given back are kept, and an unfinished line that is all of its buffer has room behind it.
  private let keepsRoom: Bool
  /// The unfinished last line.
  private var carry: ByteBuffer?
  /// A buffer that was given back, for the next read.
  private var spare: ByteBuffer?
  /// Whether the line that is being read is to be dropped up to its end.
  var isSkipping = false

  /// - Parameter keepsRoom: for a source that is read alone: memory that no budget knows of is held between reads.
  init(chunkBytes: Int, lineBytesLimit: Int, keepsRoom: Bool = false) {
    self.chunkBytes = max(chunkBytes, 1)
    self.lineBytesLimit = lineBytesLimit
    self.keepsRoom = keepsRoom
  }

  /// How much of an unfinished line is held.
  var carriedBytes: Int { carry?.count ?? 0 }

  /// Gives away the unfinished line, sealed; empty when there is none.
  mutating func takeCarry() -> ByteBuffer {
    let taken = carry ?? ByteBuffer(capacity: 0)
    taken.seal()
    carry = nil
    return taken
  }

  /// Takes back a buffer of lines that nobody holds any more: the next ones come in the same memory, which the processor's
  /// caches and the system's page tables know. For a source that is read alone.
  mutating func reuse(_ buffer: consuming ByteBuffer) {
    guard keepsRoom, isKnownUniquelyReferenced(&buffer) else { return }
    buffer.clear()
    spare = buffer
  }

  /// Reads once.
  ///
  /// - Parameter expected: how many bytes the source is likely to have; it bounds what is allocated for a small file.
  mutating func next(
    from source: inout some ByteSource & ~Copyable, expecting expected: Int, to outlet: some BatchOutlet
  ) throws(SourceProblem) -> Piece {
    let old = carriedBytes
    let room = min(max(expected, 1), max(chunkBytes, old))
    let reserved = old + room + 1  // one for a line break that is added
    guard outlet.reserve(reserved) else { return .noRoom }
    let buffer = continued(capacity: reserved)
    let count: Int
    do throws(SourceProblem) {
      count = try Self.fill(buffer, room, from: &source)
    } catch {
      outlet.release(reserved)
      throw error
    }
    let piece = count == 0 ? .atEnd : cut(buffer, from: old, reserved)
    guard case .lines = piece else {
      outlet.release(reserved)
      return piece
    }
    return Self.fitted(buffer, reserved, outlet)
  }

  /// A buffer that begins with what is carried. The carry itself stays until something was read.
  private mutating func continued(capacity: Int) -> ByteBuffer {
    if let carry, carry.capacity >= capacity { return carry }
    let buffer =
      spare.take().flatMap { $0.capacity >= capacity ? $0 : nil } ?? ByteBuffer(capacity: wholeChunks(capacity))
    if let carry { Self.append(carry, from: 0, to: buffer) }
    return buffer
  }

  /// What is kept has room for a carry of any usual length, so that one buffer serves from read to read.
  private func wholeChunks(_ capacity: Int) -> Int {
    keepsRoom ? (capacity + chunkBytes - 1) / chunkBytes * chunkBytes : capacity
  }

  /// Holds what follows the last line break until the next read.
  private mutating func hold(_ buffer: ByteBuffer, from start: Int) {
    let count = buffer.count - start
    guard count > 0 else { return carry = nil }
    if start == 0, keepsRoom { return carry = buffer }
    if keepsRoom, let carry, carry !== buffer {
      // The line that was carried here is in `buffer` now.
      carry.clear()
      Self.append(buffer, from: start, to: carry)
    } else {
      carry = Self.copy(of: buffer, from: start, capacity: count)
    }
  }

  /// A few lines do not hold a whole chunk of the budget: a slow pipe would fill the queue with emptiness.
  private static func fitted(_ buffer: ByteBuffer, _ reserved: Int, _ outlet: some BatchOutlet) -> Piece {
    guard buffer.count < reserved / 4 else { return .lines(buffer, reservedBytes: reserved) }
    let small = copy(of: buffer, from: 0, capacity: buffer.count)
    small.seal()
    outlet.release(reserved - small.capacity)
    return .lines(small, reservedBytes: small.capacity)
  }

  private mutating func cut(_ buffer: ByteBuffer, from old: Int, _ reserved: Int) -> Piece {
    if isSkipping {
      guard let end = Self.firstBreak(in: buffer) else { return .more }
      Self.drop(end + 1, of: buffer)
      isSkipping = false
    }
    if old == 0 {
      let before = buffer.count
      Self.drop(Self.leadingZeros(in: buffer, from: 0), of: buffer)
      if buffer.count == 0 { return before == 0 ? .more : .zeros }
    }
    if let end = buffer.lastIndex(of: 0x0A, from: min(old, buffer.count)) {
      let tail = end + 1 + Self.leadingZeros(in: buffer, from: end + 1)
      hold(buffer, from: tail)
      buffer.truncate(to: end + 1)
    } else if buffer.count > lineBytesLimit {
      buffer.truncate(to: lineBytesLimit + 1)
      buffer.append([0x0A])
      carry = nil
      isSkipping = true
    } else {
      hold(buffer, from: 0)
      return .more
    }
    buffer.seal()
    return .lines(buffer, reservedBytes: reserved)
  }

  // MARK: - Bytes
  // SAFETY, for all of these: pointers are those that `ByteBuffer` lends for the call, indices are held to its `count`.

  private static func fill(
    _ buffer: ByteBuffer, _ room: Int, from source: inout some ByteSource & ~Copyable
  ) throws(SourceProblem) -> Int {
    var problem: SourceProblem?
    let count = unsafe buffer.fill { free in
      do throws(SourceProblem) {
        return try unsafe source.read(into: UnsafeMutableRawBufferPointer(rebasing: free.prefix(room)))
      } catch {
        problem = error
        return 0
      }
    }
    if let problem { throw problem }
    return count
  }

  private static func copy(of buffer: ByteBuffer, from start: Int, capacity: Int) -> ByteBuffer {
    let copy = ByteBuffer(capacity: capacity)
    append(buffer, from: start, to: copy)
    return copy
  }

  private static func append(_ buffer: ByteBuffer, from start: Int, to other: ByteBuffer) {
    unsafe buffer.withBytes { bytes in
      unsafe other.append(raw: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start...]))
    }
  }

  private static func firstBreak(in buffer: ByteBuffer) -> Int? {
    unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress, let found = unsafe memchr(base, 0x0A, bytes.count) else { return nil }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }

  private static func leadingZeros(in buffer: ByteBuffer, from start: Int) -> Int {
    unsafe buffer.withBytes { bytes in
      var at = start
      while at < bytes.count, unsafe bytes[at] == 0 { at += 1 }
      return at - start
    }
  }

  private static func drop(_ count: Int, of buffer: ByteBuffer) {
    guard count > 0 else { return }
    unsafe buffer.withBytes { bytes in
      // The rest moves to the front of the same block, whose size suffices: `append` copies, overlapping or not.
      buffer.clear()
      unsafe buffer.append(raw: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[count...]))
    }
  }
}
