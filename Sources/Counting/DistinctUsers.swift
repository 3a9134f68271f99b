internal import Crypto
internal import Metrics

/// How many different user names were refused from each source IP, in each window.
///
/// - Shape: for each IP the `exactLimit` users that were seen last, by keyed hash, with the second of their latest
///   event. A window that begins after the latest event of all users that were put out holds no other: its count is
///   exact. Else the sketch estimates it, within 3 % (DESIGN.md, section 4).
/// - Bound: the family's limits of IPs; further ones count as the source IP `(other)`.
struct DistinctUsers: ~Copyable {
  static let exactLimit = 64
  static let blockUsers = 8

  struct Address {
    var firstBlock: UInt32 = 0
    var count: UInt32 = 0
    /// The latest second of a user that was put out.
    var putOut: UInt32 = 0
    /// Its users are in the sketch too.
    var isSketched = false
  }

  /// Identity and limits of the IPs. Its counts and windows are not used.
  var family: BoundedFamily
  let windows: Windows
  var addresses: [Address] = []
  /// Blocks of users; block 0 is never used. A second of 0 marks a free place.
  var users = [UInt64](repeating: 0, count: blockUsers)
  var seconds = [UInt32](repeating: 0, count: blockUsers)
  var next: [UInt32] = [0]
  private var free: UInt32 = 0
  var sketch: UserSketch
  private var overflowRow = LabelRow()
  /// The first second that the longest window of each cluster reaches.
  var reach: [UInt32] = []
  /// What of the sketch has changed.
  var changes = SketchChanges()

  init(windows: Windows, limit: FamilyLimit, sketchEntries: Int, key: SipKey) {
    self.windows = windows
    sketch = UserSketch(limit: sketchEntries)
    family = BoundedFamily("kube_audit_window_distinct_users", limit, windowCount: 0, key: key)
  }

  mutating func addCluster() {
    family.addCluster()
    reach.append(0)
    changes.pruned.append(0)
  }

  /// Takes notice of a refused user.
  ///
  /// - Parameters:
  ///   - labels: `k8s_cluster="…",source_ip="…"`; `clusterLabels` is its first part.
  ///   - user: keyed hash of the name.
  mutating func add(
    _ labels: LabelBuffer, of clusterLabels: [UInt8], cluster: Int, user: UInt64, _ moment: borrowing Moment
  ) {
    guard windows.count > 0 else { return }
    reach[cluster] = max(
      1, windows.second(ofPane: moment.floors.of[windows.longest], window: windows.longest))
    let second = max(1, moment.second)
    guard second >= reach[cluster] else { return }
    let place = place(labels, clusterLabels, cluster)
    while addresses.count <= place { addresses.append(Address()) }
    family.table.note(place)
    note(place, user, second, reach[cluster])
    if addresses[place].isSketched { sketchUser(place, user, second) }
  }

  private mutating func place(_ labels: LabelBuffer, _ clusterLabels: [UInt8], _ cluster: Int) -> Int {
    let hash = family.table.hash(labels)
    if let known = family.table.find(labels, hash) { return known }
    if !family.isFull(cluster) { return family.admit(labels, hash, cluster: cluster) }
    family.noteOverflow()
    overflowRow.begin(clusterLabels)
    overflowRow.add(",source_ip=\"", "(other)")
    return family.overflowSeries(overflowRow.bytes, cluster: cluster)
  }

  private mutating func note(_ place: Int, _ user: UInt64, _ second: UInt32, _ reach: UInt32) {
    var oldest = 0
    var oldestSecond = UInt32.max
    var block = addresses[place].firstBlock
    while block != 0 {
      let start = Int(block) * Self.blockUsers
      for i in start..<start + Self.blockUsers {
        if users[i] == user, seconds[i] != 0 {
          seconds[i] = max(seconds[i], second)
          return
        }
        if seconds[i] < oldestSecond { (oldest, oldestSecond) = (i, seconds[i]) }
      }
      block = next[Int(block)]
    }
    if oldestSecond >= reach, Int(addresses[place].count) < Self.exactLimit {
      oldest = addBlock(place)
    } else if oldestSecond >= reach {
      if !addresses[place].isSketched { beginSketch(place) }
      let gone = min(oldestSecond, second)
      addresses[place].putOut = max(addresses[place].putOut, gone)
      if second <= oldestSecond { return }
    }
    users[oldest] = user
    seconds[oldest] = second
  }

  /// Adds a block of free places and answers the first.
  mutating func addBlock(_ place: Int) -> Int {
    var block = free
    if block != 0 {
      free = next[Int(block)]
    } else {
      block = UInt32(next.count)
      next.append(0)
      users.append(contentsOf: repeatElement(0, count: Self.blockUsers))
      seconds.append(contentsOf: repeatElement(0, count: Self.blockUsers))
    }
    next[Int(block)] = addresses[place].firstBlock
    addresses[place].firstBlock = block
    addresses[place].count += UInt32(Self.blockUsers)
    return Int(block) * Self.blockUsers
  }

