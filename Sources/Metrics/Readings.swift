/// What one scrape shows: the samples of every family at one instant, plain data.
public struct Readings: Sendable {
  private var sets: [FamilyID: SampleSet] = [:]

  public init() {}

  /// The samples of one family; empty until set.
  public subscript(_ family: FamilyID) -> SampleSet {
    get { sets[family] ?? SampleSet() }
    set { sets[family] = newValue }
  }

  /// Takes over every family that `other` has samples of.
  public mutating func merge(_ other: Readings) {
    for (family, set) in other.sets where !set.rows.isEmpty { sets[family] = set }
  }
}
