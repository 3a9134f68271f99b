public import Concurrency
import Glibc

/// The variables and small files that settings of the AWS SDKs are read from; a test gives its own.
public struct ProcessEnvironment: Sendable {
  /// The largest file that is read: a token has at most 20,000 characters, a configuration a few thousand lines.
  public static let fileBytesLimit = 1 << 20

  private let variables: [String: String]
  private let read: @Sendable (String) throws(SystemError) -> [UInt8]

  /// - Parameter read: the content of a file, at most `fileBytesLimit` bytes of it.
  public init(_ variables: [String: String], read: @escaping @Sendable (String) throws(SystemError) -> [UInt8]) {
    self.variables = variables
    self.read = read
  }

  /// The process' own, as it is now.
  public static func current() -> ProcessEnvironment {
    var variables: [String: String] = [:]
    var at = 0
    // SAFETY: `environ` ends with a null pointer; nobody changes it after the start, and the texts are copied.
    while let entry = unsafe environ[at] {
      let text = unsafe String(cString: entry)
      at += 1
      guard let equals = text.firstIndex(of: "=") else { continue }
      variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    return ProcessEnvironment(variables) { path throws(SystemError) in
      try FileDescriptor.open(reading: path).bytes(at: 0, count: fileBytesLimit)
    }
  }

  /// A variable's value; nil when it is not set or empty, which the SDKs do not tell apart.
  public subscript(_ name: String) -> String? {
    guard let value = variables[name], !value.isEmpty else { return nil }
    return value
  }

  /// Whether a variable says `true`.
  func isTrue(_ name: String) -> Bool { self[name]?.lowercased() == "true" }

  /// A file's content.
  func file(_ path: String) throws(SystemError) -> [UInt8] { try read(path) }
}
