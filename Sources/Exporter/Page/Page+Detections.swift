internal import Counting
internal import Metrics

/// Which detection rules have matched, the most severe first.
extension Page {
  /// Nothing where no rules are loaded.
  static func detections(_ figures: PageFigures, _ model: PageModel) -> HTML {
    let counts = [figures.window, figures.trendWindow].map { window in
      figures.groups(SampleQuery(.sum, by: [.priority, .rule], .windowDetections, [.equals(.window, window)]))
    }
    let loaded = figures.groups(SampleQuery(.sum, by: [.rule], .detections))
    guard !loaded.isEmpty else { return "" }
    let recent = Dictionary(counts[0].map { ($0.values, $0.value) }) { $0 + $1 }
    let matched = counts[1].filter { $0.value > 0 }
    let rows = matched.sorted {
      let (a, b) = (rank($0.values[0]), rank($1.values[0]))
      return a != b ? a < b : ($1.value, $0.values[1]) < ($0.value, $1.values[1])
    }
    guard !rows.isEmpty else {
      return section(
        "detections", "Detections", note: "in the \(lastSpan(figures.trendWindow))",
        "<p class=\"soft\">None of \(loaded.count) rules has matched.</p>")
    }
    let (now, hour) = (spoken(figures.window), spoken(figures.trendWindow))
    let lines = rows.prefix(sourcesLimit).map { row -> HTML in
      let rule = row.values[1]
      return """
        <tr><th scope="row">\(evidenceLink([(.rule, rule)], value(rule), model))</th>\
        <td class="what" data-l="Priority">\(row.values[0])</td>\
        <td class="n" data-l="\(now)">\(PageFormat.count(recent[row.values] ?? 0))</td>\
        <td class="n" data-l="\(hour)">\(PageFormat.count(row.value))</td></tr>
        """
    }
    return section(
      "detections", "Detections", note: "in the \(lastSpan(figures.trendWindow)), the most severe first",
      """
      <table class="stack"><thead><tr><th scope="col">Rule</th><th scope="col">Priority</th>\
      <th scope="col" class="n">\(now)</th><th scope="col" class="n">\(hour)</th></tr></thead>\
      <tbody>\(HTML(lines))</tbody></table>\(more(rows.count - sourcesLimit, "rules"))
      """)
  }

  /// A text as a link to the evidence of these values, where there may be any: what was folded names no event.
  static func evidenceLink(
    _ values: [(field: EvidenceField, value: String)], _ text: HTML, _ model: PageModel
  ) -> HTML {
    guard let path = evidencePath(values, model) else { return text }
    return "<a href=\"\(path)\">\(text)</a>"
  }

  /// Where the evidence of these values is.
  static func evidencePath(_ values: [(field: EvidenceField, value: String)], _ model: PageModel) -> String? {
    guard model.hasEvidence, !values.contains(where: { $0.value == "(other)" }) else { return nil }
    return EvidencePage.link(values, model.linkPrefix)
  }

  private static func rank(_ priority: String) -> Int {
    DetectionRule.priorities.firstIndex(of: priority) ?? DetectionRule.priorities.count
  }
}
