internal import Metrics

/// What clouds say of every cluster's logging.
extension Page {
  /// One row: a cluster, where it is, how it logs, and which types are off.
  private struct LoggingRow {
    let place: [String]
    let status: String
    var types: [String] = []
    var isGood: Bool { status == "enabled" }
  }

  static func posture(_ figures: PageFigures) -> HTML {
    var rows = loggingRows(figures)
    guard !rows.isEmpty else { return "" }
    // Those in trouble first, otherwise as they came.
    rows = rows.filter { !$0.isGood } + rows.filter(\.isGood)
    let bad = rows.count { !$0.isGood }
    let note = bad == 0 ? "all \(rows.count) export every type of log" : "\(bad) of \(rows.count) to look at"
    return section(
      "posture", "Logging of clusters", note: note,
      """
      <table class="stack wide"><thead><tr><th scope="col">Cluster</th><th scope="col">Account</th>\
      <th scope="col">Region</th><th scope="col">Status</th><th scope="col">Off</th></tr></thead>\
      <tbody>\(HTML(rows.prefix(clustersLimit).map(row)))</tbody></table>\(more(rows.count - clustersLimit, "clusters"))
      """)
  }

  private static func loggingRows(_ figures: PageFigures) -> [LoggingRow] {
    let place: [Label] = [.cluster, .cloudAccount, .cloudRegion]
    var off: [[String]: [String]] = [:]
    for group in figures.groups(SampleQuery(.max, by: place + [.logType], .clusterLogTypeEnabled))
    where group.value == 0 {
      off[Array(group.values.dropLast()), default: []].append(group.values.last ?? "")
    }
    return figures.groups(SampleQuery(.max, by: place + [.status], .clusterLoggingStatus)).filter { $0.value == 1 }
      .map { group in
        let place = Array(group.values.dropLast())
        return LoggingRow(place: place, status: group.values.last ?? "", types: off[place] ?? [])
      }
  }

  private static func row(_ row: LoggingRow) -> HTML {
    let mark: HTML = row.isGood ? "" : " class=\"alarm\""
    return """
      <tr><th scope="row">\(value(row.place[0]))</th><td data-l="Account">\(value(row.place[1], isInline: true))</td>\
      <td data-l="Region">\(value(row.place[2], isInline: true))</td>\
      <td data-l="Status"><span\(mark)>\(row.status)</span></td>\
      <td data-l="Off">\(row.types.isEmpty ? "–" : row.types.joined(separator: ", "))</td></tr>
      """
  }
}
