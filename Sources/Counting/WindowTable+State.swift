internal import Crypto

/// How the keys of windowed rules are kept: as rows of a family of their own, whose labels are the rule's fingerprint.
///
/// - Row of a key: 1, its cluster, its digest, then its entries by pane: how far the pane is from the one before, and the
///   number of requests or the value's digest.
/// - Row of a cluster: 0, its number, one more than the second in which learning began, and how often there was no room.
extension WindowTable {
  static let version: UInt8 = 1
  static let family = PersistedFamily.ruleWindows.rawValue

  /// A fingerprint as text.
  static func labels(_ fingerprint: UInt128) -> [UInt8] {
    let digits = Array(String(fingerprint, radix: 16).utf8)
    return [UInt8](repeating: UInt8(ascii: "0"), count: 32 - digits.count) + digits
  }

  /// What changed since it was called before.
  mutating func takeDelta(_ places: inout WindowPlaces, to delta: inout CountingDelta) {
    for cluster in changedGroups {
      let place = groups[cluster].place ?? places.take()
      groups[cluster].place = place
      var writer = StateWriter(version: Self.version)
      writer.write(byte: 0)
      writer.write(cluster)
      writer.write(groups[cluster].since + 1)
      writer.write(groups[cluster].overflow)
      add(place, isSaved: groups[cluster].isSaved, writer.bytes, to: &delta)
      (groups[cluster].isSaved, groups[cluster].isChanged) = (true, false)
    }
    changedGroups.removeAll(keepingCapacity: true)
    for slot in changedSlots {
      let isSaved = self[slot, Self.marksWord] & Self.isSaved != 0
      add(self[slot, Self.placeWord], isSaved: isSaved, record(slot), to: &delta)
      self[slot, Self.marksWord] = Self.isSaved
    }
    changedSlots.removeAll(keepingCapacity: true)
  }

  private func add(_ place: UInt32, isSaved: Bool, _ data: [UInt8], to delta: inout CountingDelta) {
    let labels = isSaved ? nil : Self.labels(window.fingerprint)
    delta.series.append(SeriesRow(family: Self.family, place: place, labels: labels, count: 0, data: data))
  }

  private func record(_ slot: Int) -> [UInt8] {
    var writer = StateWriter(version: Self.version)
    writer.write(byte: 1)
    writer.write(self[slot, Self.clusterWord])
    writer.write(wide: wide(slot, Self.digestWord))
    let count = Int(self[slot, Self.entriesWord])
    writer.write(count)
    var last: UInt32 = 0
    for at in (0..<count).sorted(by: { pane(slot, $0) < pane(slot, $1) }) {
      writer.write(pane(slot, at) - last)
      last = pane(slot, at)
      if window.isDistinct {
        writer.write(wide: wide(slot, entry(at) + 1))
      } else {
        writer.write(self[slot, entry(at) + 1])
      }
    }
    return writer.copy
  }

  /// Takes a row over.
  ///
  /// - Parameter isFull: whether there is no room for one more key; what it held is counted as overflow then.
  /// - Returns: whether it is a key's, and has taken a slot.
  mutating func restore(
    _ place: UInt32, _ data: [UInt8], clusters: Int, now: UInt32, isFull: Bool
  ) throws(StateDamage) -> Bool {
    var reader = try StateReader(data, version: Self.version)
    let isKey = try reader.readByte() == 1
    let cluster = try reader.readIndex(below: clusters)
    guard isKey else {
      makeGroup(cluster)
      guard groups[cluster].place == nil else { throw StateDamage("a cluster is there twice") }
      groups[cluster].place = place
      groups[cluster].isSaved = true
      groups[cluster].since = Int64(try reader.readInt(upTo: Int(now) + 1)) - 1
      // What had no room a moment ago is counted already.
      groups[cluster].overflow += try reader.read(upTo: StateDamage.totalLimit)
      try reader.finish()
      return false
    }
    let digest = try reader.readWide()
    guard slot(of: digest) == nil else { throw StateDamage("a key is there twice") }
    if isFull {
      noteOverflow(cluster)
      return false
    }
    let slot = insert(digest, cluster, .max, place: place)
    self[slot, Self.marksWord] = Self.isSaved
    try restoreEntries(slot, &reader, lastPane: now / width)
    try reader.finish()
    let count = Int(self[slot, Self.entriesWord])
    // Entries were read in the order of their panes; a key without any is empty already.
    groups[cluster].oldest = min(groups[cluster].oldest, count > 0 ? pane(slot, count - 1) : 0)
    return true
  }

