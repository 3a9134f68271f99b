internal import Metrics

/// What every cluster was asked, and whether its feed is there.
extension Page {
  /// The share of server errors that fills a plot: that of the alert, so that what touches the top would page.
  static let errorScale = AlertConditions.all.first { $0.unit == .share }?.term.threshold ?? 1

  static func clusters(_ figures: PageFigures, _ model: PageModel) -> HTML {
    guard !figures.clusters.isEmpty else {
      return section(
        "clusters", "Clusters",
        """
        <p>No audit event has been read yet.</p><p class="soft">Name a log with <code>--input.file</code>, or send \
        events to the webhook; what is being read stands below.</p>
        """)
    }
    let shown = figures.clusters.prefix(clustersLimit)
    let plotted = lastSpan(figures.trendWindow)
    return section(
      "clusters", "Clusters", note: "in the last \(spoken(figures.window)), plots of the \(plotted)",
      """
      <table class="stack wide"><thead><tr><th scope="col">Cluster</th><th scope="col" class="n">Requests</th>\
      <th scope="col" class="n">Refused</th><th scope="col" class="p">\(plotted)</th><th scope="col" class="n">Server errors</th>\
      <th scope="col" class="p">\(plotted)</th><th scope="col" class="n">RBAC changes</th><th scope="col" class="n">Last event</th>\
      <th scope="col" class="n">Feed and lag</th></tr></thead>\
      <tbody>\(HTML(shown.map { row($0, figures.plotter, model) }))</tbody></table>\
      \(more(figures.clusters.count - clustersLimit, "clusters"))
      """)
  }

  private static func row(
    _ cluster: PageFigures.Cluster, _ plotter: Plotter, _ model: PageModel
  ) -> HTML {
    let last = cluster.lastEvent.map { PageFormat.ago($0, now: model.now) } ?? "never"
    let title = cluster.lastEvent.map(PageFormat.time) ?? "no event yet"
    func alarm(_ alerts: String...) -> HTML { cluster.alarms.isDisjoint(with: alerts) ? "" : " alarm" }
    let refused = cluster.trend.map { plotter.counts($0.denied, least: fewRefused, "Refused") } ?? ""
    let failed =
      cluster.trend.map {
        plotter.shares($0.serverErrors, of: $0.requests, scale: errorScale, "Share of server errors")
      } ?? ""
    return """
      <tr><th scope="row">\(value(cluster.name))</th>\
      <td class="n" data-l="Requests">\(PageFormat.count(cluster.requests))</td>\
      <td class="n" data-l="Refused">\(PageFormat.count(cluster.denied))</td><td class="p">\(refused)</td>\
      <td class="n\(alarm("KubeAuditServerErrorRatio"))" data-l="Server errors">\
      \(cluster.serverErrorRatio.map(PageFormat.percent) ?? "–")</td><td class="p">\(failed)</td>\
      <td class="n" data-l="RBAC changes">\(PageFormat.count(cluster.rbacMutations))</td>\
      <td class="n\(alarm("KubeAuditClusterSilent", "KubeAuditFeedSilent", "KubeAuditClusterNeverHeard"))" data-l="Last event" title="\(title)">\
      \(last)</td><td class="n" data-l="Behind">\(feeds(cluster, isAlarm: !cluster.alarms.isDisjoint(with: ["KubeAuditFeedLagging"])))</td></tr>
      """
  }

  /// Each input and how far it is behind.
  private static func feeds(_ cluster: PageFigures.Cluster, isAlarm: Bool) -> HTML {
    guard !cluster.lags.isEmpty else { return "–" }
    let most = cluster.lagSeconds ?? 0
    let lines = cluster.lags.prefix(sourcesLimit).map { lag -> HTML in
      let mark: HTML = isAlarm && lag.seconds == most ? " class=\"alarm\"" : ""
      return """
        <span class="feed"><bdi class="soft">\(lag.input)</bdi> <span\(mark)>\(PageFormat.duration(seconds: lag.seconds))</span></span>
        """
    }
    return HTML(lines)
  }
}
