import Glibc

/// The names in a directory, one after another, in the system's order; memory does not grow with their number.
@safe public struct DirectoryListing: ~Copyable {
  /// One name.
  public struct Entry: Sendable, Equatable {
    public let name: String
    /// False when it is known to be no directory; symbolic links may lead to one.
    public let mayBeDirectory: Bool
  }

  // SAFETY: open from `init` to `deinit`, never handed out.
  private let stream: OpaquePointer

  public init(_ path: String) throws(SystemError) {
    while true {
      if let opened = unsafe opendir(path) {
        unsafe stream = opened
        return
      }
      guard errno == EINTR else { throw .last }
    }
  }

  deinit { unsafe closedir(stream) }

  /// The next name; nil at the end. `.` and `..` are left out, and names that are not UTF-8, which nobody can
  /// configure.
  ///
  /// - Errors: the directory cannot be read on: there are more names than were given.
  public mutating func next() throws(SystemError) -> Entry? {
    while true {
      // The end and an error look alike.
      errno = 0
      // SAFETY: the entry is valid until the next call on this stream; its name is copied here and ends with a zero byte.
      guard let entry = unsafe readdir(stream) else {
        if errno == EINTR { continue }
        if errno != 0 { throw .last }
        return nil
      }
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      guard let name, name != ".", name != ".." else { continue }
      let kind = unsafe Int(entry.pointee.d_type)
      return Entry(name: name, mayBeDirectory: kind == DT_DIR || kind == DT_LNK || kind == DT_UNKNOWN)
    }
  }
}
