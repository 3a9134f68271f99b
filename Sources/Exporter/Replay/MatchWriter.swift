internal import Counting
internal import Diagnostics
internal import Engine
internal import Rules

/// How `replay --matches` prints what rules matched.
enum MatchFormat: String, Sendable, CaseIterable { case table, jsonl, sarif }

/// Writes the matches of a replay one after another, as they are found: what is held is bounded, however many there are.
///
/// - Source: SARIF 2.1.0 (OASIS), sections 3.13 to 3.27.
struct MatchWriter {
  /// Rows that are laid out together; the header stands above each such part.
  private static let rowsLimit = 500

  private let format: MatchFormat
  private let rules: [Rule]
  /// Under pseudonyms a rule's own output is not printed: it may hold names.
  private let hasOutput: Bool
  private let columns: Int
  private let write: (String) -> Void
  private var table = MatchWriter.emptyTable
  private var count = 0

  init(
    _ format: MatchFormat, rules: [Rule], hasOutput: Bool, columns: Int, write: @escaping (String) -> Void
  ) {
    self.format = format
    self.rules = rules
    self.hasOutput = hasOutput
    self.columns = columns
    self.write = write
  }

  func begin() {
    guard format == .sarif else { return }
    let list = rules.map(Self.descriptor).joined(separator: ",\n")
    write(
      """
      {"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":{\
      "name":"kube-audit-exporter","version":\(quoted(Version.version)),"rules":[
      \(list)
      ]}},"columnKind":"unicodeCodePoints","results":[
      """)
  }

  /// - Parameter file: the archive that the event is in.
  mutating func add(_ match: DetectedMatch, file: String) {
    switch format {
    case .table: addRow(match)
    case .jsonl: write(line(match, file: file))
    case .sarif: write((count == 0 ? "\n" : ",\n") + result(match, file: file))
    }
    count += 1
  }

  mutating func end() {
    switch format {
    case .table:
      flush()
      if count == 0 { write("No rule has matched.\n") }
    case .jsonl: break
    case .sarif: write("\n]}]}\n")
    }
  }

  // MARK: - Table

  private static var emptyTable: TextTable {
    TextTable(["time", "priority", "rule", "user", "source IP", "request"], numeric: [0])
  }

  private mutating func addRow(_ match: DetectedMatch) {
    let values = match.evidence.values
    let object = [values[.namespace], values[.name]].compactMap { $0 }.joined(separator: "/")
    let resource = [values[.resource], values[.subresource]].compactMap { $0 }.joined(separator: "/")
    let request = [values[.verb] ?? "", resource, object, values[.code] ?? ""].filter { !$0.isEmpty }
    table.rows.append([
      Timestamp.text(match.evidence.time).prefix(19) + "Z", values[.priority] ?? "", rules[match.rule].name,
      values[.user] ?? "",
      values[.sourceIP] ?? "", request.joined(separator: " "),
    ])
    if table.rows.count == Self.rowsLimit { flush() }
  }

  private mutating func flush() {
    write(table.text(columns: columns))
    table = Self.emptyTable
  }

  // MARK: - JSON

  private func line(_ match: DetectedMatch, file: String) -> String {
    var members = ["\"file\":\(quoted(file))"]
    if hasOutput { members.append("\"output\":\(quoted(match.output))") }
    members.append("\"tags\":\(Self.list(rules[match.rule].tags))")
    return "{" + (EvidenceJSON.members(match.evidence) + members).joined(separator: ",") + "}\n"
  }

  private func result(_ match: DetectedMatch, file: String) -> String {
    let rule = rules[match.rule]
    let text = hasOutput ? match.output : rule.name
    return """
      {"ruleId":\(quoted(rule.name)),"ruleIndex":\(match.rule),"level":"\(Self.level(rule.priority))",\
      "message":{"text":\(quoted(text.isEmpty ? rule.name : text))},\
      "locations":[{"physicalLocation":{"artifactLocation":{"uri":\(quoted(Self.uri(file)))}}}],\
      "properties":{\(EvidenceJSON.members(match.evidence).joined(separator: ","))}}
      """
  }

  private static func descriptor(_ rule: Rule) -> String {
    let text = rule.description.isEmpty ? rule.name : rule.description
    return """
      {"id":\(LogFormat.quoted(rule.name)),"shortDescription":{"text":\(LogFormat.quoted(text))},\
      "defaultConfiguration":{"level":"\(level(rule.priority))"},"properties":{"tags":\(list(rule.tags))}}
      """
  }

  /// The three levels that SARIF has for what is a result.
  private static func level(_ priority: Priority) -> String {
    switch priority {
    case .emergency, .alert, .critical, .error: "error"
    case .warning: "warning"
    case .notice, .informational, .debug: "note"
    }
  }

  /// A path as a relative or absolute URI reference.
  private static func uri(_ path: String) -> String {
    let text = path.split(separator: "/", omittingEmptySubsequences: false).map { QueryString.encoded(String($0)) }
      .joined(separator: "/")
    return path.hasPrefix("/") ? "file://" + text : text
  }

  private static func list(_ texts: [String]) -> String {
    "[" + texts.map(LogFormat.quoted).joined(separator: ",") + "]"
  }

  private func quoted(_ text: String) -> String { LogFormat.quoted(text) }
}
