internal import Metrics

/// The page at `/`, for people, and first of all for the one who was woken: is anything wrong, who is being refused and
/// from where, what was changed, is every feed there, how is the exporter.
///
/// A pure function of its model. No script, no outside resource; every value is escaped and kept apart from the
/// text around it.
enum Page {
  /// Rows of a table; the rest is a line that says how many more there are. Trends bring no more rows than theirs.
  static let clustersLimit = 50
  static let sourcesLimit = 20
  static let alertsLimit = 24
  /// Rows of one alert.
  static let findingsLimit = 4
  /// A plot whose panes hold no more refusals than this is not drawn to its full height.
  static let fewRefused: UInt64 = 10
  /// The browser loads the page again.
  static let refreshSeconds = 30

  /// The whole document, UTF-8.
  static func render(_ model: PageModel) -> [UInt8] {
    let figures = PageFigures(model.readings, now: model.now)
    let count = figures.findings.count
    let title: HTML = count == 0 ? "kube-audit-exporter" : "(\(count)) kube-audit-exporter"
    let html: HTML = """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>\(title)</title>\
      <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">\
      <meta http-equiv="refresh" content="\(refreshSeconds)"><style>\(trusted: style)</style></head>\
      <body>\(header(model))<main>\(alerts(figures, model))\(numbers(figures))\
      <div class="pair">\(refusedUsers(figures, model))\(refusedSourceIPs(figures, model))</div>\
      \(detections(figures, model))\(sights(figures, model))\(clusters(figures, model))\(posture(figures))\
      <div class="pair">\(changes(figures))\(objects(figures))</div>\
      <div class="pair">\(inputs(model, figures))\(health(figures))</div></main>\(footer(model))</body></html>

      """
    return Array(html.text.utf8)
  }

  private static func header(_ model: PageModel) -> HTML {
    let state: HTML =
      if let obstacle = model.obstacle {
        "<span class=\"pill page\">not ready</span> <span class=\"soft\">\(obstacle)</span>"
      } else {
        "<span class=\"pill good\">ready</span>"
      }
    var links: [HTML] = [
      link(model, model.telemetryPath, "Metrics"), link(model, "/-/healthy", "Healthy"),
      link(model, "/-/ready", "Ready"),
    ]
    if model.hasEvidence { links.append(link(model, EvidenceRoutes.pagePath, "Evidence")) }
    if !model.projectURL.isEmpty {
      links.append("<a href=\"\(model.projectURL + "#documentation")\" rel=\"noreferrer\">Documentation</a>")
    }
    return """
      <header><h1>kube-audit-exporter</h1>\(state)<span class="soft">as of \(PageFormat.time(model.now))</span>\
      <nav>\(HTML(links))</nav></header>
      """
  }

  private static func link(_ model: PageModel, _ path: String, _ text: String) -> HTML {
    "<a href=\"\(model.linkPrefix + path)\">\(text)</a>"
  }

  private static func footer(_ model: PageModel) -> HTML {
    let age = PageFormat.duration(seconds: (Double(model.now) - Double(model.startedAt)) / 1e6)
    return """
      <footer>Version \(model.version) · running for \(age) · times are UTC, plots in event time, their last minutes \
      in strong bars · loads itself again every \(refreshSeconds) s</footer>
      """
  }

  private static func numbers(_ figures: PageFigures) -> HTML {
    func figure(_ value: String, _ name: String, isAlarm: Bool = false, _ plot: HTML = "") -> HTML {
      let mark: HTML = isAlarm ? " class=\"alarm\"" : ""
      return "<div><dt>\(name)</dt><dd><b\(mark)>\(value)</b>\(plot)</dd></div>"
    }
    let requests = figures.total(\.requests)
    let denied = figures.total(\.denied)
    let errors = figures.total(\.serverErrors)
    let lags = figures.clusters.compactMap(\.lagSeconds)
    let alarms = Set(figures.findings.map(\.condition.name))
    let span = spoken(figures.window)
    return HTML([
      "<dl class=\"figures\">",
      figure(
        PageFormat.count(figures.requests), "Requests in \(span)",
        figures.plotter.counts(requests, "Requests")),
      figure(
        PageFormat.count(figures.denied), "Refused in \(span)",
        figures.plotter.counts(denied, least: fewRefused, "Refused")),
      figure(
        figures.serverErrorRatio.map(PageFormat.percent) ?? "–", "Server errors in \(span)",
        figures.plotter.shares(errors, of: requests, scale: errorScale, "Share of server errors")),
      figure(PageFormat.count(figures.rbacMutations), "RBAC changes in \(span)"),
      figure(
        lags.max().map { PageFormat.duration(seconds: $0) } ?? "–", "Furthest behind",
        isAlarm: alarms.contains("KubeAuditFeedLagging")),
      "</dl>",
    ])
  }

  // MARK: Pieces

  /// A section with its heading.
  static func section(_ id: String, _ title: String, note: String = "", _ content: HTML) -> HTML {
    let small: HTML = note.isEmpty ? "" : " <small>\(note)</small>"
    return "<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">\(title)\(small)</h2>\(content)</section>"
  }

  /// A value that somebody else chose: whole in the tooltip, at most three lines, apart from the text around it, and read
  /// from the left as every identifier is.
  static func value(_ text: String, isInline: Bool = false) -> HTML {
    let mark: HTML = text.hasPrefix("(") ? " class=\"reserved\"" : ""
    let inner: HTML = "<bdi dir=\"ltr\"\(mark)>\(text)</bdi>"
    return isInline ? inner : "<span class=\"long\" title=\"\(text)\">\(inner)</span>"
  }

  /// How full something is.
  static func bar(_ share: Double) -> HTML {
    // Whatever is not nothing can be seen.
    let percent = share.isFinite && share > 0 ? max(1, Int((min(share, 1) * 100).rounded())) : 0
    return """
      <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">\
      <rect width="\(percent)" height="4"/></svg>
      """
  }

  /// `5 min` for the window `5m`.
  static func spoken(_ window: String) -> String {
    PageFormat.seconds(ofWindow: window).map { PageFormat.duration(seconds: Double($0)) } ?? window
  }

  /// `the last hour` for the window `1h`.
  static func lastSpan(_ window: String) -> String { window == "1h" ? "last hour" : "last \(spoken(window))" }

  static func more(_ count: Int, _ things: String) -> HTML {
    count > 0 ? "<p class=\"soft\">and \(PageFormat.count(Double(count))) more \(things)</p>" : ""
  }
}
