internal import AuditEvents
internal import Diagnostics
import Glibc
internal import Rules

/// Holds an audit policy to detection rules, for people: `rules check-policy`.
struct PolicyTrial {
  static let rulesHelp = "A file of detection rules; may be repeated. Without, those that the package installed."
  /// Where the package and the image have the bundled rules, and a checkout.
  private static let bundled = ["/usr/share/kube-audit-exporter/rules/detections.yaml", "rules/detections.yaml"]

  private let path: String
  private let console: Console

  init(_ path: String, _ console: Console) {
    self.path = path
    self.console = console
  }

  /// The exit code: 0 when every rule sees what it asks for, 1 when one does not, 2 when something cannot be read.
  func check(rules files: [String], _ format: ListFormat) -> Int32 {
    do throws(Failures) {
      let bytes: [UInt8]
      do throws(Failure) { bytes = try FileText.read(path) } catch {
        let remedy = "Give the path of an audit policy that this user can read"
        throw Failures([Failure(.auditPolicy, error.what, at: .path(path), remedy: remedy)])
      }
      let (policy, warnings) = try AuditPolicy.read(bytes, file: path)
      for warning in warnings { console.error(FailureReport.sentence(warning) + "\n") }
      let rules = try RuleFiles.load(files.isEmpty ? try installed() : files)
      for line in RuleFiles.remarks(rules) { console.error(line + "\n") }
      let findings = rules.check(policy)
      console.out(format == .json ? json(rules, findings) : text(policy, rules, findings))
      return findings.allSatisfy { $0.status == .evaluable } ? 0 : 1
    } catch {
      console.error(FailureReport.lines(error.all))
      return 2
    }
  }

  private func installed() throws(Failures) -> [String] {
    if let path = Self.bundled.first(where: { (try? FileText.read($0)) != nil }) { return [path] }
    throw Failures([
      Failure(.rules, "no rules are installed there", at: .path(Self.bundled[0]), remedy: "Name yours with --rules")
    ])
  }

  // MARK: - Text

  private func text(_ policy: AuditPolicy, _ rules: RuleSet, _ findings: [PolicyFinding]) -> String {
    let bad = findings.filter { $0.status != .evaluable }
    var text = ""
    if !bad.isEmpty {
      var table = TextTable(["status", "rule", "priority", "because of"], numeric: [])
      table.rows = bad.map { finding in
        let rule = rules.rules[finding.rule]
        let causes = finding.causes.map(Self.words).joined(separator: "; ")
        return [finding.status.rawValue, rule.name, rule.priority.label, causes]
      }
      text += table.text(columns: Terminal.columns(STDOUT_FILENO)) + "\n"
    }
    text += mending(rules, bad)
    let counts = PolicyFinding.Status.allCases.map { status in
      (status, findings.count { $0.status == status })
    }.filter { $0.1 > 0 }
    text += "\(findings.count) rules: " + counts.map { "\($0.1) \($0.0.rawValue)" }.joined(separator: ", ") + "\n"
    if policy.rules.contains(where: { $0.omitStages.contains(.requestReceived) }) {
      text += "That RequestReceived is omitted hides nothing: every request has a later event.\n"
    }
    return text
  }

  private static func words(_ cause: PolicyFinding.Cause) -> String {
    guard let line = cause.line else { return "no line is for them: \(cause.fault.rawValue)" }
    return "line \(line) (\(cause.level?.label ?? "None")): \(cause.fault.rawValue)"
  }

  /// The rules that would mend the policy; what several rules need stands there once.
  private func mending(_ rules: RuleSet, _ bad: [PolicyFinding]) -> String {
    var named: [[String]: [String]] = [:]
    for finding in bad where !finding.mending.isEmpty {
      named[finding.mending, default: []].append(rules.rules[finding.rule].name)
    }
    guard !named.isEmpty else { return "" }
    let lines = bad.flatMap(\.causes).compactMap(\.line)
    let place = lines.min().map { "before line \($0)" } ?? "at the end"
    // The first rule that fits decides: what logs most stands first.
    func height(_ mending: [String]) -> Int {
      ["RequestResponse", "Request", "Metadata"].firstIndex { level in mending.contains("- level: \(level)") } ?? 3
    }
    var text = "These rules mend it \(place)."
    if named.keys.contains(where: { height($0) < 2 }) { text += " They log bodies: look at what is in them first." }
    text += "\n\n"
    for (mending, names) in named.sorted(by: { (height($0.key), $0.value[0]) < (height($1.key), $1.value[0]) }) {
      text += "# \(names.joined(separator: ", "))\n" + mending.map { $0 + "\n" }.joined() + "\n"
    }
    return text
  }

  // MARK: - JSON

  /// `{"policy", "rules": [{"name", "status", "causes": [{"line", "level", "fault"}], "mending"}]}`.
  private func json(_ rules: RuleSet, _ findings: [PolicyFinding]) -> String {
    let rows = findings.map { finding in
      let causes = finding.causes.map { cause in
        "{\"line\":\(cause.line.map { String($0) } ?? "null"),\"level\":\"\(cause.level?.label ?? "None")\","
          + "\"fault\":\"\(cause.fault.rawValue)\"}"
      }
      return " {\"name\":\(LogFormat.quoted(rules.rules[finding.rule].name)),"
        + "\"status\":\"\(finding.status.rawValue)\",\"causes\":[\(causes.joined(separator: ","))],"
        + "\"mending\":[\(finding.mending.map(LogFormat.quoted).joined(separator: ","))]}"
    }
    return "{\"policy\":\(LogFormat.quoted(path)),\"rules\":["
      + (rows.isEmpty ? "" : "\n" + rows.joined(separator: ",\n") + "\n") + "]}\n"
  }
}
