internal import Counting
internal import Metrics

extension Page {
  /// What would alert now and why; the first thing on the page.
  static func alerts(_ figures: PageFigures, _ model: PageModel) -> HTML {
    let unjudged: HTML = """
      <details><summary>Judged by the bundled rules’ own thresholds; \(AlertConditions.unjudged.count) rules need what \
      only Prometheus has (history, arithmetic, <code>up</code>) and are not judged here. Prometheus goes on firing most \
      pages for five minutes after their condition has ended here</summary>\
      <p>\(HTML(AlertConditions.unjudged.map { "\(alert($0, model)) " }))</p></details>
      """
    guard !figures.findings.isEmpty else { return nothingHolds(figures, model, unjudged) }
    let shown = limited(figures.findings)
    let hasPage = figures.findings.contains { $0.condition.severity == .page }
    return """
      <section class="verdict \(hasPage ? "page" : "ticket")" aria-labelledby="alerts">\
      <h2 id="alerts">Conditions that hold: \(tally(figures.findings))</h2>\
      <table class="alerts"><thead><tr><th scope="col">Alert</th><th scope="col">Cluster</th><th scope="col">Who, from \
      where, what</th><th scope="col" class="n">Now</th><th scope="col" class="n">Fires at</th></tr></thead>\
      <tbody>\(HTML(shown.rows.map { row($0, model) }))</tbody></table>\
      \(more(figures.findings.count - shown.count, "of these alerts"))\(unjudged)</section>
      """
  }

  /// `2 would page, 1 would page if it lasts, 3 would open a ticket`.
  private static func tally(_ findings: [AlertFinding]) -> String {
    let parts: [(count: Int, text: String)] = [("page", AlertCondition.Severity.page), ("open a ticket", .ticket)]
      .flatMap { what, severity in
        let own = findings.filter { $0.condition.severity == severity }
        let waiting = own.filter { !$0.condition.lasting.isEmpty }.count
        let ending = waiting == 1 ? "if it lasts" : "if they last"
        return [(own.count - waiting, "would \(what)"), (waiting, "would \(what) \(ending)")]
      }
    return parts.filter { $0.count > 0 }.map { "\(PageFormat.count(Double($0.count))) \($0.text)" }
      .joined(separator: ", ")
  }

  /// Calm only where calm is known: an exporter that has heard nothing, or whose windows are still filling, cannot tell.
  private static func nothingHolds(_ figures: PageFigures, _ model: PageModel, _ unjudged: HTML) -> HTML {
    let age = (Double(model.now) - Double(model.startedAt)) / 1e6
    let window = Double(PageFormat.seconds(ofWindow: figures.window) ?? 0)
    let doubt: HTML? =
      if !figures.clusters.contains(where: { $0.lastEvent != nil }) {
        "No audit event has been heard, so nothing that is refused or changed can be seen."
      } else if age < window {
        """
        The exporter has been running for \(PageFormat.duration(seconds: age)): its windows began empty, and what happened \
        before is not in them.
        """
      } else {
        nil
      }
    guard let doubt else {
      return """
        <section class="verdict calm" aria-labelledby="alerts"><h2 id="alerts">No alert would fire</h2>\
        <p>None of the \(AlertConditions.all.count) conditions that this exporter can judge holds. A page about what has \
        just ended may still be firing in Alertmanager, for five minutes.</p>\(unjudged)</section>
        """
    }
    return """
      <section class="verdict" aria-labelledby="alerts"><h2 id="alerts">Too early to tell</h2><p>\(doubt)</p>\
      \(unjudged)</section>
      """
  }

  /// The first findings of each alert, one after another, and how many they are.
  private static func limited(_ findings: [AlertFinding]) -> (rows: [(finding: AlertFinding, more: Int)], count: Int) {
    var rows: [(finding: AlertFinding, more: Int)] = []
    for condition in AlertConditions.all {
      let own = findings.filter { $0.condition.name == condition.name }
      for (at, finding) in own.prefix(findingsLimit).enumerated() where rows.count < alertsLimit {
        rows.append((finding, at == findingsLimit - 1 ? own.count - findingsLimit : 0))
      }
    }
    // A line under the last row of an alert tells of those too.
    return (rows, rows.reduce(0) { $0 + 1 + $1.more })
  }

