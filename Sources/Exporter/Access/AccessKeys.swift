internal import AWS
internal import Concurrency
internal import Diagnostics

/// The keys that Firehose may come with, as digests: the keys themselves are nowhere kept.
struct AccessKeys: Sendable, Equatable {
  /// A shorter one could be guessed.
  static let leastBytes = 16
  /// What Firehose sends at most.
  static let bytesLimit = 4096

  enum Verdict: Equatable {
    case wrong
    /// What the key may write; nil for every cluster.
    case right(Set<String>?)
  }

  private struct Entry: Sendable, Equatable {
    let digest: [UInt8]
    let clusters: Set<String>?
  }

  /// Keys the digests; of this process.
  private static let digestKey = SecretBytes.randomKey()
  private var entries: [Entry] = []
  /// Whether nobody is asked for one.
  private var isOpen = false
  /// What is not as it should be, a sentence each.
  private(set) var warnings: [String] = []

  /// No key is right.
  init() {}

  /// Reads the keys that the settings name.
  ///
  /// - Parameters:
  ///   - environment: where variables are found.
  ///   - files: gets what was read or could not be.
  /// - Errors: reason `setting`; no key is in any.
  init(
    _ settings: Settings.Firehose, _ environment: ProcessEnvironment = .current(), files: inout [String]
  ) throws(Failures) {
    var failures: [Failure] = []
    for key in settings.accessKeys {
      do throws(Failure) {
        let text = try Self.text(of: key.place, environment, &files, &warnings)
        entries.append(Entry(digest: Self.digest(text), clusters: key.clusters.map { Set($0) }))
      } catch { failures.append(error) }
    }
    guard failures.isEmpty else { throw Failures(failures) }
    isOpen = settings.isInsecure && settings.accessKeys.isEmpty
  }

  /// Judges what a request came with, in a time that does not depend on how much of it is right.
  func judge(_ given: String?) -> Verdict {
    if isOpen { return .right(nil) }
    let text = FirehoseText.accessKey(Array((given ?? "").utf8))
    let digest = Self.digest(text)
    var found: Entry?
    for entry in entries where SecretBytes.areEqual(entry.digest, digest) { found = found ?? entry }
    return found.map { .right($0.clusters) } ?? .wrong
  }

  private static func digest(_ text: [UInt8]) -> [UInt8] { SecretBytes.hmac(text, key: digestKey) }

  private static func text(
    of place: Settings.Firehose.AccessKey.Place, _ environment: ProcessEnvironment, _ files: inout [String],
    _ warnings: inout [String]
  ) throws(Failure) -> [UInt8] {
    var bytes: [UInt8]
    let name: String
    switch place {
    case .file(let path):
      name = path
      files.append(path)
      do throws(Failure) { bytes = try FileText.read(path) } catch {
        throw failure("\(path): \(error.what)", "Give the path of a file that this user can read")
      }
      if (try? FileFacts(path: path))?.isReadableByAll == true {
        warnings.append("\(path) can be read by every user of this machine: take that right away (chmod o-r)")
      }
    case .variable(let variable):
      name = variable
      guard let value = environment[variable] else {
        throw failure("the environment has no variable \(variable)", "Set it, or name another")
      }
      bytes = Array(value.utf8)
    }
    while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
    bytes = FirehoseText.accessKey(bytes)
    let remedy = "Make one with `openssl rand -hex 32`, and give the same to the delivery stream"
    guard bytes.count >= leastBytes else {
      throw failure("\(name) holds \(bytes.count) bytes, and a key has \(leastBytes) at least", remedy)
    }
    guard bytes.count <= bytesLimit, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw failure("\(name) holds no access key: more than \(bytesLimit) bytes, or blanks among them", remedy)
    }
    return bytes
  }

  private static func failure(_ what: String, _ remedy: String) -> Failure {
    Failure(.setting, what, at: .setting(key: "inputs.firehose.access_keys", file: nil, line: nil), remedy: remedy)
  }
}
