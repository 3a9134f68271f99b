import TestSupport

/// One thing that a dashboard asks Prometheus for: a panel's query, an annotation's, or a variable's.
struct DashboardQuery: Sendable, Hashable, CustomStringConvertible {
  enum Kind: Sendable, Hashable {
    case instant, range
    /// The values of a label.
    case values(label: String)
  }

  /// As exceptions name it: `overview: Alerts firing`, and ` [1]` for a panel's second query.
  let description: String
  let kind: Kind
  /// PromQL with every variable replaced.
  let expression: String

  /// All of a dashboard's file.
  static func all(of file: String) throws -> [DashboardQuery] {
    let dashboard = try JSON.parse(try Files.read(file))
    let name = (dashboard["uid"]?.string ?? "").replacing("kube-audit-", with: "")
    let panels = (dashboard["panels"]?.array ?? []).flatMap { panel in
      (panel["targets"]?.array ?? []).enumerated().map { index, target in
        DashboardQuery(
          description: "\(name): \(panel["title"]?.string ?? "")\(index == 0 ? "" : " [\(index)]")",
          kind: target["instant"]?.bool == true ? .instant : .range,
          expression: replacingVariables(in: target["expr"]?.string ?? ""))
      }
    }
    let annotations = (dashboard["annotations"]?["list"]?.array ?? []).map { annotation in
      DashboardQuery(
        description: "\(name): annotation \(annotation["name"]?.string ?? "")", kind: .range,
        expression: replacingVariables(in: annotation["expr"]?.string ?? ""))
    }
    return panels + annotations + (dashboard["templating"]?["list"]?.array ?? []).compactMap { ofVariable($0, name) }
  }

  /// `label_values(SELECTOR, LABEL)`.
  private static func ofVariable(_ variable: JSON, _ dashboard: String) -> DashboardQuery? {
    guard variable["type"]?.string == "query", let query = variable["query"]?.string,
      let comma = query.lastIndex(of: ",")
    else { return nil }
    let label = query[comma...].dropFirst().dropLast().drop { $0 == " " }
    return DashboardQuery(
      description: "\(dashboard): variable \(variable["name"]?.string ?? "")", kind: .values(label: String(label)),
      expression: replacingVariables(in: String(query[..<comma].dropFirst("label_values(".count))))
  }

  /// What Grafana would put there with everything chosen; the longest name first, as `$__range` is in `$__range_s`.
  private static func replacingVariables(in text: String) -> String {
    let values = [
      ("$__rate_interval", "1m"), ("$__range", "1h"), ("$source_ip", ".+"), ("$instance", ".+"), ("$cluster", ".+"),
      ("$at_least", "5"), ("$objective", "0.999"), ("$priority", ".+"), ("$user", ".+"), ("$rule", ".+"),
      ("$job", ".+"),
    ]
    return values.reduce(text) { $0.replacing($1.0, with: $1.1) }
  }
}

extension Prometheus {
  /// What Grafana would be given to draw.
  struct Found {
    /// Series, or a label's values.
    var count = 0
    /// Whether any value is a number other than zero.
    var isAlive = false
  }

  func ask(_ query: DashboardQuery, now: Int) throws -> Found {
    switch query.kind {
    case .values(let label):
      let values = try data("label/\(label)/values", [("match[]", query.expression)]).array ?? []
      return Found(count: values.count, isAlive: !values.isEmpty)
    case .instant:
      let series = try data("query", [("query", query.expression)])["result"]?.array ?? []
      return Found(count: series.count, isAlive: series.contains { Self.isNumber($0["value"]?[1]) })
    case .range:
      let parameters = [
        ("query", query.expression), ("start", "\(now - 30)"), ("end", "\(now)"), ("step", "1"),
      ]
      let series = try data("query_range", parameters)["result"]?.array ?? []
      return Found(
        count: series.count,
        isAlive: series.contains { ($0["values"]?.array ?? []).contains { Self.isNumber($0[1]) } })
    }
  }

  private static func isNumber(_ value: JSON?) -> Bool {
    guard let number = value?.string.flatMap({ Double($0) }) else { return false }
    return number.isFinite && number != 0
  }
}
