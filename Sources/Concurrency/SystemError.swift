import Glibc

/// A system call's refusal: its `errno`, with the system's words for people.
public struct SystemError: Error, Sendable, Hashable {
  /// `ENOENT` and so on.
  public let code: Int32

  public init(code: Int32) { self.code = code }

  /// What `errno` says now; call it directly after the call that failed.
  public static var last: SystemError { SystemError(code: errno) }

  /// The system's sentence, `No such file or directory`.
  public var text: String {
    var buffer = [CChar](repeating: 0, count: 128)
    // The XSI form is the one that Swift sees: it fills the buffer.
    _ = unsafe strerror_r(code, &buffer, buffer.count)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
