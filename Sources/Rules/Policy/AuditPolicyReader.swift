internal import AuditEvents
public import Diagnostics
internal import YAML

extension Failure.Reason {
  /// A file that is no audit policy.
  public static let auditPolicy = Failure.Reason("audit_policy")
}

extension AuditPolicy {
  /// Reads a policy; what it refuses, an API server refuses.
  ///
  /// - Returns: the policy, and what loads and is probably not meant.
  /// - Errors: all that were found, with line and column: reasons `audit_policy` and `yaml`.
  public static func read(_ bytes: [UInt8], file: String) throws(Failures) -> (policy: AuditPolicy, warnings: [Failure])
  {
    let root = try YAMLDocument.parse(bytes, file: file)
    var reader = AuditPolicyReader(file: file)
    let policy = reader.policy(root)
    guard let policy, reader.failures.isEmpty else { throw Failures(reader.failures) }
    return (policy, reader.warnings)
  }
}

/// Reads a policy out of a tree of YAML. What is wrong is noted, and reading goes on.
private struct AuditPolicyReader {
  let file: String
  private(set) var failures: [Failure] = []
  private(set) var warnings: [Failure] = []

  static let failureLimit = 50
  static let rulesLimit = 2_000

  init(file: String) { self.file = file }

  mutating func policy(_ root: YAMLNode) -> AuditPolicy? {
    guard case .mapping(let entries) = root.value else {
      fail(root, "the document is \(root.kind)", "Write an audit policy: apiVersion, kind and rules")
      return nil
    }
    expect(entries, ["apiVersion", "kind", "metadata", "omitStages", "omitManagedFields", "rules"])
    let version = entries.first { $0.key == "apiVersion" }
    let kind = entries.first { $0.key == "kind" }
    if let version, text(version.value) == "audit.k8s.io/v1beta1" {
      warn(version.line, version.column, "API servers from 1.24 on refuse audit.k8s.io/v1beta1")
    } else if version.map({ text($0.value) }) != "audit.k8s.io/v1" {
      fail(version?.value ?? root, "the apiVersion is no audit policy's", "Write apiVersion: audit.k8s.io/v1")
    }
    if kind.map({ text($0.value) }) != "Policy" {
      fail(kind?.value ?? root, "the kind is not Policy", "Write kind: Policy")
    }
    let omitted = stages(entries)
    guard let entry = entries.first(where: { $0.key == "rules" }), case .sequence(let nodes) = entry.value.value,
      !nodes.isEmpty
    else {
      fail(entries.first { $0.key == "rules" }?.value ?? root, "it has no rules", "Write rules: and at least one")
      return nil
    }
    guard nodes.count <= Self.rulesLimit else {
      fail(entry.value, "it has more than \(Self.rulesLimit) rules", "Write fewer")
      return nil
    }
    var rules: [AuditPolicy.Rule] = []
    for node in nodes {
      guard var rule = rule(node) else { continue }
      rule.omitStages.formUnion(omitted)
      rules.append(rule)
    }
    return AuditPolicy(rules: rules)
  }

  private mutating func rule(_ node: YAMLNode) -> AuditPolicy.Rule? {
    guard case .mapping(let entries) = node.value else {
      fail(node, "a rule is \(node.kind)", "Write level: and what it is for")
      return nil
    }
    expect(
      entries,
      [
        "level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages",
        "omitManagedFields",
      ])
    guard let entry = entries.first(where: { $0.key == "level" }) else {
      fail(node, "a rule has no level", "Write level: None, Metadata, Request or RequestResponse")
      return nil
    }
    let level = RuleField.Level.all.first { $0.label == text(entry.value) }
    if level == nil, text(entry.value) != "None" {
      fail(entry.value, "the level is none", "Write None, Metadata, Request or RequestResponse")
    }
    var rule = AuditPolicy.Rule(level: level)
    rule.line = node.line
    rule.users = texts(entries, "users")
    rule.userGroups = texts(entries, "userGroups")
    rule.verbs = texts(entries, "verbs")
    rule.namespaces = texts(entries, "namespaces")
    rule.nonResourceURLs = urls(entries)
    rule.resources = nodes(entries, "resources").compactMap { resources($0) }
    rule.omitStages = stages(entries)
    if !rule.nonResourceURLs.isEmpty, !rule.resources.isEmpty || !rule.namespaces.isEmpty {
      fail(node, "a rule is for resources and for paths that are none", "Make two rules of it")
    }
    return rule
  }

