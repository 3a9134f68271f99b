internal import Diagnostics
internal import Metrics

/// What is kept of a family as a whole.
struct FamilyTotals: Hashable {
  var overflow: UInt64 = 0
  var expired: UInt64 = 0
  var births: UInt32 = 0

  static let version: UInt8 = 1

  var bytes: [UInt8] {
    var writer = StateWriter(version: Self.version)
    writer.write(overflow)
    writer.write(expired)
    writer.write(births)
    return writer.bytes
  }

  init() {}

  init(_ bytes: [UInt8]) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.version)
    overflow = try reader.read(upTo: StateDamage.totalLimit)
    expired = try reader.read(upTo: StateDamage.totalLimit)
    births = try reader.readUInt32()
    try reader.finish()
  }
}

/// Rows of series.
///
/// - Shape: marks, cluster, time and number of the last change, birth, the hashes of the owners that it has, windows; what a
///   family adds comes last. About 30 bytes, and 8 for each window that is not empty.
extension BoundedFamily {
  static let rowVersion: UInt8 = 1

  private struct Marks {
    static let state: UInt8 = 3
    static let address: UInt8 = 4
    static let user: UInt8 = 8
    static let network: UInt8 = 16
    static let holdsNetwork: UInt8 = 32
    static let isFolded: UInt8 = 64
  }

  /// Appends what has changed.
  ///
  /// - Parameter more: writes what the family keeps beside.
  mutating func takeDelta(
    _ family: PersistedFamily, _ edges: StreamEdge, _ panes: borrowing PaneStore, to delta: inout CountingDelta,
    more: (Int, inout StateWriter) -> Void = { _, _ in }
  ) {
    let number = family.rawValue
    for place in table.takeRemoved() { delta.removed.append(SeriesKey(family: number, place: place)) }
    let places = table.takeDirty()
    delta.series.reserveCapacity(delta.series.count + places.count)
    var list = PaneStore.PaneList()
    var writer = StateWriter(version: Self.rowVersion, capacity: 256)
    for place in places {
      writer.restart(version: Self.rowVersion)
      writeHead(place, to: &writer)
      let series = table.series[place]
      panes.write(
        table.heads, from: place * windowCount, shown: series.shown, edges.windows, edges.floors(Int(series.cluster)),
        &list, to: &writer)
      more(place, &writer)
      let text = series.isKept ? nil : table.arena[series.labels]
      table.series[place].isKept = true
      delta.series.append(
        SeriesRow(
          family: number, place: UInt32(place), text: text, count: series.count, data: writer.copy))
    }
    takeTotals(family, to: &delta)
  }

  private mutating func takeTotals(_ family: PersistedFamily, to delta: inout CountingDelta) {
    var totals = FamilyTotals()
    (totals.overflow, totals.expired, totals.births) = (overflow, expired, table.births)
    guard totals != kept else { return }
    kept = totals
    delta.records.append(StateRecord(key: "family/\(family.rawValue)", data: totals.bytes))
  }

  private mutating func writeHead(_ place: Int, to writer: inout StateWriter) {
    let series = table.series[place]
    let isFolded = series.network != 0 && owners.isFolded(series.network)
    table.series[place].tellsFold = isFolded
    var marks = series.state.rawValue
    if series.address != 0 { marks |= Marks.address }
    if series.user != 0 { marks |= Marks.user }
    if series.network != 0 { marks |= Marks.network }
    if series.holdsNetwork { marks |= Marks.holdsNetwork }
    if isFolded { marks |= Marks.isFolded }
    writer.write(byte: marks)
    writer.write(Int(series.cluster))
    writer.write(series.changed)
    writer.write(series.reading)
    writer.write(series.born)
    for owner in [series.address, series.user, series.network] where owner != 0 {
      writer.write(hash: owners.key(owner))
    }
  }

  /// After series were dropped: a folded network stays folded as long as one of its series lives, so each of them must
  /// say so. The one that folded it said it first, and may be gone.
  mutating func tellFolds() {
    for place in table.series.indices {
      let series = table.series[place]
      guard series.state != .free, series.network != 0, !series.tellsFold else { continue }
      if owners.isFolded(series.network) { table.note(place) }
    }
  }
}

