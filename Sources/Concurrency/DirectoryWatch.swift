import Glibc

/// Tells when something changes in directories: names that come, go or are written to (inotify).
///
/// It shortens the wait and promises nothing: network file systems are silent and queues overflow, so the caller also
/// polls.
public struct DirectoryWatch: ~Copyable {
  /// What has changed since the last question.
  public struct Changes: Sendable, Equatable {
    /// Whole paths, each once.
    public var paths: Set<String> = []
    /// More changed than is told: look at everything.
    public var isOverflown = false
    public init() {}
  }

  /// The most directories that are watched; further ones are left to polling.
  public static let directoriesLimit = 1024
  /// The most paths that one answer names.
  public static let pathsLimit = 1024

  private let descriptor: FileDescriptor
  private var paths: [Int32: String] = [:]

  public init() throws(SystemError) {
    let raw = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    guard raw >= 0 else { throw .last }
    descriptor = FileDescriptor(owning: raw)
  }

  /// The descriptor to wait on.
  public var raw: Int32 { descriptor.raw }

  /// Watches `directory` too. Repeating it is cheap, and needed after the directory was made anew.
  public mutating func add(_ directory: String) {
    guard paths.count < Self.directoriesLimit else { return }
    let mask = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
    let id = unsafe inotify_add_watch(descriptor.raw, directory, mask)
    if id >= 0 { paths[id] = directory }
  }

  /// What changed since the last call; never waits.
  public mutating func changes() -> Changes {
    var changes = Changes()
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor.raw, $0.baseAddress, $0.count) }
      guard count > 0 else { return changes }
      read(buffer[..<count], into: &changes)
    }
  }

  private mutating func read(_ bytes: ArraySlice<UInt8>, into changes: inout Changes) {
    var rest = bytes
    let head = MemoryLayout<inotify_event>.size
    while rest.count >= head {
      // SAFETY: `head` bytes are there; the structure is plain numbers, read without alignment.
      let event = unsafe rest.withUnsafeBytes { unsafe $0.loadUnaligned(as: inotify_event.self) }
      let name = rest.dropFirst(head).prefix(Int(event.len)).prefix { $0 != 0 }
      rest = rest.dropFirst(head + Int(event.len))
      if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { changes.isOverflown = true }
      if event.mask & UInt32(IN_IGNORED) != 0 { paths[event.wd] = nil }
      guard let directory = paths[event.wd], !name.isEmpty else { continue }
      guard changes.paths.count < Self.pathsLimit else {
        changes.isOverflown = true
        continue
      }
      let prefix = directory == "/" ? "/" : directory + "/"
      changes.paths.insert(prefix + String(decoding: name, as: UTF8.self))
    }
  }
}
