internal import AuditEvents

/// What is missing in a policy, gathered kind by kind, and the rules that would mend it.
struct PolicyMending {
  private struct Need: Hashable {
    let level: RuleField.Level
    let kind: Int
  }
  private var verbs: [Need: Set<Int>] = [:]
  /// Of paths that are no resource, by level.
  private var paths: [RuleField.Level: Set<Int>] = [:]
  private var pathVerbs: [RuleField.Level: Set<Int>] = [:]
  /// Stages that must not be omitted, by the line of the policy's rule.
  var stages: [Int: Set<Stage>] = [:]

  mutating func add(_ level: RuleField.Level, kind: Int, verb: Int, path: Int?) {
    if let path {
      paths[level, default: []].insert(path)
      pathVerbs[level, default: []].insert(verb)
    } else {
      verbs[Need(level: level, kind: kind), default: []].insert(verb)
    }
  }

  /// Lines of YAML.
  func lines(_ choices: PolicyChoices) -> [String] {
    var lines: [String] = []
    for level in RuleField.Level.all.reversed() {
      // Kinds that need the same of the same verbs are one rule.
      var byVerbs: [[Int]: [Int]] = [:]
      for (need, verbs) in verbs where need.level == level { byVerbs[verbs.sorted(), default: []].append(need.kind) }
      for (verbs, kinds) in byVerbs.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        lines += rule(level, verbs, choices) + resources(kinds.sorted().flatMap { choices.kinds[$0].all })
      }
      guard let paths = paths[level] else { continue }
      let words = Set(paths.flatMap { choices.paths[$0].all })
      let isAny = words.contains(nil) || words.contains(.beginning([]))
      let texts = words.compactMap { word -> String? in
        switch word {
        case .text(let text): words.contains(.beginning(text)) ? nil : Self.shown(text)
        case .beginning(let text): Self.shown(text + [UInt8(ascii: "*")])
        default: nil
        }
      }
      lines += rule(level, pathVerbs[level]?.sorted() ?? [], choices)
      lines.append("  nonResourceURLs: [" + (isAny ? "\"*\"" : texts.sorted().joined(separator: ", ")) + "]")
    }
    for (line, stages) in stages.sorted(by: { $0.key < $1.key }) {
      let names = stages.sorted { $0.rawValue < $1.rawValue }.map(\.label).joined(separator: ", ")
      lines.append("# line \(line): take \(names) out of omitStages")
    }
    return lines
  }

  private func rule(_ level: RuleField.Level, _ verbs: [Int], _ choices: PolicyChoices) -> [String] {
    let words = verbs.flatMap { choices.verbs[$0].all }
    let isAny = words.contains { if case .beginning = $0 { true } else { false } }
    let names = words.map(\.text).sorted()
    return ["- level: \(level.label)"] + (isAny ? [] : ["  verbs: [\(names.joined(separator: ", "))]"])
  }

  /// The kinds by group: `pods`, `pods/exec`, `pods/*`.
  private func resources(_ kinds: [PolicyChoices.Kind]) -> [String] {
    var anyGroup: Set<Supposition.Word> = []
    for kind in kinds { if case .beginning = kind.group { anyGroup.insert(kind.resource) } }
    var byGroup: [String: Set<String>] = [:]
    for kind in kinds where kind.resource != .missing {
      let group = anyGroup.contains(kind.resource) ? "*" : kind.group.text
      let resource: String
      if case .beginning = kind.resource { resource = "*" } else { resource = kind.resource.text }
      switch kind.subresource {
      case .missing: byGroup[group, default: []].insert(resource)
      case .text(let text):
        byGroup[group, default: []].insert(resource + "/" + String(decoding: text, as: UTF8.self))
      case .beginning: byGroup[group, default: []].insert(resource == "*" ? "*" : resource + "/*")
      }
    }
    var lines: [String] = []
    for (group, resources) in byGroup.sorted(by: { $0.key < $1.key }) {
      lines.append("    - group: \(Self.shown(Array(group.utf8)))")
      // All of a group need not be named, and pods/* are pods too.
      guard !resources.contains("*") else { continue }
      let covered = resources.filter { name in
        let whole = name.split(separator: "/").first.map { $0 + "/*" } ?? ""
        return name == whole || !resources.contains(String(whole))
      }
      lines.append(
        "      resources: [" + covered.sorted().map { Self.shown(Array($0.utf8)) }.joined(separator: ", ") + "]")
    }
    return lines.isEmpty ? [] : ["  resources:"] + lines
  }

  /// As YAML has it; what is no plain name, between quotes.
  private static func shown(_ bytes: [UInt8]) -> String {
    let isPlain =
      !bytes.isEmpty
      && bytes.allSatisfy { byte in
        byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7a || byte == 0x2d || byte == 0x2e || byte == 0x2f
      }
    let text = String(decoding: bytes, as: UTF8.self)
    return isPlain ? text : "\"" + text + "\""
  }
}
