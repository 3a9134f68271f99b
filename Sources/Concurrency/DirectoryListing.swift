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
    guard let opened = unsafe opendir(path) else { throw .last }
    unsafe stream = opened
  }

  deinit { unsafe closedir(stream) }

  /// The next name; nil at the end. `.` and `..` are left out, and names that are not UTF-8, which nobody can
  /// configure.
  public mutating func next() -> Entry? {
    // SAFETY: the entry is valid until the next call on this stream; its name is copied here and ends with a zero byte.
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      guard let name, name != ".", name != ".." else { continue }
      let kind = unsafe Int(entry.pointee.d_type)
      return Entry(name: name, mayBeDirectory: kind == DT_DIR || kind == DT_LNK || kind == DT_UNKNOWN)
    }
    return nil
  }
}
