internal import Compression
internal import Concurrency

/// One open file, plain or gzip, read from a position on. Each read also compares the bytes before it with what was
/// read there, so that no byte of a new content is ever taken for the continuation of an old one.
struct FileSource: ~Copyable, ByteSource {
  private enum Kind { case unknown, plain, gzip }
  /// Compressed bytes read at a time: at most about four megabytes come out of them, as a rule forty kilobytes.
  private static let sliceBytes = 4096

  private let file: FileDescriptor
  private(set) var position = FilePosition()
  private var kind = Kind.unknown
  private var gzip: GzipContent?
  /// Bytes of decompressed content that were handed out before this file was opened again.
  private var dropBytes = 0
  /// Bytes of the file read since `takeReadBytes`.
  private var readBytes = 0

  /// At the beginning.
  init(_ file: consuming FileDescriptor) { self.file = file }

  /// Where `record` left off; nil when the file no longer holds what was read then.
  init?(_ file: consuming FileDescriptor, resuming record: FileRecord) throws(SystemError) {
    let tail = try file.bytes(at: record.offset - record.tail.count, count: record.tail.count)
    guard Fingerprint.of(tail) == record.tail else { return nil }
    if !record.isGzip, Fingerprint.of(try file.bytes(at: 0, count: record.head.count)) != record.head { return nil }
    var position = FilePosition(
      offset: record.offset, tail: tail, head: record.head, contentBytes: record.contentBytes)
    if !record.isGzip { try Self.complete(&position, file) }
    self.file = file
    guard record.offset > 0 else { return }
    kind = record.isGzip ? .gzip : .plain
    if record.isGzip {
      // A decompressor's state is not kept: it starts again and drops what came out before.
      dropBytes = record.contentBytes - record.repeatedBytes
    } else {
      self.position = position
    }
  }

  /// Less may have been kept of a file that could not be read then.
  private static func complete(
    _ position: inout FilePosition, _ file: borrowing FileDescriptor
  ) throws(SystemError) {
    let headBytes = min(position.offset, FilePosition.headBytesLimit)
    if position.head.count < headBytes { position.head = Fingerprint.of(try file.bytes(at: 0, count: headBytes)) }
    let tailBytes = min(position.offset, FilePosition.tailBytesLimit)
    if position.tail.count < tailBytes {
      position.tail = try file.bytes(at: position.offset - tailBytes, count: tailBytes)
    }
  }

  /// At the end of what is there now, as if all of it had been read. Plain files only.
  init(atEndOf file: consuming FileDescriptor) throws(SystemError) {
    let size = try file.facts.size
    let head = Fingerprint.of(try file.bytes(at: 0, count: min(size, FilePosition.headBytesLimit)))
    let tailBytes = min(size, FilePosition.tailBytesLimit)
    let tail = try file.bytes(at: size - tailBytes, count: tailBytes)
    self.file = file
    position = FilePosition(offset: size, tail: tail, head: head, contentBytes: size)
    if size > 0 { kind = .plain }
  }

  /// The same open file from its beginning.
  func fromBeginning() throws(SystemError) -> FileSource { FileSource(try file.duplicate()) }

  var isGzip: Bool { kind == .gzip }
  var facts: FileFacts { get throws(SystemError) { try file.facts } }
  /// A compressed file that ends inside a member.
  var isCutShort: Bool { gzip?.isCutShort ?? false }

  /// Whether the file still holds what was read, as far as its beginning and the last bytes tell.
  func isAsBefore() throws(SystemError) -> Bool {
    let tail = try file.bytes(at: position.offset - position.tail.count, count: position.tail.count)
    guard tail == position.tail else { return false }
    guard kind == .plain else { return true }
    return Fingerprint.of(try file.bytes(at: 0, count: position.head.count)) == position.head
  }

  /// Whether the file, as it is now, begins with `bytes`.
  func beginsWith(_ bytes: [UInt8]) throws(SystemError) -> Bool {
    guard kind != .gzip else { return false }
    return try file.bytes(at: 0, count: bytes.count) == bytes
  }

  /// Bytes of the file read since the last call, as they were there.
  mutating func takeReadBytes() -> Int {
    defer { readBytes = 0 }
    return readBytes
  }

  @unsafe mutating func read(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    do throws(SystemError) {
      if kind == .unknown { kind = try detect() }
    } catch { throw .system(error) }
    switch kind {
    case .unknown: return 0
    case .plain:
      let count = try unsafe readRaw(into: room)
      unsafe position.addContent(UnsafeRawBufferPointer(rebasing: room.prefix(count)))
      return count
    case .gzip: return try unsafe readGzip(into: room)
    }
  }

