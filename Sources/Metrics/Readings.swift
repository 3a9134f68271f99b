/// What one scrape shows: the samples of every family at one instant, plain data.
public struct Readings: Sendable {
  /// Counts up with every reading of the engine, so that what a scraper has seen can be named.
  public var number: UInt32 = 0
  /// For a page alone, and only when it was asked for.
  public var trends: Trends?
  private var sets = [SampleSet](repeating: SampleSet(), count: FamilyID.allCases.count)

  public init() {}

  /// The samples of one family; empty until set.
  public subscript(_ family: FamilyID) -> SampleSet {
    get { sets[Self.index[family] ?? 0] }
    set { if let at = Self.index[family] { sets[at] = newValue } }
  }

  /// Takes over every family that `other` has samples of.
  public mutating func merge(_ other: Readings) {
    for at in sets.indices where !other.sets[at].isEmpty { sets[at] = other.sets[at] }
  }

  /// These readings with the gauges of later ones: what may go up and down is always shown as it is, while a counter that
  /// was not committed must not be seen. After a crash it would fall back, and a scraper takes that for a restart.
  public func showing(gaugesOf later: Readings) -> Readings {
    var all = self
    for family in Families.all where family.kind == .gauge { all[family.id] = later[family.id] }
    return all
  }

  private static let index = Dictionary(uniqueKeysWithValues: zip(FamilyID.allCases, 0...))
}