  private mutating func beginSketch(_ place: Int) {
    addresses[place].isSketched = true
    let start = Int(addresses[place].firstBlock)
    var block = start
    while block != 0 {
      for i in block * Self.blockUsers..<(block + 1) * Self.blockUsers where seconds[i] != 0 {
        sketchUser(place, users[i], seconds[i])
      }
      block = Int(next[block])
    }
  }

  private mutating func sketchUser(_ place: Int, _ user: UInt64, _ second: UInt32) {
    Self.sketch(in: &sketch, family, reach, owner: place, user: user, second: second)
    changes.note(owner: place, user: user)
    if sketch.prunes != changes.prunes { notePruned() }
  }

  private static func sketch(
    in sketch: inout UserSketch, _ family: borrowing BoundedFamily, _ reach: [UInt32], owner: Int, user: UInt64,
    second: UInt32
  ) {
    sketch.add(owner: owner, user: user, second: second) { reach[Int(family.table.series[$0].cluster)] }
  }

  private static func prune(
    _ sketch: inout UserSketch, _ family: borrowing BoundedFamily, _ reach: [UInt32], _ addresses: [Address]
  ) {
    sketch.prune {
      addresses[$0].isSketched
    } reach: {
      reach[Int(family.table.series[$0].cluster)]
    }
  }
}

extension DistinctUsers {
  /// The counts as samples. Drops the IPs that no window holds.
  ///
  /// - Parameter shownLimit: IPs shown for a cluster and window; the users of the others are counted together.
  mutating func samples(_ edges: StreamEdge, shownLimit: Int) -> SampleSet {
    let count = windows.count
    guard count > 0 else { return SampleSet() }
    settleReach(edges)
    let entries = sketchEntries()
    var values = counts(edges, entries)
    let crowds = crowds(values)
    for cluster in reach.indices {
      for window in 0..<count where crowds[cluster * count + window] > shownLimit {
        mergeHidden(cluster, window, edges, shownLimit, entries, &values)
      }
    }
    var samples = SampleSet(sharing: family.table.arena, prefixes: windows.prefixes)
    for window in 0..<count {
      for place in addresses.indices where values[place * count + window] > 0 {
        family.table.setShown(place, window, true)
        samples.append(family.table.series[place].labels, values[place * count + window], prefix: window + 1)
      }
    }
    dropSilent(values)
    return samples
  }

  private mutating func settleReach(_ edges: StreamEdge) {
    for cluster in reach.indices {
      reach[cluster] = max(
        1, windows.second(ofPane: edges.floors(cluster).of[windows.longest], window: windows.longest))
    }
  }

  private func start(_ edges: StreamEdge, _ cluster: Int, _ window: Int) -> UInt32 {
    max(1, windows.second(ofPane: edges.floors(cluster).of[window], window: window))
  }

  /// The count of every IP in every window: `windows.count` values a place.
  private func counts(_ edges: StreamEdge, _ entries: [Int: [Entry]]) -> [Double] {
    var values = [Double](repeating: 0, count: addresses.count * windows.count)
    var registers = [UInt8](repeating: 0, count: sketch.registerCount)
    for place in addresses.indices where family.table.series[place].state != .free {
      for window in 0..<windows.count {
        let start = start(edges, Int(family.table.series[place].cluster), window)
        let at = place * windows.count + window
        if addresses[place].putOut >= start {
          values[at] = estimate(entries[place] ?? [], from: start, &registers)
        } else {
          forEachUser(place) { if $1 >= start { values[at] += 1 } }
        }
      }
    }
    return values
  }

  private typealias Entry = (register: Int, rank: UInt8, second: UInt32)

  /// What the sketch holds of each IP.
  private func sketchEntries() -> [Int: [Entry]] {
    var entries: [Int: [Entry]] = [:]
    for place in addresses.indices where addresses[place].isSketched { entries[place] = [] }
    guard !entries.isEmpty else { return entries }
    sketch.forEach({ addresses[$0].isSketched }) { entries[$0]?.append(($1, $2, $3)) }
    return entries
  }

  /// More users than are kept are in this window: never less than that.
  private func estimate(_ entries: [Entry], from start: UInt32, _ registers: inout [UInt8]) -> Double {
    var multiplicities = [Int](repeating: 0, count: 66)
    multiplicities[0] = registers.count
    for entry in entries where entry.second >= start && entry.rank > registers[entry.register] {
      multiplicities[Int(registers[entry.register])] -= 1
      multiplicities[Int(entry.rank)] += 1
      registers[entry.register] = entry.rank
    }
    for entry in entries { registers[entry.register] = 0 }
    return max(Double(Self.exactLimit + 1), sketch.estimate(multiplicities).rounded())
  }

  private func forEachUser(_ place: Int, _ body: (_ user: UInt64, _ second: UInt32) -> Void) {
    var block = Int(addresses[place].firstBlock)
    while block != 0 {
      for i in block * Self.blockUsers..<(block + 1) * Self.blockUsers where seconds[i] != 0 {
        body(users[i], seconds[i])
      }
      block = Int(next[block])
    }
  }

