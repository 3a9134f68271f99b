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
    for at in sets.indices where !other.sets[at].rows.isEmpty { sets[at] = other.sets[at] }
  }

  private static let index = Dictionary(uniqueKeysWithValues: zip(FamilyID.allCases, 0...))
}
