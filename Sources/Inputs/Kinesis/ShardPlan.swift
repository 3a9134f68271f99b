internal import AWS
internal import Engine

/// Which shards of a stream are read, from where on, and in which order: listings and pages in, positions out; no clock, no
/// socket.
///
/// A stream is split and merged while it is read. Each shard is read from its beginning to its end, children only when those
/// they were made of are done, so that the events of a client stay in their order; and every position is committed with the
/// records that led to it.
/// - Invariant: no record is handed out twice, and none is passed over, wherever the reader is stopped and restored from what
///   was committed; as long as the stream keeps what was not read yet.
/// - Shape: one position for each shard that is listed, and one for the stream, which tells that it was begun. What is not
///   listed for a day is forgotten.
struct ShardPlan {
  /// From where on the first run reads.
  enum Beginning: Sendable, Equatable {
    /// What comes from now on.
    case latest
    /// All that there is.
    case trimHorizon
    /// What came since then; milliseconds since the epoch.
    case time(Int64)
  }

  enum Place: Equatable {
    case from(Kinesis.Start)
    /// All of it is read.
    case done
  }

  struct Shard: Equatable {
    var place: Place
    var parents: [String] = []
    var isListed = false
    /// Since when listings lack it; milliseconds, by the clock of the service.
    var missingSince: Int64?
  }

  /// What is not listed for so long is forgotten. A listing that lacks what is there must not have it read anew.
  private static let missingLimit: Int64 = 86_400_000

  /// What the stream's positions begin with.
  private let key: String
  private let beginning: Beginning
  /// Whether the stream was listed before, in this life or an earlier one.
  private var hasBegun = false
  private(set) var shards: [String: Shard] = [:]

  /// - Parameters:
  ///   - key: names the stream in positions: account or role, region, name.
  ///   - positions: all that the input was given back; those of other streams are passed over.
  init(key: String, beginning: Beginning, positions: [InputPosition]) {
    self.key = key
    self.beginning = beginning
    for position in positions {
      if position.stream == key { hasBegun = true }
      guard position.stream.hasPrefix(key + " ") else { continue }
      let id = String(position.stream.dropFirst(key.utf8.count + 1))
      if let place = Self.place(position.mark) { shards[id] = Shard(place: place) }
    }
  }

  /// The shards to read now: each whose parents are done.
  var readable: [String] {
    shards.filter { _, shard in
      shard.isListed && shard.place != .done
        && shard.parents.allSatisfy { parent in
          guard let other = shards[parent], other.isListed else { return true }
          return other.place == .done
        }
    }.map(\.key).sorted()
  }

  /// Takes over what there is. Answers what must be committed before any of it is read.
  ///
  /// - Parameter now: by the clock of the service, milliseconds.
  mutating func take(_ listed: [KinesisShard], at now: Int64) -> [PositionChange] {
    var changes: [PositionChange] = []
    for id in Array(shards.keys) { shards[id]?.isListed = false }
    for shard in listed {
      if shards[shard.id] == nil {
        let place = hasBegun ? Place.from(.trimHorizon) : first(shard, now)
        shards[shard.id] = Shard(place: place)
        changes.append(noted(shard.id, place))
      }
      shards[shard.id]?.parents = shard.parents
      shards[shard.id]?.isListed = true
      shards[shard.id]?.missingSince = nil
    }
    for (id, shard) in shards where !shard.isListed {
      let since = shard.missingSince ?? now
      shards[id]?.missingSince = since
      guard now - since > Self.missingLimit else { continue }
      shards[id] = nil
      changes.append(.gone(stream: key + " " + id))
    }
    if !hasBegun {
      hasBegun = true
      changes.append(.noted(InputPosition(stream: key, offset: 0, mark: [])))
    }
    return changes
  }

  /// A page of a shard was read. Answers what must be committed with its records; nothing when it changes nothing.
  mutating func read(_ id: String, lastSequence: String?, isEnd: Bool) -> [PositionChange] {
    guard shards[id] != nil, isEnd || lastSequence != nil else { return [] }
    let place = isEnd ? Place.done : .from(.after(sequence: lastSequence ?? ""))
    shards[id]?.place = place
    return [noted(id, place)]
  }

  /// A time and not "the latest": killed before the first record came, the next life begins where this one did.
  private func first(_ shard: KinesisShard, _ now: Int64) -> Place {
    switch beginning {
    case .latest: shard.isClosed ? .done : .from(.time(now))
    case .trimHorizon: .from(.trimHorizon)
    case .time(let time): .from(.time(time))
    }
  }

  // MARK: - Positions

  private func noted(_ id: String, _ place: Place) -> PositionChange {
    .noted(InputPosition(stream: key + " " + id, offset: 0, mark: Array(Self.text(place).utf8)))
  }

  private static func text(_ place: Place) -> String {
    switch place {
    case .done: "done"
    case .from(.trimHorizon): "all"
    case .from(.time(let time)): "time \(time)"
    case .from(.after(let sequence)): "after \(sequence)"
    }
  }

  private static func place(_ mark: [UInt8]) -> Place? {
    let parts = String(decoding: mark, as: UTF8.self).split(separator: " ", maxSplits: 1).map { String($0) }
    switch (parts.first, parts.count) {
    case ("done", 1): return .done
    case ("all", 1): return .from(.trimHorizon)
    case ("time", 2): return Int64(parts[1]).map { .from(.time($0)) }
    case ("after", 2): return .from(.after(sequence: parts[1]))
    default: return nil
    }
  }
}
