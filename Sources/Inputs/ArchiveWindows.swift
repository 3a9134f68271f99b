internal import AuditEvents
internal import Compression
internal import Concurrency
import Glibc

/// Whole lines of a file that is read once, one window after another, as long as there is nothing but whole windows: the
/// last lines, a line longer than a window, and what is no plain file are left to be read.
///
/// Nothing is copied, neither by the system nor here: that was a twentieth of the time that an event takes.
struct ArchiveWindows {
  private let windowBytes: Int
  private let descriptor: Int32
  /// The first byte that was not given out; nil for what can only be read.
  private var place: Int?
  /// The window whose lines were given out last.
  private var window: FileWindow?

  /// - Parameters:
  ///   - descriptor: read from where it stands.
  ///   - windowBytes: a multiple of `FileWindow.pageBytes`. Measured: more than this gains nothing, and is resident.
  init(_ descriptor: Int32, windowBytes: Int = 2 << 20) {
    self.descriptor = descriptor
    self.windowBytes = windowBytes
    let start = Int(lseek(descriptor, 0, SEEK_CUR))
    place = start >= 0 && !Self.isGzip(descriptor, at: start) ? start : nil
  }

  /// The next lines, sealed; whoever gets them lets them go before the next call. Nil when what follows is to be read.
  ///
  /// - Errors: some of what was given out before was not what the file held.
  mutating func next() throws(SourceProblem) -> ByteBuffer? {
    try letGo()
    guard let start = place else { return nil }
    let first = start - start % FileWindow.pageBytes
    guard Self.size(of: descriptor) - first >= windowBytes,
      let window = FileWindow(descriptor, at: first, bytes: windowBytes)
    else { return nil }
    // SAFETY: the buffer holds the window, whose memory it is.
    let buffer = unsafe ByteBuffer(
      lent: UnsafeMutableRawBufferPointer(rebasing: window.memory[(start - first)...]), by: window)
    guard let end = buffer.lastIndex(of: 0x0a) else { return nil }
    buffer.truncate(to: end + 1)
    buffer.seal()
    place = start + buffer.count
    self.window = window
    return buffer
  }

  /// Lets the descriptor stand where the windows end. Errors as above.
  mutating func finish() throws(SourceProblem) {
    try letGo()
    if let place { lseek(descriptor, off_t(place), SEEK_SET) }
  }

  private mutating func letGo() throws(SourceProblem) {
    guard let window = window.take(), window.wasHurt else { return }
    throw Self.size(of: descriptor) < (place ?? 0) ? .replaced : .system(SystemError(code: EIO))
  }

  private static func size(of descriptor: Int32) -> Int {
    var facts = stat()
    return unsafe fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG ? Int(facts.st_size) : 0
  }

  private static func isGzip(_ descriptor: Int32, at start: Int) -> Bool {
    var first: [UInt8] = [0, 0]
    return unsafe pread(descriptor, &first, 2, off_t(start)) == 2 && Gzip.isGzip(first)
  }
}
