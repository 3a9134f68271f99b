import Glibc

/// Files beside the tests.
enum Files {
  /// The folder `Tests/Corpora`.
  static let corpora: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/") + "/Corpora"
  }()

  /// The content of a file; nil when it cannot be read.
  static func read(_ path: String) -> [UInt8]? {
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var out: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let length = unsafe Glibc.read(file, &piece, piece.count)
      guard length > 0 else { return out }
      out += piece[..<length]
    }
  }
}
