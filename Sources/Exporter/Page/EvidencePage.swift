internal import Counting
internal import Diagnostics
internal import State

/// The page at `/evidence`: the events behind the counts, for who was woken.
///
/// A pure function of what was asked and found; every value is escaped and kept apart from the text around it.
struct EvidencePage {
  enum Content {
    case rows([EvidenceRow])
    /// What was wrong with the question.
    case fault(String)
  }

  private let request: EvidenceRequest
  private let content: Content
  private let now: Microseconds
  private let linkPrefix: String

  init(_ request: EvidenceRequest, _ content: Content, now: Microseconds, linkPrefix: String) {
    self.request = request
    self.content = content
    self.now = now
    self.linkPrefix = linkPrefix
  }

  /// The link to what is kept of these values.
  static func link(_ values: [(field: EvidenceField, value: String)], _ linkPrefix: String) -> String {
    let query = values.map { "\($0.field.rawValue)=\(QueryString.encoded($0.value))" }.joined(separator: "&")
    return linkPrefix + EvidenceRoutes.pagePath + (query.isEmpty ? "" : "?" + query)
  }

  /// The whole document, UTF-8.
  func render() -> [UInt8] {
    let html: HTML = """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evidence · kube-audit-exporter</title>\
      <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">\
      <style>\(trusted: Page.style)</style></head><body><header><h1>Evidence</h1>\
      <span class="soft">as of \(PageFormat.time(now))</span><nav><a href="\(linkPrefix + "/")">Overview</a>\
      <a href="\(api)">JSON</a></nav></header><main>\(form)\(result)</main>\
      <footer>The last refused request of each series and the last \(EvidenceRow.matchesLimit) matches of each rule are \
      kept, within limits.evidence_bytes · times are those of the events, UTC</footer></body></html>

      """
    return Array(html.text.utf8)
  }

  private var api: String {
    let query = request.given.sorted { $0.key < $1.key }.map { "\($0.key)=\(QueryString.encoded($0.value))" }
    return linkPrefix + EvidenceRoutes.apiPath + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }

  // MARK: The question

  private static let asked: [(name: String, title: HTML, hint: HTML)] = [
    ("rule", "Rule", ""), ("user", "User", ""), ("source_ip", "Source IP", ""), ("k8s_cluster", "Cluster", ""),
    ("since", "Since", "1h"), ("until", "Until", "5m"),
  ]

  private var form: HTML {
    let fields = Self.asked.map { name, title, hint -> HTML in
      """
      <label>\(title)<input name="\(name)" value="\(request.given[name] ?? "")" placeholder="\(hint)" \
      autocomplete="off" spellcheck="false"></label>
      """
    }
    // What was asked for by a link and has no field of its own stays asked.
    let others = request.given.filter { given in !Self.asked.contains { $0.name == given.key } }
      .sorted { $0.key < $1.key }.map { name, value -> HTML in
        "<label>\(name)<input name=\"\(name)\" value=\"\(value)\"></label>"
      }
    return """
      <form method="get" action="\(linkPrefix + EvidenceRoutes.pagePath)">\(HTML(fields + others))\
      <button>Show</button></form>
      """
  }

  // MARK: The answer

  private var result: HTML {
    switch content {
    case .fault(let text):
      return Page.section("evidence", "This cannot be asked", "<p>\(text)</p>")
    case .rows(let rows) where rows.isEmpty:
      return Page.section("evidence", "Nothing is kept of this", "<p class=\"soft\">\(emptiness)</p>")
    case .rows(let rows):
      let title = rows.count == 1 ? "1 event" : "\(rows.count) events"
      let isCut = rows.count == request.query.limit
      return Page.section(
        "evidence", title, note: isCut ? "the newest; there may be more" : "the newest first",
        """
        <table class="alerts"><thead><tr><th scope="col">When, why</th><th scope="col">Who, from where</th>\
        <th scope="col">What</th><th scope="col">By which client</th></tr></thead>\
        <tbody>\(HTML(rows.map(row)))</tbody></table>
        """)
    }
  }

  private var emptiness: String {
    request.given.isEmpty
      ? "No request was refused and no rule has matched since evidence is kept."
      : "Ask for less: a value must be the whole value of the label, and what is older may have made room."
  }

  private func row(_ row: EvidenceRow) -> HTML {
    var values = row.values
    if values[.sourceIPs] == values[.sourceIP] { values[.sourceIPs] = nil }
    return """
      <tr><th scope="row">\(PageFormat.time(row.time))<span class="soft">\(reason(values)) · \
      \(filter(.cluster, values))</span></th><td>\(filter(.user, values)) from \(filter(.sourceIP, values))\
      \(details(values, [(.impersonatedUser, "as "), (.groups, "groups "), (.sourceIPs, "addresses ")]))</td>\
      <td><span class="what">\(values[.verb] ?? "") \(resource(values))</span>, <span class="what">\(values[.code] ?? "")\
      </span>\(details(values, [(.requestURI, ""), (.authorization, "")]))</td>\
      <td>\(details(values, [(.userAgent, ""), (.auditID, "audit ID "), (.level, "level ")]))</td></tr>
      """
  }

  private func reason(_ values: [EvidenceField: String]) -> HTML {
    guard let rule = values[.rule] else { return "refused, \(values[.reason] ?? "")" }
    return
      "\(values[.priority] ?? ""): <a href=\"\(Self.link([(.rule, rule)], linkPrefix))\">\(Page.value(rule, isInline: true))</a>"
  }

  /// A value, as a link to what else is kept of it.
  private func filter(_ field: EvidenceField, _ values: [EvidenceField: String]) -> HTML {
    guard let value = values[field] else { return "" }
    return "<a href=\"\(Self.link([(field, value)], linkPrefix))\">\(Page.value(value, isInline: true))</a>"
  }

  private func resource(_ values: [EvidenceField: String]) -> HTML {
    guard let resource = values[.resource] else { return "" }
    let subresource = values[.subresource].map { "/" + $0 } ?? ""
    let group = values[.apiGroup].map { "." + $0 } ?? ""
    let place = [values[.namespace], values[.name]].compactMap { $0 }.joined(separator: "/")
    return Page.value(resource + subresource + group + (place.isEmpty ? "" : " " + place), isInline: true)
  }

  private func details(_ values: [EvidenceField: String], _ fields: [(field: EvidenceField, word: HTML)]) -> HTML {
    HTML(
      fields.compactMap { field, word in
        values[field].map { value -> HTML in
          let text = field.isList ? value.split(separator: "\n").joined(separator: ", ") : value
          return "<span class=\"soft feed\">\(word)\(Page.value(text, isInline: true))</span>"
        }
      })
  }
}
