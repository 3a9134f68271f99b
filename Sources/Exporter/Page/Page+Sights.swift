internal import Metrics

/// Which detection rules the audit policies of the clusters blind, or make loud, and what would mend it.
extension Page {
  /// Nothing where every rule sees what it asks for.
  static func sights(_ figures: PageFigures, _ model: PageModel) -> HTML {
    let blind = figures.groups(SampleQuery(.max, by: [.rule, .cluster], .ruleEvaluable)).filter { $0.value == 0 }
    let noisy = figures.groups(SampleQuery(.max, by: [.rule, .cluster], .ruleNoisy)).filter { $0.value == 1 }
    let rows = clusters(of: noisy, "noisy") + clusters(of: blind, "blind")
    guard !rows.isEmpty else { return "" }
    let policies = model.neededPolicies()
    let lines = rows.prefix(sourcesLimit).map { row -> HTML in
      let others = row.clusters.count - 3
      let names = HTML(row.clusters.prefix(3).map { "\(value($0)) " })
      let policy = HTML((policies[row.rule] ?? []).map { "\($0)\n" })
      return """
        <tr><th scope="row">\(value(row.rule))</th><td class="what" data-l="Is">\(row.word)</td>\
        <td class="what" data-l="In">\(names)\(others > 0 ? "and \(others) more" : "")</td>\
        <td class="what" data-l="Needs"><pre>\(policy)</pre></td></tr>
        """
    }
    return section(
      "sights", "Rules that the audit level fails",
      note: "blind: silent whatever happens; noisy: loud without a reason",
      """
      <table class="stack"><thead><tr><th scope="col">Rule</th><th scope="col">Is</th><th scope="col">In</th>\
      <th scope="col">Its policy needs, before what is there</th></tr></thead>\
      <tbody>\(HTML(lines))</tbody></table>\(more(rows.count - sourcesLimit, "rules"))
      """)
  }

  private struct Sighted {
    let rule: String
    let word: HTML
    let clusters: [String]
  }

  /// Rules in the order of their names.
  private static func clusters(of groups: [SampleQuery.Group], _ word: HTML) -> [Sighted] {
    Dictionary(grouping: groups) { $0.values[0] }.sorted { $0.key < $1.key }.map { rule, groups in
      Sighted(rule: rule, word: word, clusters: groups.map { $0.values[1] }.sorted())
    }
  }
}
