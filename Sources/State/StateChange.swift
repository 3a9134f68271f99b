public import Counting
public import Diagnostics

/// What became of the events of one input, as one number: `received`, or `rejected` with a reason.
public struct AccountRow: Sendable, Hashable {
  /// The input's name.
  public let input: String
  public let kind: String
  /// Empty where the kind has no reasons.
  public let reason: String
  /// The total, absolute.
  public let value: UInt64

  public init(input: String, kind: String, reason: String, value: UInt64) {
    self.input = input
    self.kind = kind
    self.reason = reason
    self.value = value
  }
}

/// What a digest names. The number is written to the file.
public enum DigestKind: UInt8, Sendable, CaseIterable {
  /// A pushed body, so that its redelivery is known.
  case pushedBody = 1
  /// An event that may arrive by a second way.
  case repeatedEvent = 2
  /// A request that a detection rule has matched at one of its stages.
  case matchedRequest = 3
  /// A record of CloudTrail that may arrive by a second way.
  case cloudRecord = 4
  /// The ID of a delivery, so that its redelivery is known.
  case delivery = 5
}

/// The digests of one kind that came since the last commit, in the coding of whoever remembers them.
public struct DigestBlob: Sendable, Hashable {
  public let kind: DigestKind
  /// When the newest of them arrived: they are dropped together.
  public let arrival: Microseconds
  public let data: [UInt8]

  public init(kind: DigestKind, arrival: Microseconds, data: [UInt8]) {
    self.kind = kind
    self.arrival = arrival
    self.data = data
  }
}

/// Names what an input reads from: a file, a partition.
public struct PositionKey: Sendable, Hashable {
  /// The input's name.
  public let input: String
  /// The input's own name for it.
  public let stream: String

  public init(input: String, stream: String) {
    self.input = input
    self.stream = stream
  }
}

/// How far a stream has been counted.
public struct StreamPosition: Sendable, Hashable {
  public let key: PositionKey
  /// Bytes of content (decompressed, say) that were counted.
  public let offset: UInt64
  /// What the input needs to find the place again, in its own coding.
  public let mark: [UInt8]

  public init(key: PositionKey, offset: UInt64, mark: [UInt8]) {
    self.key = key
    self.offset = offset
    self.mark = mark
  }
}

/// Everything that one epoch changed, as absolute values: to write it twice changes nothing.
public struct StateChange: Sendable {
  public var counting = CountingDelta()
  public var accounts: [AccountRow] = []
  /// New digests. Should a commit have succeeded unnoticed they are written twice, which does no harm.
  public var digests: [DigestBlob] = []
  /// Of each kind, digests that arrived before this time are forgotten.
  public var forgotten: [DigestKind: Microseconds] = [:]
  public var positions: [StreamPosition] = []
  /// Streams that are gone.
  public var removedPositions: [PositionKey] = []

  public init() {}

  public var isEmpty: Bool {
    counting.isEmpty && accounts.isEmpty && digests.isEmpty && positions.isEmpty && removedPositions.isEmpty
  }

  /// Takes over what happened after this change, so that one commit writes both.
  ///
  /// - Bound: one value remains for each key, and the digests that are not forgotten.
  public mutating func merge(_ later: StateChange) {
    counting.merge(later.counting)
    accounts = Self.newest(accounts, later.accounts) { [$0.input, $0.kind, $0.reason] }
    forgotten.merge(later.forgotten) { max($0, $1) }
    digests = (digests + later.digests).filter { $0.arrival >= forgotten[$0.kind] ?? .min }
    let reached = Set(later.positions.map(\.key))
    let removed = Set(later.removedPositions)
    positions = Self.newest(positions.filter { !removed.contains($0.key) }, later.positions, \.key)
    removedPositions =
      removedPositions.filter { !reached.contains($0) && !removed.contains($0) } + later.removedPositions
  }

  /// The earlier items with the later ones in their places, new ones at the end.
  fileprivate static func newest<Item>(
    _ earlier: [Item], _ later: [Item], _ key: (Item) -> some Hashable
  ) -> [Item] {
    merged(earlier, later, key) { $1 }
  }

  fileprivate static func merged<Item>(
    _ earlier: [Item], _ later: [Item], _ key: (Item) -> some Hashable, _ combine: (Item, Item) -> Item
  ) -> [Item] {
    if earlier.isEmpty { return later }
    if later.isEmpty { return earlier }
    var all = earlier
    var places = Dictionary(zip(earlier.lazy.map(key), earlier.indices)) { $1 }
    for item in later {
      if let at = places[key(item)] {
        all[at] = combine(all[at], item)
      } else {
        places[key(item)] = all.count
        all.append(item)
      }
    }
    return all
  }
}

extension CountingDelta {
  /// Takes over a later delta.
  mutating func merge(_ later: CountingDelta) {
    if !later.removed.isEmpty {
      let gone = Set(later.removed)
      series.removeAll { gone.contains($0.key) }
      removed = StateChange.newest(removed, later.removed) { $0 }
    }
    series = StateChange.merged(series, later.series, \.key) { old, new in
      // Labels are handed over once.
      guard new.text == nil else { return new }
      return SeriesRow(family: new.family, place: new.place, text: old.text, count: new.count, data: new.data)
    }
    records = StateChange.newest(records, later.records, \.key)
    merge(evidenceOf: later)
  }
}

extension CountingDelta {
  /// What is written late is no more than what is written in time.
  private mutating func merge(evidenceOf later: CountingDelta) {
    if !later.forgottenEvidence.isEmpty {
      let gone = Set(later.forgottenEvidence)
      evidence.removeAll { gone.contains($0.subject) }
      forgottenEvidence = StateChange.newest(forgottenEvidence, later.forgottenEvidence) { $0 }
    }
    evidence += later.evidence
    evidence.keepLatest()
  }
}

extension SeriesRow {
  var key: SeriesKey { SeriesKey(family: family, place: place) }
}
