internal import Metrics

/// An alert of the bundled rules that this exporter can judge by itself: from its windows and gauges at one instant.
///
/// `expression` is the rule's own, word for word (a test holds the two together); what a rule demands beside it, that the
/// condition lasts, is `lasting`.
struct AlertCondition: Sendable {
  enum Severity: String, Sendable { case page, ticket }
  enum Comparison: String, Sendable { case atLeast = ">=", above = ">", equal = "==" }
  /// What a value is.
  enum Unit: Sendable, Equatable {
    case requests, changes, users, share, seconds
    /// It says all by being there: a word for it.
    case state(String)
  }

  /// An aggregation and what it is compared with.
  struct Term: Sendable {
    let query: SampleQuery
    let comparison: Comparison
    let threshold: Double
    /// Compared is how long ago the value was, a Unix time.
    var isAge = false

    var promQL: String {
      "\(isAge ? "time() - " : "")\(query.promQL) \(comparison.rawValue) \(AlertCondition.number(threshold))"
    }

    /// The groups that the comparison holds for.
    func holding(in readings: Readings, nowSeconds: Double) -> [SampleQuery.Group] {
      query.groups(in: readings).filter { group in
        let value = value(of: group, nowSeconds: nowSeconds)
        return switch comparison {
        case .atLeast: value >= threshold
        case .above: value > threshold
        case .equal: value == threshold
        }
      }
    }

    func value(of group: SampleQuery.Group, nowSeconds: Double) -> Double {
      isAge ? nowSeconds - group.value : group.value
    }
  }

  /// What must hold, or must not be there, beside the term, for the same cluster.
  enum Restriction: Sendable {
    case and(Term)
    case unless(SampleQuery)
  }

  let name: String
  let severity: Severity
  let summary: String
  let term: Term
  let unit: Unit
  var restriction: Restriction?
  /// How long it must hold before it fires, as the rule writes it; empty where it fires at once.
  var lasting = ""

  /// The expression of the rule, with one space where it breaks lines.
  var expression: String {
    switch restriction {
    case nil: term.promQL
    case .and(let other): "\(term.promQL) and on (k8s_cluster) \(other.promQL)"
    case .unless(let query): "\(term.promQL) unless on (k8s_cluster) \(query.promQL)"
    }
  }

  /// The window that it looks at; nil where it looks at none.
  var window: String? {
    term.query.matchers.compactMap { matcher in
      if case .equals(.window, let name) = matcher { return name }
      return nil
    }.first
  }

  /// `50`, `0.1`.
  private static func number(_ value: Double) -> String {
    value == value.rounded() ? String(Int64(value)) : String(value)
  }
}

/// A condition that holds, and for whom.
struct AlertFinding: Sendable {
  let condition: AlertCondition
  let labels: [(label: Label, value: String)]
  let value: Double
}

extension AlertCondition {
  /// Every group for which it holds, the largest value first.
  func findings(in readings: Readings, nowSeconds: Double) -> [AlertFinding] {
    var groups = term.holding(in: readings, nowSeconds: nowSeconds)
    if !groups.isEmpty, let restriction {
      let at = term.query.labels.firstIndex(of: .cluster) ?? 0
      let (other, isWanted): ([SampleQuery.Group], Bool) =
        switch restriction {
        case .and(let term): (term.holding(in: readings, nowSeconds: nowSeconds), true)
        case .unless(let query): (query.groups(in: readings), false)
        }
      let clusters = Set(other.compactMap(\.values.first))
      groups.removeAll { clusters.contains($0.values[at]) != isWanted }
    }
    return groups.map { group in
      AlertFinding(
        condition: self, labels: zip(term.query.labels, group.values).map { (label: $0, value: $1) },
        value: term.value(of: group, nowSeconds: nowSeconds))
    }.sorted { $1.value < $0.value }
  }
}
