internal import Inputs
internal import Metrics

/// The page at `/`, for people: what is read and how far behind, who is refused now, how the exporter is.
///
/// A pure function of its model. No script, no outside resource; every value is escaped and kept in its own text direction.
enum Page {
  /// Rows of a table; the rest is a line that says how many more there are.
  static let rowsLimit = 10
  static let clustersLimit = 50
  static let sourcesLimit = 20
  /// Shown in red from here on: a share of server errors, and seconds behind.
  static let errorAlarm = 0.05
  static let lagAlarmSeconds = 300.0

  /// The whole document, UTF-8.
  static func render(_ model: PageModel) -> [UInt8] {
    let figures = PageFigures(model.readings)
    let html: HTML = """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>kube-audit-exporter</title>\
      <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">\
      <style>\(trusted: style)</style></head><body>\(header(model))<main>\(numbers(figures))\(clusters(figures, model))\
      <div class="grid">\(refused("Refused users", "source IP", figures.users, figures.window))\
      \(refused("Refused source IPs", "user", figures.sourceIPs, figures.window))</div>\
      \(changes(figures))<div class="grid">\(inputs(model))\(health(figures))</div></main>\(footer(model))</body></html>

      """
    return Array(html.text.utf8)
  }

  private static func header(_ model: PageModel) -> HTML {
    let state: HTML =
      if let obstacle = model.obstacle {
        "<span class=\"pill bad\">not ready</span> <span class=\"soft\">\(obstacle)</span>"
      } else {
        "<span class=\"pill\">ready</span>"
      }
    var links: [HTML] = [
      link(model, model.telemetryPath, "Metrics"), link(model, "/-/healthy", "Healthy"),
      link(model, "/-/ready", "Ready"),
    ]
    if !model.documentationURL.isEmpty {
      links.append("<a href=\"\(model.documentationURL)\" rel=\"noreferrer\">Documentation</a>")
    }
    return "<header><h1>kube-audit-exporter</h1>\(state)<nav>\(HTML(links))</nav></header>"
  }

  private static func link(_ model: PageModel, _ path: String, _ text: String) -> HTML {
    "<a href=\"\(model.linkPrefix + path)\">\(text)</a>"
  }

  private static func footer(_ model: PageModel) -> HTML {
    let age = PageFormat.duration(seconds: (Double(model.now) - Double(model.startedAt)) / 1e6)
    return """
      <footer>Version \(model.version) · running for \(age) · as of \(PageFormat.time(model.now)); load the page again for \
      newer figures.</footer>
      """
  }

  private static func numbers(_ figures: PageFigures) -> HTML {
    let span = figures.window.map { ", \(spoken($0))" } ?? ""
    func figure(_ value: String, _ name: String, isAlarm: Bool = false) -> HTML {
      let mark: HTML = isAlarm ? " class=\"alarm\"" : ""
      return "<div><b\(mark)>\(value)</b><span class=\"soft\">\(name)</span></div>"
    }
    let lags = figures.clusters.compactMap(\.lagSeconds)
    return HTML([
      "<div class=\"figures\">",
      figure(PageFormat.count(figures.requests), "requests\(span)"),
      figure(PageFormat.count(figures.denied), "refused\(span)"),
      figure(
        figures.serverErrorRatio.map(PageFormat.percent) ?? "–", "server errors\(span)",
        isAlarm: figures.serverErrorRatio ?? 0 >= errorAlarm),
      figure(PageFormat.count(figures.rbacMutations), "RBAC changes\(span)"),
      figure(
        lags.max().map { PageFormat.duration(seconds: $0) } ?? "–", "furthest behind",
        isAlarm: lags.max() ?? 0 >= lagAlarmSeconds),
      "</div>",
    ])
  }

