internal import Diagnostics
internal import Metrics

/// What is kept of refused users: with the row of each source IP its last users, in their order, and where there are too
/// many of them the sketch in 256 chunks.
///
/// - Cost: a row is 10 bytes a user, 640 at most. A change of the sketch costs its chunk, about 3 bytes for each entry in it:
///   at most 1.3 KB where 10 million users came from one IP. All of a full sketch is 0.7 MB.
extension DistinctUsers {
  static let sketchVersion: UInt8 = 1
  /// The largest sketch that is believed, as a power of two: 50 MB.
  private static let sizeLimit: UInt8 = 22

  /// Notes that the sketch has dropped what no window reaches, as `reach` stands.
  mutating func notePruned() {
    changes.pruned = reach
    changes.prunes = sketch.prunes
  }

  /// Appends what has changed.
  mutating func takeDelta(_ edges: StreamEdge, _ panes: borrowing PaneStore, to delta: inout CountingDelta) {
    let (addresses, users, seconds, next) = (addresses, users, seconds, next)
    family.takeDelta(.distinctUsers, edges, panes, to: &delta) { place, writer in
      let address = place < addresses.count ? addresses[place] : Address()
      Self.write(address, users, seconds, next, to: &writer)
    }
    takeSketch(to: &delta)
    takeChunks(to: &delta)
  }

  private static func write(
    _ address: Address, _ users: [UInt64], _ seconds: [UInt32], _ next: [UInt32], to writer: inout StateWriter
  ) {
    writer.write(byte: address.isSketched ? 1 : 0)
    writer.write(address.putOut)
    writer.write(address.count / UInt32(blockUsers))
    var block = Int(address.firstBlock)
    while block != 0 {
      let places = block * blockUsers..<(block + 1) * blockUsers
      let latest = seconds[places].max() ?? 0
      writer.write(latest)
      for i in places {
        writer.write(seconds[i] == 0 ? 0 : latest - seconds[i] + 1)
        if seconds[i] != 0 { writer.write(hash: users[i]) }
      }
      block = Int(next[block])
    }
  }

  /// The sketch as a whole: size, precision, and for the clusters that it has source IPs of the first second that counts.
  private mutating func takeSketch(to delta: inout CountingDelta) {
    guard !changes.owners.isEmpty else { return }
    var clusters: Set<Int> = []
    for place in addresses.indices where addresses[place].isSketched {
      clusters.insert(Int(family.table.series[place].cluster))
    }
    var writer = StateWriter(version: Self.sketchVersion)
    writer.write(byte: UInt8(truncatingIfNeeded: sketch.keys.count.trailingZeroBitCount))
    writer.write(byte: UInt8(truncatingIfNeeded: sketch.precision))
    for cluster in clusters.sorted() {
      writer.write(cluster)
      writer.write(reach[cluster])
      writer.write(changes.pruned[cluster])
    }
    guard writer.bytes != changes.keptRecord else { return }
    changes.keptRecord = writer.bytes
    delta.records.append(StateRecord(key: "sketch", data: writer.bytes))
  }

  /// The chunks that have changed; one that is empty now stays as a name without data.
  private mutating func takeChunks(to delta: inout CountingDelta) {
    guard !changes.dirtyOwners.isEmpty else { return }
    let owners = changes.dirtyOwners
    var base = [Int](repeating: -1, count: changes.owners.count)
    for (i, owner) in owners.enumerated() { base[owner] = i * SketchChanges.chunkCount }
    let dirty = owners.map { dirtyChunks($0) }
    let (starts, entries) = sketch.entries(slots: owners.count * SketchChanges.chunkCount) { owner, chunk in
      guard base[owner] >= 0, dirty[base[owner] / SketchChanges.chunkCount].contains(chunk) else { return nil }
      return base[owner] + chunk
    }
    for (i, owner) in owners.enumerated() {
      for chunk in 0..<SketchChanges.chunkCount where dirty[i].contains(chunk) {
        let slot = i * SketchChanges.chunkCount + chunk
        let data = SketchChunk.bytes(entries[starts[slot]..<starts[slot + 1]], precision: sketch.precision)
        guard !data.isEmpty || changes.owners[owner].kept.contains(chunk) else { continue }
        changes.setKept(owner: owner, chunk, !data.isEmpty)
        delta.records.append(StateRecord(key: "sketch/\(owner)/\(chunk)", data: data))
      }
    }
    changes.finishTaking()
  }

