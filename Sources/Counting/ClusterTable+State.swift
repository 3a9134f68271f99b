internal import Metrics

/// What is kept of clusters: who they are, and what is counted by cluster alone.
extension ClusterTable {
  static let version: UInt8 = 1
  private static let first = Array("k8s_cluster=\"".utf8)
  private static let expectedMark: UInt8 = 1
  private static let otherMark: UInt8 = 2

  /// The rendered labels of a cluster with this escaped value.
  static func labels(_ value: [UInt8]) -> [UInt8] { first + value + [UInt8(ascii: "\"")] }

  mutating func setExpected(_ cluster: Int, _ isExpected: Bool) {
    guard clusters[cluster].isExpected != isExpected else { return }
    clusters[cluster].isExpected = isExpected
    clusters[cluster].isDirty = true
    hasDirty = true
  }

  /// The clusters whose record has changed. They are clean from here on.
  mutating func takeDirty() -> [Int] {
    guard hasDirty else { return [] }
    hasDirty = false
    let dirty = clusters.indices.filter { clusters[$0].isDirty }
    for cluster in dirty { clusters[cluster].isDirty = false }
    return dirty
  }

  /// Who a cluster is.
  func record(_ cluster: Int) -> [UInt8] {
    var writer = StateWriter(version: Self.version)
    let isOther = cluster == other
    writer.write(
      byte: (clusters[cluster].isExpected ? Self.expectedMark : 0) | (isOther ? Self.otherMark : 0))
    if !isOther { writer.write(rest: clusters[cluster].labels[Self.first.count...].dropLast()) }
    return writer.bytes
  }

  /// Adds the cluster that a record speaks of, whatever the limit is today.
  mutating func restore(_ bytes: [UInt8]) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.version)
    let marks = try reader.readByte()
    let value = reader.readRest()
    guard marks <= Self.expectedMark | Self.otherMark, clusters.count < Int(UInt16.max) else {
      throw StateDamage("its marks are none, or there are too many")
    }
    if marks & Self.otherMark != 0 {
      guard other == nil, value.isEmpty else { throw StateDamage("it is there twice") }
      makeOther()
    } else {
      // Nothing is called `(other)` but the one above: a name that begins so is written with a backslash.
      guard RenderedLabels.isValue(value), !value.isEmpty, value.first != UInt8(ascii: "(") else {
        throw StateDamage("its name is none")
      }
      guard index[value] == nil else { throw StateDamage("it is there twice") }
      index[value] = clusters.count
      make(value)
    }
    let last = clusters.count - 1
    clusters[last].isExpected = marks & Self.expectedMark != 0
    clusters[last].isDirty = false
    hasDirty = false
  }

  /// What a cluster's events have changed: its edge, its stages, the windows of its classes.
  func traffic(_ cluster: Int, edge: Int64, _ windows: Windows, _ floors: Panes, _ panes: borrowing PaneStore)
    -> [UInt8]
  {
    var writer = StateWriter(version: Self.version, capacity: 256)
    writer.write(edge + 1)
    for stage in 0..<Self.stageCount { writer.write(stages[cluster * Self.stageCount + stage]) }
    var list = PaneStore.PaneList()
    for codeClass in 0..<Self.classCount {
      let first = (cluster * Self.classCount + codeClass) * windowCount
      panes.write(heads, from: first, shown: 0, windows, floors, &list, to: &writer)
    }
    return writer.bytes
  }

  /// Takes over what `traffic` wrote.
  mutating func restoreTraffic(
    _ cluster: Int, _ bytes: [UInt8], _ edges: inout StreamEdge, now: Int64, _ panes: inout PaneStore
  ) throws(StateDamage) {
    var reader = try StateReader(bytes, version: Self.version)
    edges.restore(cluster, edge: try reader.readTime(upTo: now + 1) - 1)
    for stage in 0..<Self.stageCount {
      stages[cluster * Self.stageCount + stage] = try reader.read(upTo: StateDamage.totalLimit)
    }
    var list = PaneStore.PaneList()
    var hasForeign = false
    for codeClass in 0..<Self.classCount {
      let first = (cluster * Self.classCount + codeClass) * windowCount
      let windows = try panes.read(
        &reader, &heads, from: first, edges.windows, edges.floors(cluster), now: EventTime.second(now), &list)
      if windows.hasForeign { hasForeign = true }
    }
    // What is left of a window that is gone must not come back with it.
    if hasForeign { stale.append(cluster) }
    try reader.finish()
  }
}
