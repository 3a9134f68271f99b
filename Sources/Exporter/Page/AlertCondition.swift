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

  /// An aggregation, or its share of another one, and what it is compared with.
  struct Term: Sendable {
    let query: SampleQuery
    /// By the same labels.
    var whole: SampleQuery?
    let comparison: Comparison
    let threshold: Double
    /// Compared is how long ago the value was, a Unix time.
    var isAge = false

    var promQL: String {
      let divisor = whole.map { " / on (\(AlertCondition.list($0.labels))) \($0.promQL)" } ?? ""
      let limit = AlertCondition.number(threshold)
      return "\(isAge ? "time() - " : "")\(query.promQL)\(divisor) \(comparison.rawValue) \(limit)"
    }

    /// The groups that the comparison holds for, with the value that is compared.
    func holding(in readings: Readings, nowSeconds: Double) -> [(group: SampleQuery.Group, value: Double)] {
      let wholes = whole.map { whole in
        Dictionary(whole.groups(in: readings).map { ($0.values, $0.value) }) { first, _ in first }
      }
      return query.groups(in: readings).compactMap { group in
        var value = isAge ? nowSeconds - group.value : group.value
        if let wholes {
          guard let all = wholes[group.values] else { return nil }
          value /= all
        }
        let holds =
          switch comparison {
          case .atLeast: value >= threshold
          case .above: value > threshold
          case .equal: value == threshold
          }
        return holds ? (group, value) : nil
      }
    }
  }

  /// What must hold, or must not be there, beside the term, for the same values of its labels.
  enum Restriction: Sendable {
    case and(Term)
    case unless(SampleQuery)

    /// The labels in which both sides must agree; the term has them too.
    var labels: [Label] {
      switch self {
      case .and(let term): term.query.labels
      case .unless(let query): query.labels
      }
    }
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
    let on = "on (\(Self.list(restriction?.labels ?? [])))"
    return switch restriction {
    case nil: term.promQL
    case .and(let other): "\(term.promQL) and \(on) \(other.promQL)"
    case .unless(let query): "\(term.promQL) unless \(on) \(query.promQL)"
    }
  }

  private static func list(_ labels: [Label]) -> String { labels.map(\.rawValue).joined(separator: ", ") }

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

  /// The values of some labels, with their names, as one text.
  func key(_ wanted: [Label]) -> String {
    wanted.map { label in "\u{0}\(label.rawValue)=\(labels.first { $0.label == label }?.value ?? "")" }.joined()
  }
}

extension AlertCondition {
  /// Every group for which it holds, the largest value first.
  func findings(in readings: Readings, nowSeconds: Double) -> [AlertFinding] {
    var holding = term.holding(in: readings, nowSeconds: nowSeconds)
    if !holding.isEmpty, let restriction {
      let places = restriction.labels.compactMap { term.query.labels.firstIndex(of: $0) }
      let (others, isWanted): ([SampleQuery.Group], Bool) =
        switch restriction {
        case .and(let term): (term.holding(in: readings, nowSeconds: nowSeconds).map(\.group), true)
        case .unless(let query): (query.groups(in: readings), false)
        }
      let keys = Set(others.map(\.values))
      holding.removeAll { found in keys.contains(places.map { found.group.values[$0] }) != isWanted }
    }
    return holding.map { found in
      AlertFinding(
        condition: self, labels: zip(term.query.labels, found.group.values).map { (label: $0, value: $1) },
        value: found.value)
    }.sorted { $1.value < $0.value }
  }
}