  /// Passes over a hole of the file that begins here.
  mutating func skipHole() {
    guard kind == .plain, let next = file.nextData(from: position.offset), next > position.offset else { return }
    // A hole reads as zeros.
    let zeros = [UInt8](repeating: 0, count: FilePosition.tailBytesLimit)
    let skipped = next - position.offset
    readBytes += skipped
    unsafe zeros.withUnsafeBytes { unsafe position.advance(over: UnsafeRawBufferPointer(rebasing: $0.prefix(skipped))) }
    position.head.add(repeatElement(0, count: min(skipped, FilePosition.headBytesLimit - position.head.count)))
    position.offset = next
    position.contentBytes = next
  }

  /// Goes back over the last `count` bytes of content, which will be read again.
  mutating func rewind(_ count: Int) throws(SystemError) { position = try position(before: count) }

  /// Where it was before the last `count` bytes of content.
  func position(before count: Int) throws(SystemError) -> FilePosition {
    var position = self.position
    guard count > 0 else { return position }
    position.contentBytes -= count
    guard kind == .plain else { return position }
    position.offset -= count
    let tailBytes = min(position.offset, FilePosition.tailBytesLimit)
    position.tail = try file.bytes(at: position.offset - tailBytes, count: tailBytes)
    if position.head.count > position.offset {
      position.head = Fingerprint.of(try file.bytes(at: 0, count: position.offset))
    }
    return position
  }

  /// The same without a look into the file: what is not remembered of its content is left out.
  func roughPosition(before count: Int) -> FilePosition {
    var position = self.position
    position.contentBytes -= count
    guard kind == .plain else { return position }
    position.offset -= count
    position.tail.removeLast(min(count, position.tail.count))
    if position.head.count > position.offset { position.head = Fingerprint() }
    return position
  }

  // MARK: - Reading

  private func detect() throws(SystemError) -> Kind {
    let first = try file.bytes(at: 0, count: 2)
    if Gzip.isGzip(first) { return .gzip }
    return first.isEmpty || first == [0x1F] ? .unknown : .plain
  }

  private mutating func readRaw(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    let found: Int?
    do throws(SystemError) {
      found = try unsafe file.read(at: position.offset, after: position.tail, into: room)
    } catch { throw .system(error) }
    guard let count = found else { throw .replaced }
    unsafe position.advance(over: UnsafeRawBufferPointer(rebasing: room.prefix(count)))
    readBytes += count
    return count
  }

  private mutating func readGzip(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    let content = gzip ?? GzipContent()
    gzip = content
    while true {
      while content.isEmpty {
        guard try readSlice(into: content) > 0 else { return 0 }
      }
      let count = unsafe content.take(into: room)
      unsafe position.addContent(UnsafeRawBufferPointer(rebasing: room.prefix(count)))
      let dropped = min(dropBytes, count)
      dropBytes -= dropped
      if dropped == count { continue }
      if dropped > 0, let base = room.baseAddress {
        // SAFETY: both ranges lie within the first `count` bytes of `room`; they may overlap.
        unsafe base.copyMemory(from: base + dropped, byteCount: count - dropped)
      }
      return count - dropped
    }
  }

  private mutating func readSlice(into content: GzipContent) throws(SourceProblem) -> Int {
    var slice = [UInt8](repeating: 0, count: Self.sliceBytes)
    var problem: SourceProblem?
    let count = unsafe slice.withUnsafeMutableBytes { room in
      do throws(SourceProblem) { return try unsafe readRaw(into: room) } catch {
        problem = error
        return 0
      }
    }
    if let problem { throw problem }
    do throws(Gzip.Failure) { try content.feed(slice, count) } catch { throw .damaged(error) }
    return count
  }
}

/// The first bytes of a file's content, decompressed where needed: to see whether it is known from elsewhere.
enum ContentHead {
  /// - Returns: up to `FilePosition.headBytesLimit` bytes, and whether more can follow them (an unfinished gzip file).
  static func read(_ file: borrowing FileDescriptor) throws(SystemError) -> (
    bytes: [UInt8], mayGrow: Bool, isGzip: Bool
  ) {
    let limit = FilePosition.headBytesLimit
    let raw = try file.bytes(at: 0, count: 16 << 10)
    guard Gzip.isGzip(raw) else { return (Array(raw.prefix(limit)), raw.count < limit, false) }
    var inflater = Inflater(limit: .max)
    var bytes: [UInt8] = []
    do throws(Gzip.Failure) {
      try unsafe raw.span.withUnsafeBytes { raw throws(Gzip.Failure) in
        try unsafe inflater.feed(raw) { piece in
          unsafe bytes.append(contentsOf: piece.prefix(limit - bytes.count))
          return bytes.count < limit
        }
      }
      try inflater.finish()
      return (bytes, false, true)
    } catch {
      // A damaged file does not grow into a whole one; one that merely ends too early may be being written.
      return (bytes, error == .truncated, true)
    }
  }
}
