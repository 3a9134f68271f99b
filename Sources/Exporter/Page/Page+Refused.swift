internal import Counting
internal import Metrics

/// Who is being refused, from where, and what was changed: the tables of trends.
extension Page {
  static func refusedUsers(_ figures: PageFigures, _ model: PageModel) -> HTML {
    table(
      "users", "Refused users", figures, figures.users, "User", "users", least: fewRefused, none: "Nobody was refused.",
      name: { name(.user, $0.labels[.user] ?? "", model) },
      about: { about($0, other: .sourceIP, word: "from", things: ("address", "addresses"), count: $0.others) })
  }

  static func refusedSourceIPs(_ figures: PageFigures, _ model: PageModel) -> HTML {
    // The gauge knows more users than have series of their own.
    let query = SampleQuery(
      .sum, by: [.cluster, .sourceIP], .windowDistinctUsers, [.equals(.window, figures.trendWindow)])
    var users: [[String]: Int] = [:]
    for group in figures.groups(query) { users[group.values] = Int(min(max(0, group.value), 1e9)) }
    return table(
      "addresses", "Refused source IPs", figures, figures.sourceIPs, "Source IP", "source IPs",
      least: fewRefused, none: "Nobody was refused.",
      name: { name(.sourceIP, $0.labels[.sourceIP] ?? "", model) },
      about: { row in
        let known = users[[row.labels[.cluster] ?? "", row.labels[.sourceIP] ?? ""]] ?? 0
        return about(row, other: .user, word: "", things: ("user", "users"), count: max(row.others, known))
      })
  }

  private static func name(_ field: EvidenceField, _ text: String, _ model: PageModel) -> HTML {
    evidenceLink([(field, text)], value(text), model)
  }

  static func changes(_ figures: PageFigures) -> HTML {
    table(
      "changes", "RBAC changes", figures, figures.changes, "Who did what", "kinds of change", order: "latest first",
      least: 2,
      none: "Nobody asked for a change of roles or bindings.", name: { value($0.labels[.user] ?? "") },
      about: { row in
        """
        <span class="what">\(row.labels[.verb] ?? "") \(row.labels[.resource] ?? "")</span> · \
        <span class="what">\(row.labels[.outcome] ?? "")</span> · \(value(row.labels[.cluster] ?? "", isInline: true))
        """
      })
  }

  static func objects(_ figures: PageFigures) -> HTML {
    table(
      "objects", "Tracked objects", figures, figures.objects, "Object, and who mostly", "objects",
      order: "rarest first", least: 4,
      none: "Nobody asked for a tracked object.", name: { value($0.labels[.object] ?? "") },
      about: { row in
        let others: HTML = row.others > 1 ? " + \(row.others - 1) more \(row.others == 2 ? "user" : "users")" : ""
        return """
          <span class="what">\(row.labels[.verb] ?? "")</span> by \(value(row.labels[.user] ?? "", isInline: true)), \
          <span class="what">\(row.labels[.outcome] ?? "")</span> · \
          \(value(row.labels[.cluster] ?? "", isInline: true))\(others)
          """
      })
  }

  /// A table of trends: what, a plot of the last hour, and two counts.
  private static func table(
    _ id: String, _ title: String, _ figures: PageFigures, _ table: PageFigures.Table, _ column: String,
    _ things: String, order: String = "", least: UInt64, none: String, name: (PageFigures.Row) -> HTML,
    about: (PageFigures.Row) -> HTML
  ) -> HTML {
    let (now, hour) = (spoken(figures.window), spoken(figures.trendWindow))
    let note = "in the \(lastSpan(figures.trendWindow))" + (order.isEmpty ? "" : ", \(order)")
    guard !table.rows.isEmpty else { return section(id, title, note: note, "<p class=\"soft\">\(none)</p>") }
    let rows = table.rows.map { row -> HTML in
      let quiet: HTML = row.recent == 0 ? " quiet" : ""
      return """
        <tr><th scope="row">\(name(row))<span class="soft">\(about(row))</span></th>\
        <td class="p">\(figures.plotter.counts(row.panes, least: least, title))</td>\
        <td class="n\(quiet)" data-l="\(now)">\(PageFormat.count(Double(row.recent)))</td>\
        <td class="n" data-l="\(hour)">\(PageFormat.count(Double(row.total)))</td></tr>
        """
    }
    return section(
      id, title, note: note,
      """
      <table class="trend"><thead><tr><th scope="col">\(column)</th><th scope="col" class="p">\(lastSpan(figures.trendWindow))</th>\
      <th scope="col" class="n">\(now)</th><th scope="col" class="n">\(hour)</th></tr></thead>\
      <tbody>\(HTML(rows))</tbody></table>\(more(table.count - table.rows.count, things))
      """)
  }

  /// `authorization · from 10.12.4.77 + 3 more addresses · prod-eu`.
  private static func about(
    _ row: PageFigures.Row, other: Label, word: String, things: (one: String, many: String), count: Int
  ) -> HTML {
    let named = row.values(other).prefix(1)
    let rest = count - named.count
    let lead: HTML = word.isEmpty ? "" : "\(word) "
    let names = named.map { value($0, isInline: true) }
    let others: HTML =
      rest > 0 ? " + \(PageFormat.count(Double(rest))) more \(rest == 1 ? things.one : things.many)" : ""
    return """
      \(row.values(.reason).prefix(3).joined(separator: ", ")) · \(lead)\(HTML(names))\(others) · \
      \(value(row.labels[.cluster] ?? "", isInline: true))
      """
  }
}