  private mutating func restoreEntries(
    _ slot: Int, _ reader: inout StateReader, lastPane: UInt32
  ) throws(StateDamage) {
    let count = try reader.readInt(upTo: max(1, window.atLeast))
    var pane: UInt32 = 0
    var sum = 0
    var seen: Set<UInt128> = []
    for at in 0..<count {
      let step = try reader.readUInt32(upTo: lastPane - pane)
      guard window.isDistinct || at == 0 || step > 0 else { throw StateDamage("a pane is there twice") }
      pane += step
      self[slot, entry(at)] = pane
      if window.isDistinct {
        let value = try reader.readWide()
        guard seen.insert(value).inserted else { throw StateDamage("a value is there twice") }
        setWide(slot, entry(at) + 1, value)
      } else {
        let requests = try reader.readUInt32(upTo: UInt32(clamping: window.atLeast - sum))
        guard requests > 0 else { throw StateDamage("a pane is empty") }
        sum += Int(requests)
        self[slot, entry(at) + 1] = requests
      }
    }
    self[slot, Self.entriesWord] = UInt32(count)
  }
}

extension RuleWindows {
  mutating func takeDelta(to delta: inout CountingDelta) {
    for at in tables.indices { tables[at].takeDelta(&places, to: &delta) }
    delta.removed += places.removed.map { SeriesKey(family: WindowTable.family, place: $0) }
    places.removed.removeAll(keepingCapacity: true)
  }

  /// Takes the rows of a state over. Those of rules that are gone, or mean something else now, are dropped, and those that
  /// have no room under today's limit.
  mutating func restore(_ rows: [SeriesRow], clusters: Int, now: UInt32) throws(StateDamage) {
    var numbers: [[UInt8]: Int] = [:]
    for at in tables.indices { numbers[WindowTable.labels(tables[at].window.fingerprint)] = at }
    var taken: [UInt32] = []
    var dropped: [UInt32] = []
    // In their order, so that what has no room is the same each time.
    for row in rows.sorted(by: { $0.place < $1.place }) {
      guard row.place < WindowPlaces.limit else { throw StateDamage("a key of a rule's window has no possible place") }
      guard let labels = row.labels, let number = numbers[labels] else {
        dropped.append(row.place)
        continue
      }
      let needed = tables[number].keyBytes
      let isFull = bytes + needed > limits.bytes
      let isKey = row.data.dropFirst().first == 1
      let hasTaken = try tables[number].restore(
        row.place, row.data, clusters: clusters, now: now, isFull: isFull)
      if hasTaken { bytes += needed }
      if hasTaken || !isKey { taken.append(row.place) } else { dropped.append(row.place) }
    }
    guard Set(taken + dropped).count == rows.count else { throw StateDamage("a place is there twice") }
    places.restore(taken)
    places.removed = dropped
  }
}

extension StateWriter {
  fileprivate mutating func write(wide number: UInt128) {
    write(hash: UInt64(truncatingIfNeeded: number))
    write(hash: UInt64(truncatingIfNeeded: number >> 64))
  }
}

extension StateReader {
  fileprivate mutating func readWide() throws(StateDamage) -> UInt128 {
    let low = try readHash()
    return UInt128(try readHash()) << 64 | UInt128(low)
  }
}
