/// How the windows of one series, or of one class of requests, are kept: for each window that is not empty its length in
/// seconds, whether it is shown, and its panes; then a zero. The length names a window, so that the configured ones may
/// change: a window that is no longer there is passed over, and a new one begins empty.
extension PaneStore {
  /// Scratch for the panes of one list.
  struct PaneList {
    var panes: [(pane: UInt32, count: UInt32)] = []
  }

  /// Writes the lists that begin at `heads[first]`, one a window; none of them when `heads` is empty.
  func write(
    _ heads: borrowing Slab<UInt32>, from first: Int, shown: UInt8, _ windows: Windows, _ floors: Panes,
    _ list: inout PaneList,
    to writer: inout StateWriter
  ) {
    for window in 0..<windows.count {
      list.panes.removeAll(keepingCapacity: true)
      if !heads.isEmpty { collect(heads[first + window], from: floors.of[window], into: &list) }
      let isShown = shown >> UInt8(window) & 1
      guard !list.panes.isEmpty || isShown == 1 else { continue }
      writer.write(windows.spans[window].seconds)
      writer.write(list.panes.count << 1 | Int(isShown))
      var previous: UInt32 = 0
      for (pane, count) in list.panes {
        writer.write(pane - previous)
        writer.write(count)
        previous = pane
      }
    }
    writer.write(byte: 0)
  }

  /// Fills `list` with the panes at and above `floor`, in their order.
  private func collect(_ head: UInt32, from floor: UInt32, into list: inout PaneList) {
    forEach(head, from: 0) { pane, count in
      if pane >= floor { list.panes.append((pane, count)) }
    }
    list.panes.sort { $0.pane < $1.pane }
  }

  /// Reads what `write` wrote into the lists that begin at `heads[first]`, which are empty.
  ///
  /// - Returns: which windows are shown, one bit each; and whether there was one that is no longer configured.
  mutating func read(
    _ reader: inout StateReader, _ heads: inout Slab<UInt32>, from first: Int, _ windows: Windows, _ floors: Panes,
    now: UInt32, _ list: inout PaneList
  ) throws(StateDamage) -> (shown: UInt8, hasForeign: Bool) {
    var shown: UInt8 = 0
    var hasForeign = false
    while true {
      let seconds = try reader.readInt(upTo: Int.max)
      guard seconds > 0 else { return (shown, hasForeign) }
      let width = WindowSpan(name: "", seconds: Int64(seconds)).paneSeconds
      let size = try reader.readInt(upTo: Int.max)
      try readPanes(&reader, size >> 1, last: UInt32(clamping: Int64(now) / width), &list)
      var isKnown = false
      for window in 0..<windows.count where windows.spans[window].seconds == Int64(seconds) {
        isKnown = true
        if size & 1 == 1 { shown |= 1 << UInt8(window) }
        if !heads.isEmpty { fill(&heads[first + window], list, from: floors.of[window]) }
      }
      if !isKnown { hasForeign = true }
    }
  }

  private func readPanes(
    _ reader: inout StateReader, _ count: Int, last: UInt32, _ list: inout PaneList
  ) throws(StateDamage) {
    list.panes.removeAll(keepingCapacity: true)
    var pane: UInt32 = 0
    for _ in 0..<count {
      // A count that is a lie ends where the bytes do.
      pane += try reader.readUInt32(upTo: last - pane)
      let events = try reader.readUInt32()
      guard events > 0 else { throw StateDamage("a pane is empty") }
      list.panes.append((pane, events))
    }
  }
}
