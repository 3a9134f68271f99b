/// One metric family as it is declared: all that `/metrics`, docs/metrics.md and the checks on alerts know of it.
public struct Family: Sendable, Identifiable {
  /// What a value does over time. An `info` always has the value 1 and tells by its labels; the text format calls it a
  /// gauge.
  public enum Kind: String, Sendable { case counter, gauge, histogram, info }

  /// The base units that names of families end in.
  public enum Unit: String, CaseIterable, Sendable { case seconds, bytes }

  public let id: FamilyID
  public let kind: Kind
  /// Every label of every series of this family, in the order in which people read them.
  public let labels: [Label]
  /// How many series events can make in one cluster (and in one window, if that is a label), unless configured
  /// otherwise; nil where they cannot make any, because configuration or a fixed list of words names them all.
  public let seriesLimit: Int?
  /// The HELP text: one sentence, without characters that a format would have to escape.
  public let help: String
  /// What a reader of docs/metrics.md needs beyond `help`, in Markdown; empty if nothing.
  public let note: String
  /// A PromQL expression that puts the family to use; nil where its name says it all.
  public let query: String?

  init(
    _ id: FamilyID, _ kind: Kind, _ labels: [Label], limit seriesLimit: Int? = nil, help: String, note: String = "",
    query: String? = nil
  ) {
    self.id = id
    self.kind = kind
    self.labels = labels
    self.seriesLimit = seriesLimit
    self.help = help
    self.note = note
    self.query = query
  }

  /// The name of its samples, in both formats and in every query.
  public var name: String { id.rawValue }

  /// The name that OpenMetrics gives the family: without the suffix that its type adds to samples.
  public var openMetricsName: String {
    switch kind {
    case .counter: String(name.dropLast("_total".count))
    case .gauge, .histogram: name
    case .info: String(name.dropLast("_info".count))
    }
  }

  /// The unit that the name ends in, if it is a base unit.
  public var unit: Unit? {
    Unit.allCases.first { openMetricsName.hasSuffix("_" + $0.rawValue) }
  }
}

/// Families that belong together, with a paragraph about what they share.
public struct FamilySection: Sendable {
  public let title: String
  /// Markdown.
  public let introduction: String
  public let families: [Family]
}