extension BoundedFamily {
  /// What all rows of one state have in common.
  struct RowContext {
    var edges: StreamEdge
    /// The clusters' rendered labels.
    var clusters: [[UInt8]]
    var now: Int64
    /// The number of the last readings.
    var number: UInt32
  }

  /// How many places the rows may be spread over: a lie about a place must not cost memory.
  ///
  /// - Parameter rows: how many there are.
  func placeLimit(rows: Int) -> Int { max(1 << 18, 2 * limit.inAll, 64 * rows) }

  /// Makes an empty family whole again; `more` reads what it keeps beside. Its clusters are there.
  mutating func restore(
    _ family: PersistedFamily, _ rows: [SeriesRow], _ totals: FamilyTotals, _ context: RowContext,
    _ panes: inout PaneStore, more: (Int, inout StateReader) throws(StateDamage) -> Void = { _, _ in }
  ) throws(Failure) {
    (overflow, expired, table.births, kept) = (totals.overflow, totals.expired, totals.births, totals)
    guard let last = rows.map(\.place).max() else { return }
    guard Int(last) < placeLimit(rows: rows.count) else {
      throw .counting("a series of \(name) stands at \(last), beyond all others")
    }
    table.makePlaces(Int(last) + 1)
    table.reserveIndex(rows.count)
    var (buffer, list) = (LabelBuffer(), PaneStore.PaneList())
    for row in rows {
      do throws(StateDamage) {
        try restore(family, row, context, &panes, &buffer, &list, more)
      } catch {
        throw .counting("series \(row.place) of \(name) cannot be read: \(error.what)", error)
      }
    }
    table.finishPutting()
  }

  private mutating func restore(
    _ family: PersistedFamily, _ row: SeriesRow, _ context: RowContext, _ panes: inout PaneStore,
    _ buffer: inout LabelBuffer, _ list: inout PaneStore.PaneList,
    _ more: (Int, inout StateReader) throws(StateDamage) -> Void
  ) throws(StateDamage) {
    let place = Int(row.place)
    guard table.series[place].state == .free else { throw StateDamage("it is there twice") }
    guard row.count <= StateDamage.totalLimit else { throw StateDamage("its total is too large") }
    var reader = try StateReader(row.data, version: Self.rowVersion)
    let marks = try reader.readByte()
    guard marks < 128, let state = Series.State(rawValue: marks & Marks.state), state != .free else {
      throw StateDamage("its marks are none")
    }
    let cluster = try reader.readIndex(below: context.clusters.count)
    guard let labels = row.labels, RenderedLabels.areWhole(labels, behind: context.clusters[cluster], family.labels)
    else { throw StateDamage("its labels are none of this family") }
    buffer.clear()
    buffer.append(labels)
    var series = Series(labels: table.arena.append(EmptyCollection()), hash: 0, cluster: UInt16(cluster))
    (series.state, series.count, series.isKept) = (state, row.count, true)
    series.changed = try reader.readTime(upTo: context.now)
    series.reading = try reader.readUInt32(upTo: context.number == .max ? .max : context.number + 1)
    series.born = try reader.readUInt32(upTo: table.births)
    guard table.put(series, buffer, at: place) else { throw StateDamage("another one has its labels") }
    try restoreOwners(place, marks, &reader)
    let windows = try panes.read(
      &reader, &table.heads, from: place * windowCount, context.edges.windows, context.edges.floors(cluster),
      now: EventTime.second(context.now), &list)
    table.series[place].shown = windows.shown
    // What is left of a window that is gone must not come back with it.
    if windows.hasForeign { table.note(place) }
    try more(place, &reader)
    try reader.finish()
  }

  private mutating func restoreOwners(
    _ place: Int, _ marks: UInt8, _ reader: inout StateReader
  ) throws(StateDamage) {
    if table.series[place].state != .overflow {
      perCluster[Int(table.series[place].cluster)] += 1
      admitted += 1
    }
    if marks & Marks.address != 0 { own(place, address: try reader.readHash()) }
    if marks & Marks.user != 0 { own(place, user: try reader.readHash()) }
    guard marks & Marks.network != 0 else { return }
    own(place, network: try reader.readHash(), holds: marks & Marks.holdsNetwork != 0)
    guard marks & Marks.isFolded != 0 else { return }
    owners.fold(table.series[place].network)
    table.series[place].tellsFold = true
  }
}
