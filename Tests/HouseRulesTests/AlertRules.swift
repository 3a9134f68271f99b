import Counting
import Metrics

private let severities: Set = ["page", "ticket", "none"]
private let runbookHeadings = [
  "## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## When to ignore, how to tune",
]
/// Labels that Prometheus adds to what it scrapes.
private let scraperLabels: Set = ["job", "instance"]
/// Metrics of Prometheus itself.
private let foreignMetrics: Set = ["up", "ALERTS", "ALERTS_FOR_STATE"]
/// Where runbooks are read by those who have no checkout.
private let projectURL = "https://github.com/kube-audit-exporter/kube-audit-exporter/blob/main/"

let alertRules: [Rule] = [
  Rule(name: "Alerts say how bad, what, and what to do") { tree in
    let files = AlertFiles(tree)
    return files.findings
      + files.alerts.flatMap { alert -> [Finding] in
        func finding(_ text: String) -> [Finding] { [Finding(alert.file, alert.line, "\(alert.name) \(text)")] }
        if !alert.name.hasPrefix("KubeAudit") { return finding("does not begin with KubeAudit") }
        if !severities.contains(alert.labels["severity"] ?? "") { return finding("has no severity that we know") }
        let summary = alert.annotations["summary"] ?? ""
        if summary.isEmpty || summary.contains("{{") { return finding("needs a summary without values") }
        if alert.annotations["description"]?.isEmpty ?? true { return finding("has no description") }
        let url = alert.annotations["runbook_url"] ?? ""
        let path = String(url.dropFirst(projectURL.count).prefix { $0 != "#" })
        if !url.hasPrefix(projectURL) || !tree.paths.contains(path) { return finding("links to no runbook") }
        if alert.isBundled, path != "alerts/runbooks/\(alert.name).md" { return finding("has another's runbook") }
        return []
      }
  },

  Rule(name: "Every runbook has its alert, and its five sections") { tree in
    let names = Set(AlertFiles(tree).alerts.map(\.name))
    return tree.pages.filter { $0.path.hasPrefix("alerts/runbooks/") }.flatMap { page -> [Finding] in
      let name = page.path.split(separator: "/").last?.dropLast(".md".count) ?? ""
      if !names.contains(String(name)) { return [Finding(page, "is the runbook of no alert")] }
      if page.lines.first != "# \(name)" { return [Finding(page, 1, "must begin with `# \(name)`")] }
      let headings = page.lines.filter { $0.hasPrefix("## ") }
      return headings == runbookHeadings ? [] : [Finding(page, "has not the sections \(runbookHeadings)")]
    }
  },

  Rule(name: "Alerts name metrics, labels and words that exist") { tree in
    let files = AlertFiles(tree)
    let vocabulary = Vocabulary(files, page: tree.file("docs/metrics.md")?.text ?? "")
    return files.alerts.flatMap { alert in
      vocabulary.faults(of: Expression(alert.expression), isBundled: alert.isBundled)
        .map { Finding(alert.file, alert.line, "\(alert.name) \($0)") }
        + vocabulary.unfilled(alert).map { Finding(alert.file, alert.line, "\(alert.name) shows $labels.\($0)") }
    }
      + files.recordings.flatMap { recording in
        vocabulary.faults(of: Expression(recording.expression), isBundled: true)
          .map { Finding(recording.file, recording.line, "\(recording.name) \($0)") }
      }
  },

  Rule(name: "Tests of alerts feed series as they are exposed") { tree in
    AlertFiles(tree).series.flatMap { series -> [Finding] in
      Expression(series.text).selectors.compactMap { selector in
        guard !foreignMetrics.contains(selector.name) else { return nil }
        guard let family = Families.all.first(where: { $0.name == selector.name }) else {
          return Finding(series.file, series.line, "feeds \(selector.name), which is no family")
        }
        let given = Set(selector.matchers.map(\.label)).subtracting(scraperLabels)
        let wanted = Set(family.labels.map(\.rawValue))
        let wrong = given.symmetricDifference(wanted).sorted()
        return wrong.isEmpty ? nil : Finding(series.file, series.line, "\(family.name): labels \(wrong) differ")
      }
    }
  },

  Rule(name: "Every alert is seen to fire and to stay quiet") { tree in
    let files = AlertFiles(tree)
    let fired = Set(files.expectations.filter(\.isFiring).map(\.alert))
    let quiet = Set(files.expectations.filter { !$0.isFiring }.map(\.alert)).union(House.alwaysFiring)
    let names = Set(files.alerts.map(\.name))
    return files.alerts.filter { $0.isBundled && !(fired.contains($0.name) && quiet.contains($0.name)) }
      .map { Finding($0.file, $0.line, "\($0.name) is not tested both to fire and to stay quiet in alerts/tests") }
      + fired.union(quiet).subtracting(names).subtracting(House.alwaysFiring).sorted()
      .map { Finding(path: "alerts/tests", nil, "\($0) is tested, and is no alert") }
  },

  Rule(name: "docs/alerts.md tells what every alert is") { tree in
    let rows = (tree.file("docs/alerts.md")?.lines ?? []).filter { $0.hasPrefix("| [KubeAudit") }
    return AlertFiles(tree).alerts.filter(\.isBundled).flatMap { alert -> [Finding] in
      let link = "[\(alert.name)](../alerts/runbooks/\(alert.name).md)"
      guard let row = rows.first(where: { $0.hasPrefix("| \(link) |") }) else {
        return [Finding(alert.file, alert.line, "\(alert.name) has no row in docs/alerts.md")]
      }
      let cells = row.split(separator: "|").map { String($0).drop { $0 == " " } }
      let severity = alert.labels["severity"] ?? ""
      guard cells.count == 4, cells[1].hasPrefix(severity + " ") else {
        return [Finding(alert.file, alert.line, "\(alert.name) is no \(severity) in docs/alerts.md")]
      }
      let says = "\(alert.expression) for \(alert.wait) "
      return cells[3].split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 && !says.contains($0.element) }
        .map { Finding(alert.file, alert.line, "\(alert.name) has no `\($0.element)`, as docs/alerts.md says") }
    }
  },

  Rule(name: "Alerts that pages and examples name exist") { tree in
    let files = AlertFiles(tree)
    guard !files.alerts.isEmpty else { return [] }
    let names = Set(files.alerts.map(\.name))
    return tree.files.filter { $0.isPage || $0.path.hasPrefix("alerts/") }.flatMap { file in
      zip(1..., file.lines).flatMap { number, line in
        line.split { !($0.isLetter || $0.isNumber) }.map(String.init)
          .filter { $0.hasPrefix("KubeAudit") && !names.contains($0) && !["KubeAudit", "KubeAuditCore"].contains($0) }
          .map { Finding(file, number, "names \($0), which is no alert") }
      }
    }
  },
]

