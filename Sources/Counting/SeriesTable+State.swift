internal import Metrics

/// What has changed: a list of places, so that taking it costs what has changed and not what there is.
extension SeriesTable {
  /// Notes that a series has changed.
  mutating func note(_ place: Int) {
    guard !series[place].isDirty else { return }
    series[place].isDirty = true
    enlist(place)
  }

  /// Appends a place that has just become dirty.
  @inline(never)
  mutating func enlist(_ place: Int) { dirtyPlaces.append(UInt32(truncatingIfNeeded: place)) }

  /// Gives a series a place among those that a window shows, or takes it.
  mutating func setShown(_ place: Int, _ window: Int, _ isShown: Bool) {
    let bit: UInt8 = 1 << UInt8(window)
    let before = series[place].shown
    let after = isShown ? before | bit : before & ~bit
    // Written where it changes alone: what is read only stays shared and clean.
    guard after != before else { return }
    series[place].shown = after
    note(place)
  }

  /// The series that have changed, in the order of their first change. They are clean from here on.
  mutating func takeDirty() -> [Int] {
    var places: [Int] = []
    places.reserveCapacity(dirtyPlaces.count)
    for place in dirtyPlaces {
      series[Int(place)].isDirty = false
      if series[Int(place)].state != .free { places.append(Int(place)) }
    }
    dirtyPlaces.removeAll(keepingCapacity: true)
    return places
  }

  /// The places whose kept series are gone.
  mutating func takeRemoved() -> [UInt32] {
    let places = removedPlaces
    removedPlaces.removeAll(keepingCapacity: true)
    return places
  }
}

/// Filling an empty table with series whose places are known.
extension SeriesTable {
  /// Makes this many places, all free.
  mutating func makePlaces(_ count: Int) {
    let nothing = arena.append(EmptyCollection())
    var gap = Series(labels: nothing, hash: 0, cluster: 0)
    gap.state = .free
    series = Slab(repeating: gap, count: count)
    heads = Slab(repeating: 0, count: count * windowCount)
  }

  /// Puts a series into its free place; false when another one has the same labels.
  mutating func put(_ restored: Series, _ labels: LabelBuffer, at place: Int) -> Bool {
    let hash = hash(labels)
    guard find(labels, hash) == nil else { return false }
    series[place] = restored
    series[place].hash = hash
    series[place].labels = arena.append(labels)
    liveBytes += labels.count
    enter(place)
    return true
  }

  /// Makes the index large enough for this many series.
  mutating func reserveIndex(_ count: Int) {
    var size = index.count
    while (count + 1) * 4 > size * 3 { size *= 2 }
    rebuildIndex(size)
  }

  /// Frees what was not filled.
  mutating func finishPutting() {
    free = series.indices.reversed().filter { series[$0].state == .free }.map { UInt32($0) }
  }
}
