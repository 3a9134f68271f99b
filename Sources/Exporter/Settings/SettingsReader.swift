internal import Diagnostics
internal import YAML

/// A flag that was given, with its texts: one, or several when it may be repeated.
struct GivenFlag: Sendable, Equatable {
  /// Without the two hyphens.
  let name: String
  let values: [String]
}

/// Puts settings together: defaults, then the file, then the flags. All failures at once.
enum SettingsReader {
  /// - Parameters:
  ///   - file: the configuration file's path; nil for none.
  ///   - needsInput: whether it is a failure that no input is configured.
  static func load(file: String?, flags: [GivenFlag] = [], needsInput: Bool) throws(Failures) -> Settings {
    var text: [UInt8] = []
    var failures: [Failure] = []
    if let file {
      do throws(Failure) { text = try FileText.read(file) } catch { failures.append(error) }
    }
    return try settings(
      text: text, file: file, flags: flags, needsInput: needsInput && failures.isEmpty, failures: failures)
  }

  /// The same for a text that was read already.
  static func settings(
    text: [UInt8], file: String?, flags: [GivenFlag] = [], needsInput: Bool, failures before: [Failure] = []
  ) throws(Failures) -> Settings {
    var failures = before
    var settings = Settings()
    var reader = FileReader(file: file ?? "")
    if let file {
      do throws(Failures) {
        reader.read(try YAMLDocument.parse(text, file: file), into: &settings)
      } catch { failures += error.all }
    }
    failures += reader.complaints.failures
    failures += apply(flags, to: &settings)
    settings.windowSeconds.sort()
    let missing = needsInput && failures.isEmpty ? SettingsChecks.missingInput(settings) : nil
    failures += (SettingsChecks.failures(settings) + (missing.map { [$0] } ?? [])).map { reader.located($0, flags) }
    guard failures.isEmpty else { throw Failures(failures) }
    return settings
  }

  private static func apply(_ flags: [GivenFlag], to settings: inout Settings) -> [Failure] {
    var complaints = Complaints(file: nil)
    for flag in flags {
      guard let setting = Schema.setting(flag: flag.name) else { continue }
      complaints.key = "--" + flag.name
      let nodes = flag.values.map { YAMLNode(.scalar(YAMLScalar($0, isPlain: false)), line: 0, column: 0) }
      let node = nodes.count == 1 ? nodes[0] : YAMLNode(.sequence(nodes), line: 0, column: 0)
      setting.read(node, &settings, &complaints)
    }
    return complaints.failures
  }

  /// What differs between two settings and is not taken over by a reload.
  static func needingRestart(_ old: Settings, _ new: Settings) -> [String] {
    Schema.all.filter { !$0.isReloadable && !$0.isEqual(old, new) }.map(\.key)
  }
}

/// Reads the mapping of a configuration file by the schema.
private struct FileReader {
  private(set) var complaints: Complaints
  private var lines: [String: Int] = [:]
  private static let settings = Dictionary(uniqueKeysWithValues: Schema.all.map { ($0.key, $0) })

  init(file: String) { complaints = Complaints(file: file) }

  mutating func read(_ root: YAMLNode, into settings: inout Settings) {
    guard !root.isNull else { return }
    section(root, prefix: "", into: &settings)
  }

  private mutating func section(_ node: YAMLNode, prefix: String, into settings: inout Settings) {
    guard case .mapping(let entries) = node.value else {
      complaints.key = prefix.isEmpty ? "(root)" : String(prefix.dropLast())
      complaints.add(Refusal("\(node.kind) is given instead of a mapping", "Write KEY: VALUE, a line each"), at: node)
      return
    }
    for entry in entries {
      let key = prefix + entry.key
      complaints.key = key
      if let setting = Self.settings[key], !entry.key.contains(".") {
        lines[key] = entry.line
        if entry.value.isNull {
          complaints.add(Refusal("no value is given", "Give one, or remove the line"), line: entry.line)
        } else {
          setting.read(entry.value, &settings, &complaints)
        }
      } else if Schema.all.contains(where: { $0.key.hasPrefix(key + ".") }), !entry.key.contains(".") {
        if !entry.value.isNull { section(entry.value, prefix: key + ".", into: &settings) }
      } else {
        complaints.add(Refusal("the key is not known", remedy(for: entry.key, prefix: prefix)), line: entry.line)
      }
    }
  }

  private func remedy(for name: String, prefix: String) -> String {
    if Self.settings[prefix + name] != nil {
      return "Nest it: every part of \(prefix + name) is a key of its own, one below the other"
    }
    let siblings = Schema.all.filter { $0.key.hasPrefix(prefix) }.compactMap {
      $0.key.dropFirst(prefix.count).split(separator: ".").first.map(String.init)
    }
    if let near = NearestName.find(name, among: siblings) { return "Did you mean \(prefix + near)?" }
    let elsewhere = Schema.all.map(\.key).filter { $0.hasSuffix("." + name) || $0 == name }
    if let key = elsewhere.first { return "Did you mean \(key)?" }
    if let near = NearestName.find(prefix + name, among: Schema.all.map(\.key)) { return "Did you mean \(near)?" }
    return "docs/configuration.md lists every key"
  }

  /// The failure with who set its key: the flag, or the file's line; neither for a default.
  func located(_ failure: Failure, _ flags: [GivenFlag]) -> Failure {
    guard case .setting(let key, nil, nil) = failure.place else { return failure }
    if let flag = Self.settings[key]?.flag, flags.contains(where: { $0.name == flag }) {
      return Failure(
        failure.reason, failure.what, at: .setting(key: "--" + flag, file: nil, line: nil), remedy: failure.remedy)
    }
    guard let line = lines[key] else { return failure }
    return Failure(
      failure.reason, failure.what, at: .setting(key: key, file: complaints.file, line: line), remedy: failure.remedy)
  }
}