/// What an expression may name.
private struct Vocabulary {
  private var labelsByMetric: [String: Set<String>] = [:]
  /// docs/metrics.md: the words of labels with a fixed list are in it, between backticks.
  private let page: String

  private static let listedLabels: Set = ["window", "reason", "outcome", "audit_stage", "code_class"]
  private static let objects = Set(TrackedObject.builtIn.map(\.name))

  init(_ files: AlertFiles, page: String) {
    self.page = page
    for family in Families.all { labelsByMetric[family.name] = Set(family.labels.map(\.rawValue)).union(scraperLabels) }
    for name in foreignMetrics { labelsByMetric[name] = scraperLabels.union(["alertname", "alertstate"]) }
    for recording in files.recordings {
      labelsByMetric[recording.name] = Set(Expression(recording.expression).groupings)
    }
  }

  /// What is wrong with the names of an expression. Variants may name windows and objects that are to be configured.
  func faults(of expression: Expression, isBundled: Bool) -> [String] {
    var known: Set<String> = []
    var faults: [String] = []
    for selector in expression.selectors {
      for name in names(of: selector) {
        guard let labels = labelsByMetric[name] else { return ["names \(name), which is no family"] }
        known.formUnion(labels)
        faults += selector.matchers.filter { $0.label != "__name__" && !labels.contains($0.label) }
          .map { "matches \($0.label), which \(name) has not" }
      }
      faults += selector.matchers.flatMap { matcher in
        words(of: matcher).filter { !exists($0, as: matcher.label, isBundled: isBundled) }
          .map { "matches \(matcher.label)=\"\($0)\", which does not exist" }
      }
    }
    return faults + expression.groupings.filter { !known.contains($0) }.map { "groups by \($0), which nothing has" }
  }

  /// Labels that a template shows and the expression does not keep.
  func unfilled(_ alert: Alert) -> [String] {
    let expression = Expression(alert.expression)
    let kept = Set(expression.groupings + expression.selectors.flatMap { $0.matchers.map(\.label) })
    let shown = alert.annotations.values.flatMap { text in
      text.split(separator: " ").filter { $0.hasPrefix("$labels.") }
        .map { String($0.dropFirst("$labels.".count).prefix { $0.isLetter || $0.isNumber || $0 == "_" }) }
    }
    return shown.filter { !kept.contains($0) }
  }

  private func names(of selector: Expression.Selector) -> [String] {
    guard selector.name.isEmpty else { return [selector.name] }
    return selector.matchers.filter { $0.label == "__name__" }.flatMap { Expression.alternatives($0.value) }
  }

  private func words(of matcher: Expression.Matcher) -> [String] {
    matcher.isRegex ? Expression.alternatives(matcher.value) : [matcher.value]
  }

  private func exists(_ word: String, as label: String, isBundled: Bool) -> Bool {
    if label == "object" { return !isBundled || Self.objects.contains(word) }
    guard Self.listedLabels.contains(label), isBundled || label != "window" else { return true }
    return page.contains("`\(word)`")
  }
}
