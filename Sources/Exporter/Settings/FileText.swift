internal import Diagnostics
import Glibc

/// Reads a small file whole.
enum FileText {
  static let limitBytes = 4 << 20

  /// - Errors: `Failure` with reason `configuration_file` when it cannot be read, or is larger than `limitBytes`.
  static func read(_ path: String) throws(Failure) -> [UInt8] {
    // Non-blocking, so that a pipe without a writer does not hang the start.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, "it cannot be opened: \(reason())") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, "it cannot be read: \(reason())")
      }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      if bytes.count > limitBytes { throw failure(path, "it has more than \(BytesText.text(limitBytes))") }
    }
  }

  private static func reason() -> String { unsafe String(cString: strerror(errno)) }

  private static func failure(_ path: String, _ what: String) -> Failure {
    Failure(
      .configurationFile, what, at: .path(path), remedy: "Give the path of a configuration file that this user can read"
    )
  }
}
