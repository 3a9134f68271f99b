internal import Concurrency
internal import Counting
internal import Diagnostics

/// The key that users and source IPs are hidden with, from its file.
struct PseudonymKey: Sendable {
  /// As many as the hash gives: a shorter key could be found by trying.
  static let leastBytes = 32
  /// A longer file is something else.
  static let bytesLimit = 4096

  let pseudonyms: Pseudonyms
  /// What is not as it should be, a sentence each.
  let warnings: [String]

  /// - Parameter path: a file that holds the key alone; a line break at its end does not belong to it.
  /// - Errors: reason `setting`; the key is in none.
  init(file path: String) throws(Failure) {
    var bytes: [UInt8]
    do throws(Failure) { bytes = try FileText.read(path) } catch {
      throw Self.failure("\(path): \(error.what)", "Give the path of a file that this user can read")
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    let remedy = "Make one with `openssl rand -hex 32`, and keep it: another key makes other pseudonyms"
    guard bytes.count >= Self.leastBytes else {
      throw Self.failure("\(path) holds \(bytes.count) bytes, and a key has \(Self.leastBytes) at least", remedy)
    }
    guard bytes.count <= Self.bytesLimit else {
      throw Self.failure("\(path) holds more than \(Self.bytesLimit) bytes, which is no key", remedy)
    }
    let isOpen = (try? FileFacts(path: path))?.isReadableByAll == true
    warnings =
      isOpen ? ["\(path) can be read by every user of this machine: take that right away (chmod o-r)"] : []
    pseudonyms = Pseudonyms { [bytes] message in SecretBytes.hmac(message, key: bytes) }
  }

  private static func failure(_ what: String, _ remedy: String) -> Failure {
    Failure(.setting, what, at: .setting(key: "pseudonyms.key_file", file: nil, line: nil), remedy: remedy)
  }
}

extension Settings {
  /// The key that the settings name; nil when none is named.
  func pseudonymKey() throws(Failures) -> PseudonymKey? {
    guard !pseudonymKeyFile.isEmpty else { return nil }
    do throws(Failure) { return try PseudonymKey(file: pseudonymKeyFile) } catch { throw Failures([error]) }
  }
}
