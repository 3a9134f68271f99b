internal import CLinux
import Glibc

/// Which file a name or a descriptor stands for: device, inode, and when the inode was born.
///
/// An inode's number is given to a new file as soon as the old one is gone, so the number alone identifies nothing.
public struct FileKey: Sendable, Hashable {
  public let device: UInt64
  public let inode: UInt64
  /// Nanoseconds since the epoch; 0 on a file system that keeps no birth time.
  public let birth: Int64

  public init(device: UInt64, inode: UInt64, birth: Int64) {
    self.device = device
    self.inode = inode
    self.birth = birth
  }
}

/// What the system tells about a file at one instant (`statx`).
public struct FileFacts: Sendable, Equatable {
  public let key: FileKey
  /// Bytes.
  public let size: Int
  /// When the content was last changed, nanoseconds since the epoch.
  public let modified: Int64
  /// How many names it has; 0 once deleted.
  public let links: UInt32
  public let isRegular: Bool
  public let isDirectory: Bool
  /// Whether its permissions let every user of the machine read it.
  public let isReadableByAll: Bool

  /// Of the file that `path` leads to, symbolic links followed.
  public init(path: String) throws(SystemError) { try self.init(directory: AT_FDCWD, path: path) }

  init(directory: Int32, path: String) throws(SystemError) {
    var raw = statx()
    var code = unsafe kae_statx(directory, path, &raw)
    while code == EINTR { code = unsafe kae_statx(directory, path, &raw) }
    guard code == 0 else { throw SystemError(code: code) }
    let device = UInt64(raw.stx_dev_major) << 32 | UInt64(raw.stx_dev_minor)
    let birth = raw.stx_mask & UInt32(STATX_BTIME) == 0 ? 0 : kae_nanoseconds(raw.stx_btime)
    key = FileKey(device: device, inode: raw.stx_ino, birth: birth)
    size = Int(raw.stx_size)
    modified = kae_nanoseconds(raw.stx_mtime)
    links = raw.stx_nlink
    isRegular = mode_t(raw.stx_mode) & S_IFMT == S_IFREG
    isDirectory = mode_t(raw.stx_mode) & S_IFMT == S_IFDIR
    isReadableByAll = mode_t(raw.stx_mode) & S_IROTH != 0
  }
}
