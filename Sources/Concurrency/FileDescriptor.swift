internal import CLinux
import Glibc

/// An owned descriptor, closed exactly once, when this value ends.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The system's number, for `poll`. Never close it.
  public let raw: Int32

  public init(owning raw: Int32) { self.raw = raw }

  deinit { if raw >= 0 { close(raw) } }

  /// Opens a file for reading; never waits for the other end of a pipe.
  public static func open(reading path: String) throws(SystemError) -> FileDescriptor {
    while true {
      let raw = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
      if raw >= 0 { return FileDescriptor(owning: raw) }
      guard errno == EINTR else { throw .last }
    }
  }

  /// A second descriptor of the same open file.
  public func duplicate() throws(SystemError) -> FileDescriptor { try Self.duplicate(of: raw) }

  /// A descriptor of our own of an open file that is somebody else's: the standard input.
  public static func duplicate(of raw: Int32) throws(SystemError) -> FileDescriptor {
    while true {
      let copy = fcntl(raw, F_DUPFD_CLOEXEC, 0)
      if copy >= 0 { return FileDescriptor(owning: copy) }
      guard errno == EINTR else { throw .last }
    }
  }

  public var facts: FileFacts {
    get throws(SystemError) { try FileFacts(directory: raw, path: "") }
  }

  /// Reads at the descriptor's own position. 0 at the end.
  @unsafe public func read(into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    while true {
      let count = unsafe Glibc.read(raw, room.baseAddress, room.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw .last }
    }
  }

  /// Up to `count` bytes from `offset` on.
  public func bytes(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    // SAFETY: pread writes at most `count` bytes, which is what the array lends.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { room, filled in
      while filled < count {
        let read = unsafe pread(
          raw, room.baseAddress.map { unsafe $0 + filled }, count - filled, off_t(offset + filled))
        if read < 0, errno == EINTR { continue }
        if read < 0 { failure = .last }
        guard read > 0 else { break }
        filled += read
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Reads what follows `offset`, and in the same call, so that nothing can come between, the bytes before it.
  ///
  /// - Parameter expected: what the file held directly before `offset` when that was read.
  /// - Returns: how many bytes follow, 0 at the end; nil when the file no longer holds `expected` there: it was cut
  ///   short or written anew.
  @unsafe public func read(
    at offset: Int, after expected: [UInt8], into room: UnsafeMutableRawBufferPointer
  ) throws(SystemError) -> Int? {
    var before = [UInt8](repeating: 0, count: expected.count)
    let count = unsafe before.withUnsafeMutableBytes { check in
      // SAFETY: preadv writes at most the two lengths, into memory that is lent for this call.
      var parts = unsafe [
        iovec(iov_base: check.baseAddress, iov_len: check.count),
        iovec(iov_base: room.baseAddress, iov_len: room.count),
      ]
      while true {
        let count = unsafe preadv(raw, &parts, 2, off_t(offset - expected.count))
        if count >= 0 || errno != EINTR { return count }
      }
    }
    guard count >= 0 else { throw .last }
    // Nothing behind: the end, or a read that was cut short.
    guard count > expected.count else { return try unsafe readApart(at: offset, after: expected, into: room) }
    return before == expected ? count - expected.count : nil
  }

  /// The same after a read that brought nothing: at the end, when it was interrupted, or when the file is shorter by now. What
  /// stands before is looked at afterwards: if it is still there then, it was there when the rest was read.
  private func readApart(
    at offset: Int, after expected: [UInt8], into room: UnsafeMutableRawBufferPointer
  ) throws(SystemError) -> Int? {
    // SAFETY: pread writes at most the room's count, into memory that is lent for this call.
    var count = unsafe pread(raw, room.baseAddress, room.count, off_t(offset))
    while count < 0, errno == EINTR { count = unsafe pread(raw, room.baseAddress, room.count, off_t(offset)) }
    guard count >= 0 else { throw .last }
    return try bytes(at: offset - expected.count, count: expected.count) == expected ? count : nil
  }

  /// Where the next byte stands that is not in a hole of the file; nil when there is none or the file system has no
  /// holes.
  public func nextData(from offset: Int) -> Int? {
    let found = kae_next_data(raw, Int64(offset))
    return found < 0 ? nil : Int(found)
  }
}