  private static func row(_ row: (finding: AlertFinding, more: Int), _ model: PageModel) -> HTML {
    let condition = row.finding.condition
    let cluster = row.finding.labels.first { $0.label == .cluster }?.value
    let rest: HTML =
      row.more > 0 ? "<span class=\"soft\">and \(PageFormat.count(Double(row.more))) more like it</span>" : ""
    return """
      <tr><th scope="row"><span class="pill \(condition.severity.rawValue)">\(condition.severity.rawValue)</span> \
      \(alert(condition.name, model))<span class="soft">\(condition.summary)</span></th>\
      <td class="c">\(cluster.map { value($0) } ?? "")</td><td>\(who(row.finding))\(evidence(row.finding, model))\(rest)</td>\
      <td class="n"><b>\(amount(row.finding.value, condition))</b></td><td class="n">\(threshold(condition))</td></tr>
      """
  }

  /// The name of an alert, as a link to its runbook.
  private static func alert(_ name: String, _ model: PageModel) -> HTML {
    guard !model.projectURL.isEmpty else { return "<strong>\(name)</strong>" }
    return "<a href=\"\(runbook(name, of: model.projectURL))\" rel=\"noreferrer\">\(name)</a>"
  }

  /// Where the runbook of an alert is.
  static func runbook(_ name: String, of projectURL: String) -> String {
    "\(projectURL)/blob/main/alerts/runbooks/\(name).md"
  }

  private static func who(_ finding: AlertFinding) -> HTML {
    let words: [(label: Label, word: HTML)] = [
      (.user, ""), (.sourceIP, "from "), (.verb, ""), (.resource, ""), (.object, ""), (.input, "input "),
      (.cloudRegion, "in "), (.cloudAccount, "account "),
    ]
    return HTML(
      words.compactMap { word in
        finding.labels.first { $0.label == word.label }.map { "\(word.word)\(value($0.value, isInline: true)) " }
      })
  }

  /// A link to events that make a condition about refusals or rules hold.
  private static func evidence(_ finding: AlertFinding, _ model: PageModel) -> HTML {
    let fields: [Label: EvidenceField] = [.cluster: .cluster, .user: .user, .sourceIP: .sourceIP, .rule: .rule]
    let values = finding.labels.compactMap { label, value in fields[label].map { (field: $0, value: value) } }
    let isKept = [FamilyID.windowDeniedRequests, .windowDistinctUsers, .windowDetections].contains(
      finding.condition.term.query.family)
    guard isKept, values.contains(where: { $0.field != .cluster }), let path = evidencePath(values, model) else {
      return ""
    }
    return " <a href=\"\(path)\">evidence</a>"
  }

  private static func amount(_ value: Double, _ condition: AlertCondition) -> String {
    switch condition.unit {
    case .requests, .changes: PageFormat.count(value)
    case .users: "\(PageFormat.count(value)) users"
    case .share: PageFormat.percent(value)
    case .seconds: PageFormat.duration(seconds: value)
    case .state(let word): word
    }
  }

  /// `≥ 50 in 5 min`.
  private static func threshold(_ condition: AlertCondition) -> HTML {
    let limit = condition.term.threshold
    let number =
      switch condition.unit {
      case .share: PageFormat.percent(limit)
      case .seconds: PageFormat.duration(seconds: limit)
      default: PageFormat.count(limit)
      }
    var text =
      switch (condition.unit, condition.term.comparison) {
      case (.state, _): ""
      case (_, .atLeast): "≥ \(number)"
      case (_, .above): "> \(number)"
      case (_, .equal): number
      }
    if let window = condition.window { text += " in \(spoken(window))" }
    guard !condition.lasting.isEmpty else { return "\(text)" }
    return "\(text) <span class=\"soft\">holds, fires after \(spoken(condition.lasting))</span>"
  }
}
