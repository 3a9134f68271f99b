/// Writes docs/metrics.md from the family table, so that the page cannot differ from what is exposed.
public enum FamilyDocument {
  /// The whole page, in GitHub's Markdown.
  public static func markdown() -> String {
    var page = """
      # Metrics

      <!-- Generated from the family table by `kube-audit-exporter docs metrics`. Edit Sources/Metrics instead. -->

      What `/metrics` shows, and how to use it. The page speaks Prometheus' text format 0.0.4 and OpenMetrics 1.0.0, \
      whichever the scraper prefers, with or without gzip. A family is listed there as soon as it has a series.

      - [All families](#all-families)

      """
    for section in Families.sections { page += "- [\(section.title)](#\(anchor(section.title)))\n" }
    for topic in topics { page += "- [\(topic.title)](#\(anchor(topic.title)))\n" }
    page += "\n" + overview()
    for section in Families.sections { page += "\n" + text(of: section) }
    for topic in topics { page += "\n## \(topic.title)\n\n\(topic.text)\n" }
    return page
  }

  private static func overview() -> String {
    var text = """
      ## All families

      The limit is the number of series that events can make in one cluster (and in one window, where there is that \
      label) unless configured otherwise; a dash means that configuration or a fixed list of words names them all.

      | family | type | labels | limit |
      | --- | --- | --- | --- |

      """
    for family in Families.all {
      text += "| [`\(family.name)`](#\(family.name)) | \(family.kind.rawValue) | \(labelList(family)) | "
      text += (family.seriesLimit.map { "\($0)" } ?? "–") + " |\n"
    }
    return text
  }

  private static func text(of section: FamilySection) -> String {
    var text = "## \(section.title)\n\n\(section.introduction)\n"
    for family in section.families {
      text += "\n### \(family.name)\n\n\(family.help)\n"
      if !family.note.isEmpty { text += "\n\(family.note)\n" }
      text += "\n- Type: \(family.kind.rawValue)"
      if let unit = family.unit { text += ", in \(unit.rawValue)" }
      text += "\n- Labels: \(family.labels.isEmpty ? "none" : labelList(family))\n"
      if let limit = family.seriesLimit {
        let scope = family.labels.contains(.window) ? "cluster and window" : "cluster"
        text += "- Limit: \(limit) series a \(scope)\n"
      }
      if let query = family.query { text += "\n```promql\n\(query)\n```\n" }
    }
    return text
  }

  private static func labelList(_ family: Family) -> String {
    family.labels.map { "`\($0.rawValue)`" }.joined(separator: ", ")
  }

  /// The anchor that GitHub gives a heading of letters and spaces.
  private static func anchor(_ title: String) -> String {
    String(title.lowercased().map { $0 == " " ? "-" : $0 })
  }
}
