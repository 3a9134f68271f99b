/// The entries of a key: the newest requests, or the values that came last.
extension WindowTable {
  /// Drops the entries below `floor`; how much the others hold, at most the threshold.
  private mutating func prune(_ slot: Int, below floor: UInt32) -> Int {
    var count = Int(self[slot, Self.entriesWord])
    var sum = 0
    var at = 0
    while at < count {
      guard pane(slot, at) < floor else {
        sum += window.isDistinct ? 1 : Int(self[slot, entry(at) + 1])
        at += 1
        continue
      }
      count -= 1
      for word in 0..<entryWords { self[slot, entry(at) + word] = self[slot, entry(count) + word] }
    }
    self[slot, Self.entriesWord] = UInt32(count)
    return sum
  }

  /// What a key's window holds, up to the threshold.
  mutating func value(_ slot: Int, floor: UInt32) -> Int { prune(slot, below: floor) }

  /// Adds a request or a value; whether it is the one with which the threshold is reached.
  ///
  /// - Why so few entries are enough: with threshold N the answer needs min(value, N) alone. Call *newest* of a value the
  ///   newest pane in which it came. Kept is a set K of N values whose newest panes are the greatest of all that came
  ///   (fewer when fewer came), so for each floor, as many of K are at or above it as of all, up to N. That
  ///   stays true: what is not in K has a newest pane of at most K's least, and that least never falls. If a value in
  ///   K comes, its pane rises. If one that is not in K comes in pane p, and p is at most K's least, it stays outside with
  ///   right. Else p is its newest pane, whatever was forgotten of it, and it takes the place of K's least. Floors never
  ///   fall, so what is below one may go. Requests are values that never come twice: of them the N newest panes are kept.
  mutating func add(_ slot: Int, pane: UInt32, value: UInt128, floor: UInt32) -> Bool {
    noteChange(slot)
    let before = prune(slot, below: floor)
    let count = Int(self[slot, Self.entriesWord])
    if let at = (0..<count).first(where: { isEntry(slot, $0, pane, value) }) {
      if window.isDistinct {
        self[slot, entry(at)] = max(self[slot, entry(at)], pane)
        return false
      }
      // A request among others of its pane: it makes the oldest one go when there are enough.
      if before == window.atLeast { dropOldest(slot, pane) } else { self[slot, entry(at) + 1] += 1 }
      return before + 1 == window.atLeast
    }
    if before == window.atLeast {
      guard let oldest = oldest(slot), self.pane(slot, oldest) < pane else { return false }
      if window.isDistinct { write(slot, oldest, pane, value) } else { dropOldest(slot, pane) }
      return false
    }
    write(slot, count, pane, value)
    self[slot, Self.entriesWord] = UInt32(count + 1)
    return before + 1 == window.atLeast
  }

  private func isEntry(_ slot: Int, _ at: Int, _ pane: UInt32, _ value: UInt128) -> Bool {
    window.isDistinct ? wide(slot, entry(at) + 1) == value : self.pane(slot, at) == pane
  }

  private mutating func write(_ slot: Int, _ at: Int, _ pane: UInt32, _ value: UInt128) {
    self[slot, entry(at)] = pane
    if window.isDistinct { setWide(slot, entry(at) + 1, value) } else { self[slot, entry(at) + 1] = 1 }
  }

  private func oldest(_ slot: Int) -> Int? {
    (0..<Int(self[slot, Self.entriesWord])).min { pane(slot, $0) < pane(slot, $1) }
  }

  /// One request of the oldest pane makes room for one of a later pane.
  private mutating func dropOldest(_ slot: Int, _ pane: UInt32) {
    guard let oldest = oldest(slot), self.pane(slot, oldest) < pane else { return }
    let count = Int(self[slot, Self.entriesWord])
    let known = (0..<count).first { self.pane(slot, $0) == pane }
    if let known { self[slot, entry(known) + 1] += 1 }
    self[slot, entry(oldest) + 1] -= 1
    guard self[slot, entry(oldest) + 1] == 0 else {
      // Its pane keeps others: fewer entries than requests, so there is room for one more.
      guard known == nil else { return }
      write(slot, count, pane, 0)
      self[slot, Self.entriesWord] = UInt32(count + 1)
      return
    }
    if known == nil { return write(slot, oldest, pane, 0) }
    for word in 0..<entryWords { self[slot, entry(oldest) + word] = self[slot, entry(count - 1) + word] }
    self[slot, Self.entriesWord] = UInt32(count - 1)
  }
}
