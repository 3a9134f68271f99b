import Glibc

/// A system call that failed in a test's own plumbing: what was tried and why it did not work.
public struct SystemError: Error, CustomStringConvertible {
  public let description: String

  init(_ what: String, code: Int32 = errno) {
    description = "\(what): \(unsafe String(cString: strerror(code)))"
  }
}

/// Whole files in and out, and places to put them.
public enum Files {
  /// The content of a file.
  public static func read(_ path: String) throws -> [UInt8] {
    let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw SystemError("cannot open \(path)") }
    defer { close(fd) }
    return try readAll(fd)
  }

  /// Writes a file anew, or appends to it.
  public static func write(_ bytes: [UInt8], to path: String, append: Bool = false) throws {
    let fd = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0o644)
    guard fd >= 0 else { throw SystemError("cannot write \(path)") }
    defer { close(fd) }
    try writeAll(bytes, to: fd)
  }

  /// A path next to the calling source file: `Files.beside("Golden/empty.prom")`.
  public static func beside(_ relative: String, source: String = #filePath) -> String {
    let folder = source.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    return folder + "/" + relative
  }

  /// A place where nothing is slow to be synced; `/tmp` where there is none.
  public static let fastPlace = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

  /// Calls `body` with the path of a fresh folder, which is removed afterwards with all that is in it.
  public static func withTemporaryFolder<R>(in place: String = "/tmp", _ body: (String) throws -> R) throws -> R {
    var template = Array((place + "/kube-audit-exporter-test-XXXXXX").utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw SystemError("cannot make a temporary folder") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { _ = try? Process.run(["rm", "-rf", path]) }
    return try body(path)
  }

  static func readAll(_ fd: Int32) throws -> [UInt8] {
    var content: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Glibc.read(fd, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SystemError("cannot read") }
      if count == 0 { return content }
      content += block[..<count]
    }
  }

  static func writeAll(_ bytes: [UInt8], to fd: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(fd, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemError("cannot write") }
      rest = rest.dropFirst(count)
    }
  }
}
