internal import CFileWindow
import Glibc

/// A stretch of a file in memory, without a copy of it: there is one at a time in the process.
///
/// - Writing: what is written there is seen here alone, and gone with the window.
/// - Errors: what cannot be read any more, because the file was cut short or the disk failed, is zeros; `wasHurt` says so.
// Unchecked: written in `init` only; the memory is used by one thread at a time, as that of a `ByteBuffer` is.
@safe public final class FileWindow: @unchecked Sendable {
  /// A window begins at a multiple of this.
  public static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

  // SAFETY: `bytes` readable and writable bytes from `init` to `deinit`; whoever uses them holds a reference.
  private let start: UnsafeMutableRawPointer
  private let bytes: Int

  /// Nil when there is another window, or the system does not give one: then the file must be read.
  ///
  /// - Parameters:
  ///   - offset: a multiple of `pageBytes`.
  ///   - bytes: no more than the file has from there on.
  public init?(_ file: Int32, at offset: Int, bytes: Int) {
    guard let start = unsafe kae_window_open(file, Int64(offset), bytes) else { return nil }
    unsafe self.start = start
    self.bytes = bytes
  }

  deinit { unsafe kae_window_close(start, bytes) }

  /// The memory of the window, for as long as it is held.
  @unsafe public var memory: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: start, count: bytes)
  }

  /// Whether anything of it could not be read so far.
  public var wasHurt: Bool { kae_window_was_hurt() != 0 }
}
