internal import Crypto
internal import Metrics

/// A family whose series are limited when one would be inserted, per cluster and in all.
///
/// Nothing is estimated and nothing is moved afterwards: an event counts in the series it was admitted to, or in the
/// folded one. So the sum over all series, with what expired, is always the number of events.
/// - Source: DESIGN.md, "Bounded family".
struct BoundedFamily: ~Copyable {
  let name: String
  let limit: FamilyLimit
  var table: SeriesTable
  var owners = Owners()
  let windowCount: Int
  /// The overflow series by the kind of those that fold into it. It stays for good, as those series do.
  var folds = NumberShortcuts()
  /// Scratch for the labels of overflow series.
  var foldRow = LabelRow()
  var perCluster: [Int] = []
  private var userOwners: [Int] = []
  /// Series that count against the limits.
  var admitted = 0
  /// Events that were counted in a folded series.
  var overflow: UInt64 = 0
  /// The sum of the series that were dropped.
  var expired: UInt64 = 0
  /// What was last handed over of the family as a whole.
  var kept = FamilyTotals()

  init(_ name: String, _ limit: FamilyLimit, windowCount: Int, key: SipKey) {
    self.name = name
    self.limit = limit
    self.windowCount = windowCount
    table = SeriesTable(windowCount: windowCount, key: key)
  }

  mutating func addCluster() {
    perCluster.append(0)
    userOwners.append(0)
  }

  var clusterCount: Int { perCluster.count }

  /// How many users (or resources) hold series of a cluster.
  func userCount(_ cluster: Int) -> Int { userOwners[cluster] }

  func isFull(_ cluster: Int) -> Bool { perCluster[cluster] >= limit.perCluster || admitted >= limit.inAll }

  /// Whether series of a cluster may expire: it, or the family in all, is over 80 % full.
  func isCrowded(_ cluster: Int) -> Bool {
    perCluster[cluster] * 5 > limit.perCluster * 4 || admitted * 5 > limit.inAll * 4
  }

  /// Adds a series within the limits.
  ///
  /// - Parameter kind: what its overflow series follows from: series of one kind differ in nothing but what is folded.
  mutating func admit(
    _ labels: LabelBuffer, _ hash: UInt32, cluster: Int, holds: Bool = false, kind: UInt32 = 0
  ) -> Int {
    perCluster[cluster] += 1
    admitted += 1
    let place = table.insert(labels, hash, cluster: cluster, state: holds ? .holding : .live)
    table.series[place].kind = kind
    return place
  }

  /// Says that kinds have another meaning from here on.
  mutating func forgetKinds() {
    for place in table.series.indices { table.series[place].kind = 0 }
    folds.clear()
  }

  /// The series that is always admitted.
  mutating func overflowSeries(_ labels: LabelBuffer, cluster: Int) -> Int {
    let hash = table.hash(labels)
    return table.find(labels, hash) ?? table.insert(labels, hash, cluster: cluster, state: .overflow)
  }

  mutating func noteOverflow() { overflow += 1 }

  @inline(__always)
  mutating func bump(_ place: Int, _ moment: borrowing Moment) {
    if table.series[place].bump(moment) { table.enlist(place) }
  }

  /// Counts an event in a series, and in its windows where they reach back to it.
  mutating func bump(_ place: Int, _ moment: borrowing Moment, in panes: inout PaneStore) {
    bump(place, moment)
    let first = place &* windowCount
    for window in 0..<windowCount where moment.panes.of[window] >= moment.floors.of[window] {
      let pane = moment.panes.of[window]
      if panes.bump(table.heads[first &+ window], pane: pane) { continue }
      panes.add(to: &table.heads[first &+ window], pane: pane, floor: moment.floors.of[window])
    }
  }

  /// The value of a series in a window that begins with pane `floor`.
  mutating func value(_ place: Int, window: Int, from floor: UInt32, in panes: inout PaneStore) -> UInt64 {
    panes.sum(&table.heads[place * windowCount + window], from: floor)
  }

  /// Whether all window lists of a series are empty, as they were last read.
  func isEmpty(_ place: Int) -> Bool {
    for window in 0..<windowCount where table.heads[place * windowCount + window] != 0 { return false }
    return true
  }

  /// Makes the source IP of this hash an owner of a series.
  mutating func own(_ place: Int, address key: UInt64) {
    table.series[place].address = owners.retain(key, holds: table.series[place].state == .holding)
  }

  /// Makes the user (or resource) of this hash an owner of a series.
  mutating func own(_ place: Int, user key: UInt64) {
    if owners.find(key) == 0 { userOwners[Int(table.series[place].cluster)] += 1 }
    table.series[place].user = owners.retain(key, holds: table.series[place].state == .holding)
  }

  /// Makes the /64 of this hash an owner of a series; `holds` when the series is one of its addresses.
  mutating func own(_ place: Int, network key: UInt64, holds: Bool) {
    table.series[place].network = owners.retain(key, holds: holds)
    table.series[place].holdsNetwork = holds
  }

  /// Whether no event of a series is in any window.
  mutating func isSilent(_ place: Int, _ floors: Panes, in panes: inout PaneStore) -> Bool {
    for window in 0..<windowCount where value(place, window: window, from: floors.of[window], in: &panes) > 0 {
      return false
    }
    return true
  }

  /// Drops a series that counts against the limits. Call `table.finishRemoving()` after the last one.
  mutating func drop(_ place: Int) {
    let series = table.series[place]
    let holds = series.state == .holding
    owners.release(series.address, holds: holds)
    if series.user != 0, owners.release(series.user, holds: holds) { userOwners[Int(series.cluster)] -= 1 }
    owners.release(series.network, holds: series.holdsNetwork)
    perCluster[Int(series.cluster)] -= 1
    admitted -= 1
    expired += series.count
    table.remove(place)
  }
}

/// What is the same for everything that one event changes.
struct Moment {
  /// Microseconds of the clock that never goes back.
  var now: Int64 = 0
  /// The number of the readings that will show it first.
  var reading: UInt32 = 0
  var second: UInt32 = 0
  var panes = Panes()
  var floors = Panes()
}