  /// The chunks to write of an owner: where the sketch has become so coarse that a register covers several of them, what
  /// they held is now in the first.
  private func dirtyChunks(_ owner: Int) -> ChunkSet {
    var chunks = changes.owners[owner].dirty
    guard sketch.precision < 8 else { return chunks }
    for chunk in 0..<SketchChanges.chunkCount where changes.owners[owner].dirty.contains(chunk) {
      _ = chunks.insert(chunk & ~(1 << (8 - sketch.precision) - 1))
    }
    return chunks
  }
}

extension DistinctUsers {
  /// Makes an empty value whole again. Its clusters are there.
  mutating func restore(
    _ rows: [SeriesRow], _ totals: FamilyTotals, sketch: [UInt8]?, _ context: BoundedFamily.RowContext,
    _ panes: inout PaneStore
  ) throws(Failure) {
    // A second of 0 is noted as 1: 0 marks a free place.
    let last = max(1, EventTime.second(context.now))
    var restored: [(place: Int, address: Address, users: [UInt64], seconds: [UInt32])] = []
    try family.restore(.distinctUsers, rows, totals, context, &panes) { place, reader throws(StateDamage) in
      let (address, users, seconds) = try Self.read(&reader, last: last)
      restored.append((place, address, users, seconds))
    }
    addresses = [Address](repeating: Address(), count: family.table.series.count)
    for (place, address, users, seconds) in restored { put(place, address, users, seconds) }
    guard let sketch else { return }
    do throws(StateDamage) {
      try restoreSketch(sketch, context)
    } catch {
      throw .counting("the sketch of refused users cannot be read: \(error.what)", error)
    }
  }

  private static func read(
    _ reader: inout StateReader, last: UInt32
  ) throws(StateDamage) -> (address: Address, users: [UInt64], seconds: [UInt32]) {
    var address = Address()
    let mark = try reader.readByte()
    guard mark <= 1 else { throw StateDamage("its marks are none") }
    address.isSketched = mark == 1
    address.putOut = try reader.readUInt32(upTo: last)
    let blocks = try reader.readInt(upTo: exactLimit / blockUsers)
    var (users, seconds): ([UInt64], [UInt32]) = ([], [])
    for _ in 0..<blocks {
      let latest = try reader.readUInt32(upTo: last)
      for _ in 0..<blockUsers {
        let before = try reader.readUInt32(upTo: latest)
        seconds.append(before == 0 ? 0 : latest - before + 1)
        users.append(before == 0 ? 0 : try reader.readHash())
      }
    }
    return (address, users, seconds)
  }

  /// Fills the blocks of a source IP in their order.
  private mutating func put(_ place: Int, _ address: Address, _ users: [UInt64], _ seconds: [UInt32]) {
    for start in stride(from: users.count - Self.blockUsers, through: 0, by: -Self.blockUsers) {
      let block = addBlock(place)
      for i in 0..<Self.blockUsers {
        self.users[block + i] = users[start + i]
        self.seconds[block + i] = seconds[start + i]
      }
    }
    addresses[place].putOut = address.putOut
    addresses[place].isSketched = address.isSketched
  }

  private mutating func restoreSketch(
    _ bytes: [UInt8], _ context: BoundedFamily.RowContext
  ) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.sketchVersion)
    let (size, precision) = (try reader.readByte(), try reader.readByte())
    let precisions = UserSketch.leastPrecision...UserSketch.fullPrecision
    guard (10...Self.sizeLimit).contains(size), precisions.contains(Int(precision)) else {
      throw StateDamage("its size or precision is none")
    }
    sketch = UserSketch(limit: sketch.limit, size: 1 << Int(size), precision: Int(precision))
    while !reader.isAtEnd {
      let cluster = try reader.readIndex(below: reach.count)
      // Where a longer window was configured since, nothing that it reaches may be dropped.
      let floors = context.edges.floors(cluster)
      let first =
        windows.count == 0
        ? 0 : max(1, windows.second(ofPane: floors.of[windows.longest], window: windows.longest))
      reach[cluster] = min(first, try reader.readUInt32())
      changes.pruned[cluster] = min(first, try reader.readUInt32())
    }
    changes.keptRecord = bytes
  }

  /// Takes over one chunk of the sketch.
  mutating func restoreChunk(owner: Int, chunk: Int, _ bytes: [UInt8], now: Int64) throws(StateDamage) {
    guard !bytes.isEmpty else { return }
    guard owner < addresses.count, addresses[owner].isSketched else { throw StateDamage("its source IP has no sketch") }
    try sketch.restore(
      owner: owner, chunk: chunk, bytes, from: changes.pruned[Int(family.table.series[owner].cluster)],
      through: max(1, EventTime.second(now)))
    changes.setKept(owner: owner, chunk, true)
  }
}
