internal import Crypto
internal import Metrics

/// One series of a family.
struct Series {
  var count: UInt64 = 0
  /// Arrival time of its last change, microseconds.
  var changed: Int64 = 0
  var labels: LabelArena.Ref
  var hash: UInt32
  /// Owners: the source IP, the user (or resource), the IPv6 network. 0 is none.
  var address: UInt32 = 0
  var user: UInt32 = 0
  var network: UInt32 = 0
  /// A number that says which overflow series takes its value where it is not shown; 0 when only its labels say it.
  var kind: UInt32 = 0
  /// Counts up with every series of the table, so that the older of two is known.
  var born: UInt32 = 0
  /// The number of the first readings that show its last change.
  var reading: UInt32 = 0
  var cluster: UInt16
  /// One bit a window: it has a place among those shown.
  var shown: UInt8 = 0
  /// It counts against its network's share: an IPv6 address, not the /64 itself.
  var holdsNetwork = false
  var state: State = .live
  /// It has changed since what changed was taken.
  var isDirty = false
  /// Its labels were handed over.
  var isKept = false
  /// Its row says that its network is folded.
  var tellsFold = false

  /// Counts an event; true when this is the first change since what changed was taken.
  @inline(__always)
  mutating func bump(_ moment: borrowing Moment) -> Bool {
    count &+= 1
    changed = moment.now
    reading = moment.reading
    let wasDirty = isDirty
    isDirty = true
    return !wasDirty
  }

  enum State: UInt8 {
    /// Its place may be taken.
    case free
    /// Admitted within the limits. The holding ones count against the shares of their owners.
    case live
    case holding
    /// Takes what was folded and is bounded by the labels that are left: it is always admitted and stays.
    case overflow
  }
}

/// The series of a family by their rendered labels: open addressing over a keyed hash, text in an arena.
///
/// - Identity: the rendered label bytes, compared whole; so no two series render alike.
/// - Order: by place. The lowest place that a dropped series has left is taken next, so that the order follows from the
///   series alone.
struct SeriesTable: ~Copyable {
  /// Set by this file and by what restores it.
  var arena = LabelArena()
  var series = Slab<Series>()
  /// Heads of the window lists, `windowCount` a series.
  var heads = Slab<UInt32>()
  let windowCount: Int
  private let key: SipKey
  /// Hash in the upper half, place + 1 in the lower; 0 is empty. At most three quarters full.
  private(set) var index = Slab<UInt64>(repeating: 0, count: 64)
  /// The lowest is the last.
  var free: [UInt32] = []
  var liveBytes = 0
  var births: UInt32 = 0
  /// Places that have changed, each once, and places whose series was kept and is gone.
  var dirtyPlaces: [UInt32] = []
  var removedPlaces: [UInt32] = []

  init(windowCount: Int, key: SipKey) {
    self.windowCount = windowCount
    self.key = key
  }

  var liveCount: Int { series.count - free.count }

  func hash(_ labels: LabelBuffer) -> UInt32 {
    UInt32(truncatingIfNeeded: labels.hash(key: key) >> 32)
  }

  /// The place of the series with these labels; nil when there is none.
  func find(_ labels: LabelBuffer, _ hash: UInt32) -> Int? {
    let mask = index.count - 1
    var at = Int(hash) & mask
    while index[at] != 0 {
      if UInt32(truncatingIfNeeded: index[at] >> 32) == hash {
        let place = Int(UInt32(truncatingIfNeeded: index[at])) - 1
        if arena.holds(labels, at: series[place].labels) { return place }
      }
      at = (at + 1) & mask
    }
    return nil
  }

  /// Adds a series that is not there yet.
  mutating func insert(_ labels: LabelBuffer, _ hash: UInt32, cluster: Int, state: Series.State) -> Int {
    var fresh = Series(labels: arena.append(labels), hash: hash, cluster: UInt16(truncatingIfNeeded: cluster))
    fresh.state = state
    births &+= 1
    fresh.born = births
    liveBytes += labels.count
    let place: Int
    if let reused = free.popLast() {
      place = Int(reused)
      // It may be among the dirty places already.
      fresh.isDirty = series[place].isDirty
      series[place] = fresh
    } else {
      place = series.count
      series.append(fresh)
      heads.append(0, count: windowCount)
    }
    if (liveCount + 1) * 4 > index.count * 3 { rebuildIndex(index.count * 2) } else { enter(place) }
    note(place)
    return place
  }

  /// Frees a place whose window lists are empty. Call `finishRemoving` after the last one.
  mutating func remove(_ place: Int) {
    liveBytes -= Int(series[place].labels.count)
    series[place].state = .free
    free.append(UInt32(place))
    if series[place].isKept { removedPlaces.append(UInt32(place)) }
  }

  /// Makes the table whole again after removals, and gives back the text of what is gone.
  mutating func finishRemoving() {
    free.sort(by: >)
    if arena.byteCount > 2 * liveBytes + LabelArena.slackBytes {
      var packed = LabelArena()
      for place in series.indices where series[place].state != .free {
        series[place].labels = packed.append(arena[series[place].labels])
      }
      arena = packed
    }
    rebuildIndex(index.count)
  }

  mutating func rebuildIndex(_ size: Int) {
    index = Slab(repeating: 0, count: size)
    for place in series.indices where series[place].state != .free { enter(place) }
  }

  mutating func enter(_ place: Int) {
    let hash = series[place].hash
    var at = Int(hash) & (index.count - 1)
    while index[at] != 0 { at = (at + 1) & (index.count - 1) }
    index[at] = UInt64(hash) << 32 | UInt64(place + 1)
  }
}
