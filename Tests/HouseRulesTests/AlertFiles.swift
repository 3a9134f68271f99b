import Diagnostics
import YAML

/// One alert of a rule file.
struct Alert {
  let file: File
  let line: Int
  let name: String
  let expression: String
  /// `for`; empty without one.
  let wait: String
  let labels: [String: String]
  let annotations: [String: String]
  /// Alerts of alerts/rules are loaded by default; those of alerts/variants are there to be copied.
  var isBundled: Bool { file.path.hasPrefix("alerts/rules/") }
}

/// What one rule of a file records under a name of its own.
struct Recording {
  let file: File
  let line: Int
  let name: String
  let expression: String
}

/// One series that a promtool test feeds in.
struct InputSeries {
  let file: File
  let line: Int
  let text: String
}

/// One expectation of a promtool test.
struct Expectation {
  let alert: String
  let isFiring: Bool
}

/// Everything under `alerts/` that is YAML.
struct AlertFiles {
  private(set) var alerts: [Alert] = []
  private(set) var recordings: [Recording] = []
  private(set) var series: [InputSeries] = []
  private(set) var expectations: [Expectation] = []
  /// Files that cannot be read as what their folder says they are.
  private(set) var findings: [Finding] = []

  init(_ tree: Tree) {
    for file in tree.files where file.path.hasPrefix("alerts/") && file.path.hasSuffix(".yml") {
      let root: YAMLNode
      do { root = try YAMLDocument.parse(Array(file.text.utf8), file: file.path) } catch {
        findings.append(Finding(file, "is no YAML that we read: \(error.all.first?.what ?? "")"))
        continue
      }
      if file.path.hasPrefix("alerts/tests/") {
        for test in root["tests"].entries { read(test: test, file) }
      } else if !file.path.hasSuffix(".example.yml") {
        for group in root["groups"].entries {
          for rule in group["rules"].entries { read(rule: rule, file) }
        }
      }
    }
  }

  private mutating func read(rule: YAMLNode, _ file: File) {
    let expression = rule["expr"].text
    if !rule["record"].text.isEmpty {
      recordings.append(Recording(file: file, line: rule.line, name: rule["record"].text, expression: expression))
    } else {
      alerts.append(
        Alert(
          file: file, line: rule.line, name: rule["alert"].text, expression: expression, wait: rule["for"].text,
          labels: rule["labels"].texts, annotations: rule["annotations"].texts))
    }
  }

  private mutating func read(test: YAMLNode, _ file: File) {
    for input in test["input_series"].entries {
      series.append(InputSeries(file: file, line: input.line, text: input["series"].text))
    }
    for expected in test["alert_rule_test"].entries {
      expectations.append(
        Expectation(alert: expected["alertname"].text, isFiring: !expected["exp_alerts"].entries.isEmpty))
    }
  }
}

extension YAMLNode {
  private static let nothing = YAMLNode(.scalar(YAMLScalar("", isPlain: true)), line: 0, column: 0)

  /// The value of a key; nothing where there is none.
  fileprivate subscript(key: String) -> YAMLNode {
    guard case .mapping(let entries) = value else { return Self.nothing }
    return entries.first { $0.key == key }?.value ?? Self.nothing
  }

  fileprivate var text: String { if case .scalar(let scalar) = value { scalar.text } else { "" } }

  fileprivate var entries: [YAMLNode] { if case .sequence(let nodes) = value { nodes } else { [] } }

  fileprivate var texts: [String: String] {
    guard case .mapping(let entries) = value else { return [:] }
    return Dictionary(entries.map { ($0.key, $0.value.text) }) { first, _ in first }
  }
}
