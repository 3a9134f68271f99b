internal import Diagnostics
internal import YAML

/// Failures found in the values of one source of settings: a file, or the command line.
struct Complaints {
  /// The file; nil for flags.
  let file: String?
  /// The setting that is being read; for flags its flag.
  var key = ""
  private(set) var failures: [Failure] = []

  /// More failures than this help nobody.
  static let limit = 100

  init(file: String?) { self.file = file }

  mutating func add(_ refusal: Refusal, at node: YAMLNode) { add(refusal, line: node.line) }

  mutating func add(_ refusal: Refusal, line: Int) {
    guard failures.count < Self.limit else { return }
    let place = Failure.Place.setting(key: key, file: file, line: file == nil ? nil : line)
    failures.append(Failure(.setting, refusal.what, at: place, remedy: refusal.remedy))
  }

  mutating func add(_ others: [Failure]) { failures += others.prefix(max(0, Self.limit - failures.count)) }
}

extension Failure.Reason {
  /// A setting that is unknown, or whose value is not allowed.
  static let setting = Failure.Reason("setting")
  /// A configuration file that cannot be read.
  static let configurationFile = Failure.Reason("configuration_file")
}