  private static func clusters(_ figures: PageFigures, _ model: PageModel) -> HTML {
    guard !figures.clusters.isEmpty else {
      return """
        <section><h2>Clusters</h2><p>No audit event has been read yet.</p><p class="soft">Name a log with \
        <code>--input.file</code>, or send events to the webhook; what is being read stands below.</p></section>
        """
    }
    let rows = figures.clusters.prefix(clustersLimit).map { cluster -> HTML in
      let last = cluster.lastEvent.map { PageFormat.ago($0, now: model.now) } ?? "never"
      let alarm: HTML = cluster.serverErrorRatio ?? 0 >= errorAlarm ? " alarm" : ""
      let title = cluster.lastEvent.map(PageFormat.time) ?? "no event yet"
      return """
        <tr><td data-l="Cluster">\(value(cluster.name))</td>\
        <td class="n" data-l="Requests">\(PageFormat.count(cluster.requests))</td>\
        <td class="n" data-l="Refused">\(PageFormat.count(cluster.denied))</td>\
        <td class="n\(alarm)" data-l="Server errors">\(cluster.serverErrorRatio.map(PageFormat.percent) ?? "–")</td>\
        <td class="n" data-l="RBAC changes">\(PageFormat.count(cluster.rbacMutations))</td>\
        <td class="n" data-l="Last event" title="\(title)">\(last)</td>\
        <td class="n" data-l="Behind"><span>\(behind(cluster))</span></td></tr>
        """
    }
    return """
      <section><h2>Clusters \(small(figures.window))</h2><table class="stack"><thead><tr><th>Cluster</th>\
      <th class="n">Requests</th><th class="n">Refused</th><th class="n">Server errors</th><th class="n">RBAC changes</th>\
      <th class="n">Last event</th><th class="n">Behind</th></tr></thead><tbody>\(HTML(rows))</tbody></table>\
      \(more(figures.clusters.count - clustersLimit, "clusters"))</section>
      """
  }

  /// The largest lag, and each input's where there are several.
  private static func behind(_ cluster: PageFigures.Cluster) -> HTML {
    guard let lag = cluster.lagSeconds else { return "–" }
    let parts = cluster.lags.count < 2 ? [] : cluster.lags.prefix(sourcesLimit)
    let lines = parts.map { part -> HTML in
      "<br><span class=\"soft\"><bdi>\(part.input)</bdi> \(PageFormat.duration(seconds: part.seconds))</span>"
    }
    let alarm: HTML = lag >= lagAlarmSeconds ? " class=\"alarm\"" : ""
    return "<span\(alarm)>\(PageFormat.duration(seconds: lag))</span>\(HTML(lines))"
  }