  /// How many IPs of each cluster have users in each window. The others lose their place.
  private mutating func crowds(_ values: [Double]) -> [Int] {
    var crowds = [Int](repeating: 0, count: reach.count * windows.count)
    for place in addresses.indices {
      for window in 0..<windows.count {
        if values[place * windows.count + window] == 0 {
          family.table.setShown(place, window, false)
        } else if family.table.series[place].state != .overflow {
          crowds[Int(family.table.series[place].cluster) * windows.count + window] += 1
        }
      }
    }
    return crowds
  }

  /// Where more IPs have users than are shown: the others' users are counted together under `(other)`.
  private mutating func mergeHidden(
    _ cluster: Int, _ window: Int, _ edges: StreamEdge, _ shownLimit: Int, _ entries: [Int: [Entry]],
    _ values: inout [Double]
  ) {
    let count = windows.count
    var crowd = ShownSeries.Crowd()
    for place in addresses.indices where values[place * count + window] > 0 {
      let series = family.table.series[place]
      guard Int(series.cluster) == cluster, series.state != .overflow else { continue }
      if series.shown >> UInt8(window) & 1 == 1 {
        crowd.shown.append(UInt32(place))
      } else {
        crowd.waiting.append(
          ShownSeries.Candidate(
            place: place, born: series.born, owner: UInt32(place), value: UInt64(values[place * count + window])))
      }
    }
    var hidden = Set(crowd.waiting.map { Int($0.place) })
    var choice = ShownSeries()
    hidden.subtract(choice.choose(shownLimit - crowd.shown.count, of: crowd).map { Int($0.place) })
    guard let first = hidden.first else { return }
    let other = otherPlace(cluster, like: first)
    while addresses.count <= other {
      addresses.append(Address())
      values.append(contentsOf: repeatElement(0, count: count))
    }
    values[other * count + window] = union([other] + hidden, entries, from: start(edges, cluster, window))
    for place in hidden { values[place * count + window] = 0 }
  }

  private mutating func otherPlace(_ cluster: Int, like place: Int) -> Int {
    overflowRow.fold(family.table.arena[family.table.series[place].labels], [.sourceIP])
    return family.overflowSeries(overflowRow.bytes, cluster: cluster)
  }

  /// How many different users several IPs have together: exact to 64, too.
  private func union(_ places: [Int], _ entries: [Int: [Entry]], from start: UInt32) -> Double {
    var few: [UInt64] = []
    var registers = [UInt8](repeating: 0, count: sketch.registerCount)
    var isExact = true
    for place in places {
      forEachUser(place) { user, second in
        guard second >= start else { return }
        sketch.note(user, in: &registers)
        if few.count <= Self.exactLimit, !few.contains(user) { few.append(user) }
      }
      guard addresses[place].putOut >= start else { continue }
      isExact = false
      for entry in entries[place] ?? [] where entry.second >= start {
        registers[entry.register] = max(registers[entry.register], entry.rank)
      }
    }
    if isExact, few.count <= Self.exactLimit { return Double(few.count) }
    var multiplicities = [Int](repeating: 0, count: 66)
    for rank in registers { multiplicities[Int(rank)] += 1 }
    return max(Double(Self.exactLimit + 1), sketch.estimate(multiplicities).rounded())
  }

  /// Gives back the places of IPs without users, and what the sketch no longer needs.
  private mutating func dropSilent(_ values: [Double]) {
    var hasChanged = false
    var hasDropped = false
    for place in addresses.indices where family.table.series[place].state != .free {
      let first = reach[Int(family.table.series[place].cluster)]
      if addresses[place].isSketched, addresses[place].putOut < first {
        addresses[place].isSketched = false
        family.table.note(place)
        changes.end(owner: place)
        hasChanged = true
      }
      var isSilent = !addresses[place].isSketched
      forEachUser(place) { if $1 >= first { isSilent = false } }
      guard isSilent else { continue }
      freeBlocks(place)
      guard family.table.series[place].state == .live else { continue }
      family.drop(place)
      hasDropped = true
    }
    if hasDropped { family.table.finishRemoving() }
    guard hasChanged else { return }
    Self.prune(&sketch, family, reach, addresses)
    notePruned()
  }

  /// Forgets all users.
  mutating func beginAnew(now: Int64) {
    for place in addresses.indices where family.table.series[place].state != .free {
      if addresses[place].isSketched { changes.end(owner: place) }
      freeBlocks(place)
      if family.table.series[place].state == .live { family.drop(place) }
    }
    family.table.finishRemoving()
    family.beginAnew(now: now)
    for cluster in reach.indices { reach[cluster] = 0 }
    sketch.prune { _ in
      false
    } reach: { _ in
      0
    }
    notePruned()
  }

  private mutating func freeBlocks(_ place: Int) {
    var block = addresses[place].firstBlock
    while block != 0 {
      let following = next[Int(block)]
      for i in Int(block) * Self.blockUsers..<(Int(block) + 1) * Self.blockUsers { (users[i], seconds[i]) = (0, 0) }
      next[Int(block)] = free
      free = block
      block = following
    }
    if addresses[place].count > 0 { family.table.note(place) }
    addresses[place] = Address()
  }
}