  private mutating func resources(_ node: YAMLNode) -> AuditPolicy.Resources? {
    guard case .mapping(let entries) = node.value else {
      fail(node, "resources hold \(node.kind)", "Write group: and resources:")
      return nil
    }
    expect(entries, ["group", "resources", "resourceNames"])
    var found = AuditPolicy.Resources()
    if let entry = entries.first(where: { $0.key == "group" }), !entry.value.isNull {
      found.group = text(entry.value) ?? ""
      let isName = found.group.utf8.allSatisfy { byte in
        byte >= 0x61 && byte <= 0x7a || byte >= 0x30 && byte <= 0x39 || byte == 0x2d || byte == 0x2e
      }
      if text(entry.value) == nil || !isName && found.group != "*" {
        fail(entry.value, "the group is no group's name", "Write it without its version: apps, or \"\" for pods")
      }
    }
    found.resources = texts(entries, "resources")
    found.resourceNames = texts(entries, "resourceNames")
    if found.resources.isEmpty, !found.resourceNames.isEmpty {
      fail(node, "resourceNames stand without resources", "Name the resources too")
    }
    return found
  }

  private mutating func urls(_ entries: [YAMLEntry]) -> [String] {
    for node in nodes(entries, "nonResourceURLs") {
      guard let url = text(node), url != "*" else { continue }
      if !url.hasPrefix("/") { fail(node, "a path does not begin with /", "Write it as requests have it: /healthz") }
      if url.dropLast().contains("*") { fail(node, "a * stands not at the end", "Write it last, or not at all") }
    }
    return texts(entries, "nonResourceURLs")
  }

  private mutating func stages(_ entries: [YAMLEntry]) -> Set<Stage> {
    var stages: Set<Stage> = []
    for node in nodes(entries, "omitStages") {
      guard let stage = Stage.allCases.first(where: { $0 != .unknown && $0.label == text(node) }) else {
        fail(node, "there is no such stage", "Write RequestReceived, ResponseStarted, ResponseComplete or Panic")
        continue
      }
      stages.insert(stage)
    }
    return stages
  }

  // MARK: - Shapes

  private func text(_ node: YAMLNode) -> String? {
    guard case .scalar(let scalar) = node.value, !scalar.isNull else { return nil }
    return scalar.text
  }

  private mutating func nodes(_ entries: [YAMLEntry], _ key: String) -> [YAMLNode] {
    guard let entry = entries.first(where: { $0.key == key }), !entry.value.isNull else { return [] }
    guard case .sequence(let nodes) = entry.value.value else {
      fail(entry.value, "\(key) is \(entry.value.kind)", "Write a list")
      return []
    }
    return nodes
  }

  private mutating func texts(_ entries: [YAMLEntry], _ key: String) -> [String] {
    var texts: [String] = []
    for node in nodes(entries, key) {
      guard let text = text(node) else {
        fail(node, "\(key) holds \(node.kind)", "Write a list of texts")
        continue
      }
      texts.append(text)
    }
    return texts
  }

  private mutating func expect(_ entries: [YAMLEntry], _ keys: Set<String>) {
    for entry in entries where !keys.contains(entry.key) {
      warn(entry.line, entry.column, "\(quoted(entry.key)) means nothing in an audit policy and is passed over")
    }
  }

  private mutating func fail(_ node: YAMLNode, _ what: String, _ remedy: String) {
    guard failures.count < Self.failureLimit else { return }
    failures.append(
      Failure(.auditPolicy, what, at: .text(file: file, line: node.line, column: node.column), remedy: remedy))
  }

  private mutating func warn(_ line: Int, _ column: Int, _ what: String) {
    guard warnings.count < Self.failureLimit else { return }
    warnings.append(Failure(.auditPolicy, what, at: .text(file: file, line: line, column: column), remedy: ""))
  }
}