  private static func refused(
    _ title: String, _ other: String, _ all: [PageFigures.Refused], _ window: String?
  ) -> HTML {
    guard let most = all.first?.count, most > 0 else {
      return "<section><h2>\(title) \(small(window))</h2><p class=\"soft\">Nobody is being refused.</p></section>"
    }
    let rows = all.prefix(rowsLimit).map { one -> HTML in
      let reasons = one.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key).joined(separator: ", ")
      let others = "\(one.others.count) \(other)\(one.others.count == 1 ? "" : "s")"
      return """
        <tr><td>\(value(one.name))<span class="soft">\(reasons) · \(others)</span>\(bar(one.count / most))</td>\
        <td class="n">\(PageFormat.count(one.count))</td></tr>
        """
    }
    return """
      <section><h2>\(title) \(small(window))</h2><table><tbody>\(HTML(rows))</tbody></table>\
      \(more(all.count - rowsLimit, other == "user" ? "source IPs" : "users"))</section>
      """
  }

  private static func changes(_ figures: PageFigures) -> HTML {
    guard !figures.changes.isEmpty else { return "" }
    let rows = figures.changes.prefix(rowsLimit).map { change -> HTML in
      """
      <tr><td data-l="Who">\(value(change.user))</td><td data-l="Did"><span>\(value(change.verb, isInline: true)) \
      \(value(change.resource, isInline: true))</span></td><td data-l="Outcome">\(change.outcome)</td>\
      <td data-l="Cluster">\(value(change.cluster))</td><td class="n" data-l="Times">\(PageFormat.count(change.count))</td></tr>
      """
    }
    return """
      <section><h2>RBAC changes \(small(figures.window))</h2><table class="stack"><thead><tr><th>Who</th><th>Did</th>\
      <th>Outcome</th><th>Cluster</th><th class="n">Times</th></tr></thead><tbody>\(HTML(rows))</tbody></table>\
      \(more(figures.changes.count - rowsLimit, "kinds of change"))</section>
      """
  }

  private static func inputs(_ model: PageModel) -> HTML {
    let all = model.inputs.map { input -> HTML in
      let status = input.status
      let pill: HTML = status.isUp ? "<span class=\"pill\">up</span>" : "<span class=\"pill bad\">down</span>"
      let errors = status.errors.values.reduce(0, +)
      var facts = [status.lastSuccess.map { "last success \(PageFormat.ago($0, now: model.now))" } ?? "no success yet"]
      if errors > 0 { facts.append("\(PageFormat.count(Double(errors))) errors") }
      if status.gapBytes > 0 { facts.append("\(PageFormat.bytes(Double(status.gapBytes))) lost at the source") }
      for (code, count) in status.pushAnswers.sorted(by: { $0.key < $1.key }) where count > 0 {
        facts.append("HTTP \(code): \(PageFormat.count(Double(count)))")
      }
      return """
        <h3>\(input.name) \(pill) <span class="soft">\(facts.joined(separator: " · "))</span></h3>\
        <table><tbody>\(HTML(status.sources.prefix(sourcesLimit).map(source)))</tbody></table>\
        \(more(status.sources.count - sourcesLimit, "sources"))
        """
    }
    let none: HTML = "<p class=\"soft\">No input is configured.</p>"
    return "<section><h2>What is being read</h2>\(all.isEmpty ? none : HTML(all))</section>"
  }

  private static func source(_ source: InputStatus.Source) -> HTML {
    let read = PageFormat.bytes(Double(source.readBytes))
    guard let total = source.totalBytes else {
      return "<tr><td>\(value(source.name))</td><td class=\"n\">\(read)</td></tr>"
    }
    let share = total == 0 ? 1 : min(1, Double(source.readBytes) / Double(total))
    return """
      <tr><td>\(value(source.name))\(bar(share))</td>\
      <td class="n">\(read)<br><span class="soft">of \(PageFormat.bytes(Double(total)))</span></td></tr>
      """
  }

  private static func health(_ figures: PageFigures) -> HTML {
    func row(_ name: String, _ text: String, isAlarm: Bool = false, _ extra: HTML = "") -> HTML {
      let mark: HTML = isAlarm ? " alarm" : ""
      return "<tr><td>\(name)\(extra)</td><td class=\"n\(mark)\">\(text)</td></tr>"
    }
    func total(_ name: String, _ family: FamilyID, isTrouble: Bool = false) -> HTML {
      let sum = figures.sum(family)
      return row(name, PageFormat.count(sum), isAlarm: isTrouble && sum > 0)
    }
    let limit = figures.sum(.queueLimitBytes)
    let share = limit > 0 ? min(1, figures.sum(.queueBytes) / limit) : 0
    let queue = row(
      "Queue", "\(PageFormat.percent(share)) of \(PageFormat.bytes(limit))", isAlarm: share > 0.8, bar(share))
    let full = figures.fullest.map { fullest in
      let extra: HTML = "<br><span class=\"soft\">\(fullest.family)</span>\(bar(fullest.share))"
      return row("Fullest family", PageFormat.percent(fullest.share), isAlarm: fullest.share > 0.8, extra)
    }
    return HTML([
      "<section><h2>Health <small>since the start</small></h2><table><tbody>", queue, full ?? "",
      total("Events received", .eventsReceived), total("Counted as requests", .eventsCounted),
      total("Other stages of a request", .eventsNotARequest), total("Duplicates", .eventsDuplicate),
      total("Ignored, no audit events", .eventsIgnored),
      total("Rejected, unreadable", .eventsRejected, isTrouble: true),
      total("Dropped at a limit", .eventsDropped, isTrouble: true), total("Too late for every window", .eventsLate),
      total("Counted under (other)", .seriesOverflow, isTrouble: true), "</tbody></table></section>",
    ])
  }

  // MARK: Pieces

  /// A value that somebody else chose: whole in the tooltip, at most three lines, in its own direction.
  private static func value(_ text: String, isInline: Bool = false) -> HTML {
    let mark: HTML = text.hasPrefix("(") ? " class=\"reserved\"" : ""
    let inner: HTML = "<bdi\(mark)>\(text)</bdi>"
    return isInline ? inner : "<span class=\"long\" title=\"\(text)\">\(inner)</span>"
  }

  private static func bar(_ share: Double) -> HTML {
    // Whatever is not nothing can be seen.
    let percent = share.isFinite && share > 0 ? max(1, Int((min(share, 1) * 100).rounded())) : 0
    return """
      <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">\
      <rect width="\(percent)" height="4"/></svg>
      """
  }

  private static func small(_ window: String?) -> HTML {
    window.map { "<small>in the last \(spoken($0))</small>" } ?? ""
  }

  /// `5 min` for the window `5m`.
  private static func spoken(_ window: String) -> String {
    PageFormat.seconds(ofWindow: window).map { PageFormat.duration(seconds: Double($0)) } ?? window
  }

  private static func more(_ count: Int, _ things: String) -> HTML {
    count > 0 ? "<p class=\"soft\">and \(PageFormat.count(Double(count))) more \(things)</p>" : ""
  }
}
