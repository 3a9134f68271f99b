internal import Compression
internal import Concurrency
import Glibc

/// The bytes of a descriptor that can only be read once, plain or gzip. A read waits, but no longer than until the
/// signal to stop.
struct StdinSource: ~Copyable, ByteSource {
  private enum Kind { case unknown, plain, gzip }
  /// Compressed bytes read at a time: at most about four megabytes come out of them.
  private static let sliceBytes = 4096
  /// What a pipe is asked to hold, so that it does not take a read for each 64 KiB.
  private static let pipeBytes: Int32 = 1 << 20
  /// How often the flag is looked at where there is no descriptor to wait on.
  private static let waitMilliseconds: Int32 = 500

  private let descriptor: Int32
  private let stop: StopSignal
  private var kind = Kind.unknown
  private var gzip = GzipContent()
  /// The first bytes, read to see what follows.
  private var first: [UInt8] = []
  /// Bytes read so far.
  private(set) var readBytes = 0
  private var untakenBytes = 0
  /// Bytes there are, where it is a file.
  let totalBytes: Int?

  init(_ descriptor: Int32, stop: StopSignal) {
    self.descriptor = descriptor
    self.stop = stop
    var facts = stat()
    let isFile = unsafe fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    totalBytes = isFile ? Int(facts.st_size) : nil
    let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which hides behind _GNU_SOURCE; refused where it is no pipe
    _ = fcntl(descriptor, setPipeSize, Self.pipeBytes)
  }

  mutating func takeReadBytes() -> Int {
    defer { untakenBytes = 0 }
    return untakenBytes
  }

  /// 0 at the end, and when the signal to stop was raised.
  @unsafe mutating func read(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    if kind == .unknown { try detect() }
    if kind == .gzip { return try unsafe readGzip(into: room) }
    guard first.isEmpty else {
      let count = min(first.count, room.count)
      unsafe first.withUnsafeBytes { unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
      first.removeFirst(count)
      return count
    }
    return try unsafe readRaw(into: room)
  }

  private mutating func detect() throws(SourceProblem) {
    while first.count < 2 {
      let slice = try readSlice(2 - first.count)
      if slice.isEmpty { break }
      first += slice
    }
    kind = Gzip.isGzip(first) ? .gzip : .plain
    guard kind == .gzip else { return }
    try feed(first)
    first = []
  }

  private mutating func readGzip(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    while gzip.isEmpty {
      let slice = try readSlice(Self.sliceBytes)
      guard !slice.isEmpty else {
        if gzip.isCutShort, !stop.isRaised { throw .damaged(.truncated) }
        return 0
      }
      try feed(slice)
    }
    return unsafe gzip.take(into: room)
  }

  private func feed(_ slice: [UInt8]) throws(SourceProblem) {
    do throws(Gzip.Failure) { try gzip.feed(slice, slice.count) } catch { throw .damaged(error) }
  }

  private mutating func readSlice(_ count: Int) throws(SourceProblem) -> [UInt8] {
    var slice = [UInt8](repeating: 0, count: count)
    var problem: SourceProblem?
    let count = unsafe slice.withUnsafeMutableBytes { room in
      do throws(SourceProblem) { return try unsafe readRaw(into: room) } catch {
        problem = error
        return 0
      }
    }
    if let problem { throw problem }
    return Array(slice.prefix(count))
  }

  private mutating func readRaw(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    while !stop.isRaised {
      // A file is always ready.
      if totalBytes == nil, !isReady() { continue }
      // SAFETY: read writes at most `room.count` bytes into memory that is lent for this call.
      let count = unsafe Glibc.read(descriptor, room.baseAddress, room.count)
      if count >= 0 {
        readBytes += count
        untakenBytes += count
        return count
      }
      guard errno == EINTR || errno == EAGAIN else { throw .system(.last) }
    }
    return 0
  }

  /// Waits, but not for long, until there is something to read or the signal to stop was raised.
  private func isReady() -> Bool {
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    return unsafe poll(&descriptors, 2, Self.waitMilliseconds) > 0 && descriptors[0].revents != 0
  }
}
