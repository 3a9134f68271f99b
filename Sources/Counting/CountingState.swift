/// One series of a bounded family as it is kept: what it is, its total, and the rest in counting's own coding.
///
/// - Invariant: `family` and `place` name it for as long as it lives; when it is dropped, another may take its place.
public struct SeriesRow: Sendable, Hashable {
  /// Which family: a number of `PersistedFamily`, never reused for another one.
  public let family: UInt8
  /// Where it stands in its family: its order among the others.
  public let place: UInt32
  /// The rendered labels: its identity. Nil when they were handed over before and stay. They may lie in memory that tables
  /// share: many new rows then take no memory for them.
  public let text: ArraySlice<UInt8>?
  /// A copy of them.
  public var labels: [UInt8]? { text.map { Array($0) } }
  /// The total.
  public let count: UInt64
  /// Windows, owners, times and marks.
  public let data: [UInt8]

  public init(family: UInt8, place: UInt32, labels: [UInt8]?, count: UInt64, data: [UInt8]) {
    self.init(family: family, place: place, text: labels.map { $0[...] }, count: count, data: data)
  }

  public init(family: UInt8, place: UInt32, text: ArraySlice<UInt8>?, count: UInt64, data: [UInt8]) {
    self.family = family
    self.place = place
    self.text = text
    self.count = count
    self.data = data
  }
}

/// Names a series that was dropped.
public struct SeriesKey: Sendable, Hashable {
  public let family: UInt8
  public let place: UInt32

  public init(family: UInt8, place: UInt32) {
    self.family = family
    self.place = place
  }
}

/// A piece of state that is no series, under a name of its own: a cluster, a feed, the clock.
public struct StateRecord: Sendable, Hashable {
  /// Words with slashes between them, the number of a cluster or the name of an input last: `feed/3/webhook`.
  public let key: String
  public let data: [UInt8]

  public init(key: String, data: [UInt8]) {
    self.key = key
    self.data = data
  }
}

/// What counting changed since it was asked before, as absolute values: to write it twice changes nothing, and a later one
/// goes over an earlier one.
public struct CountingDelta: Sendable {
  /// New and changed series.
  public var series: [SeriesRow] = []
  /// Dropped series. Apply them before `series`, for a place may have been taken again.
  public var removed: [SeriesKey] = []
  public var records: [StateRecord] = []
  /// Subjects whose earlier evidence tells of nothing any more. Apply them before `evidence`.
  public var forgottenEvidence: [EvidenceSubject] = []
  /// New evidence, in the order of its numbers; of each subject at most what is kept.
  public var evidence: [EvidenceRow] = []

  public init() {}

  public var isEmpty: Bool {
    series.isEmpty && removed.isEmpty && records.isEmpty && forgottenEvidence.isEmpty && evidence.isEmpty
  }
}

/// All that counting needs to go on where it was: what every delta so far has left behind.
public struct CountingState: Sendable {
  /// In any order, with their labels.
  public var series: [SeriesRow] = []
  public var records: [StateRecord] = []
  /// The number of the next evidence: above that of all that is kept.
  public var nextEvidence: UInt64 = 0

  public init() {}
}
