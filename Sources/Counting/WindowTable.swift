/// What one windowed rule remembers.
///
/// - Shape: a key has a slot of fixed size: a header and as many entries as the threshold. Slots stand in chunks, so that
///   nothing that is there moves when more come, and none is larger than what it holds asks for.
/// - Cost: a request of a known key looks at its entries once, and allocates nothing.
struct WindowTable {
  var window: DetectionWindow
  /// The width of a pane, seconds.
  let width: UInt32
  /// Words of an entry: a pane and a count of requests, or a pane and the digest of a value.
  let entryWords: Int
  let slotWords: Int
  let slotsInChunk: Int
  var chunks: [[UInt32]] = []
  /// Slots in use: the first ones.
  var slotCount = 0
  var slots: [UInt128: UInt32] = [:]
  /// By cluster.
  var groups: [Group] = []
  /// Slots and clusters that were changed since the last delta, some of them twice or free by now.
  var changedSlots: [Int] = []
  var changedGroups: [Int] = []

  /// What a rule remembers of a cluster beside its keys.
  struct Group {
    var count = 0
    /// No key's newest entry is in an earlier pane.
    var oldest = UInt32.max
    /// The second of the first request; −1 before. What is learnt is learnt from there.
    var since: Int64 = -1
    var overflow: UInt64 = 0
    /// Where it stands in the state.
    var place: UInt32?
    var isSaved = false
    var isChanged = false
  }

  // Words of a slot.
  static let placeWord = 0
  static let clusterWord = 1
  static let entriesWord = 2
  static let marksWord = 3
  static let digestWord = 4
  static let headerWords = 8
  static let isChanged: UInt32 = 1
  static let isSaved: UInt32 = 2
  static let chunkWords = 16_384

  init(_ window: DetectionWindow) {
    self.window = window
    width = UInt32(clamping: max(1, window.seconds / WindowSpan.paneCount))
    entryWords = window.isDistinct ? 5 : 2
    slotWords = Self.headerWords + entryWords * max(1, window.atLeast)
    slotsInChunk = max(1, Self.chunkWords / slotWords)
  }

  /// What a key takes: its slot, and its place in the table of digests, which is at most three quarters full.
  var keyBytes: Int { slotWords * 4 + 64 }

  /// The first pane in reach where the cluster's windows end at this second.
  func floor(_ edgeSecond: UInt32) -> UInt32 {
    let pane = edgeSecond / width
    let reach = UInt32(WindowSpan.paneCount)
    return pane > reach ? pane - reach : 0
  }

  func slot(of digest: UInt128) -> Int? { slots[digest].map { Int($0) } }

  // MARK: - Words

  subscript(slot: Int, word: Int) -> UInt32 {
    get { chunks[slot / slotsInChunk][slot % slotsInChunk * slotWords + word] }
    set { chunks[slot / slotsInChunk][slot % slotsInChunk * slotWords + word] = newValue }
  }

  func entry(_ at: Int) -> Int { Self.headerWords + at * entryWords }

  func pane(_ slot: Int, _ at: Int) -> UInt32 { self[slot, entry(at)] }

  func wide(_ slot: Int, _ word: Int) -> UInt128 {
    (0..<4).reversed().reduce(0) { $0 << 32 | UInt128(self[slot, word + $1]) }
  }

  mutating func setWide(_ slot: Int, _ word: Int, _ value: UInt128) {
    for part in 0..<4 { self[slot, word + part] = UInt32(truncatingIfNeeded: value >> (32 * UInt128(part))) }
  }

  // MARK: - Keys

  /// Makes sure that there is a group, and says whether the rule still learns there; the first request begins that.
  mutating func learns(_ cluster: Int, _ second: UInt32) -> Bool {
    makeGroup(cluster)
    guard window.learnSeconds > 0 else { return false }
    if groups[cluster].since < 0 {
      groups[cluster].since = Int64(second)
      noteChange(ofGroup: cluster)
    }
    return Int64(second) - groups[cluster].since < window.learnSeconds
  }

  mutating func makeGroup(_ cluster: Int) {
    while groups.count <= cluster { groups.append(Group()) }
  }

  mutating func noteOverflow(_ cluster: Int, by more: UInt64 = 1) {
    makeGroup(cluster)
    groups[cluster].overflow += more
    noteChange(ofGroup: cluster)
  }

  mutating func noteChange(ofGroup cluster: Int) {
    guard !groups[cluster].isChanged else { return }
    groups[cluster].isChanged = true
    changedGroups.append(cluster)
  }

  mutating func noteChange(_ slot: Int) {
    guard self[slot, Self.marksWord] & Self.isChanged == 0 else { return }
    self[slot, Self.marksWord] |= Self.isChanged
    changedSlots.append(slot)
  }

  /// A slot for a new key, without entries.
  ///
  /// - Parameter pane: of its first entry.
  mutating func insert(_ digest: UInt128, _ cluster: Int, _ pane: UInt32, _ places: inout WindowPlaces) -> Int {
    insert(digest, cluster, pane, place: places.take())
  }

  mutating func insert(_ digest: UInt128, _ cluster: Int, _ pane: UInt32, place: UInt32) -> Int {
    makeGroup(cluster)
    let slot = takeSlot()
    self[slot, Self.placeWord] = place
    self[slot, Self.clusterWord] = UInt32(cluster)
    self[slot, Self.entriesWord] = 0
    self[slot, Self.marksWord] = 0
    setWide(slot, Self.digestWord, digest)
    slots[digest] = UInt32(slot)
    groups[cluster].count += 1
    groups[cluster].oldest = min(groups[cluster].oldest, pane)
    return slot
  }

  mutating func takeSlot() -> Int {
    if slotCount == chunks.count * slotsInChunk {
      chunks.append([UInt32](repeating: 0, count: slotsInChunk * slotWords))
    }
    slotCount += 1
    return slotCount - 1
  }

  /// Gives a key's slot to the last one.
  mutating func remove(_ slot: Int, _ places: inout WindowPlaces, _ bytes: inout Int) {
    slots[wide(slot, Self.digestWord)] = nil
    groups[Int(self[slot, Self.clusterWord])].count -= 1
    giveBack(slot, &places)
    bytes -= keyBytes
    slotCount -= 1
    guard slot < slotCount else { return }
    for word in 0..<slotWords { self[slot, word] = self[slotCount, word] }
    slots[wide(slot, Self.digestWord)] = UInt32(slot)
  }

  func giveBack(_ slot: Int, _ places: inout WindowPlaces) {
    places.giveBack(self[slot, Self.placeWord], isSaved: self[slot, Self.marksWord] & Self.isSaved != 0)
  }

  /// Drops the keys that are empty. Without a look at them when none can be: where no key's newest entry is below the
  /// cluster's floor. So it looks once each time that a floor has risen, however often it is called.
  ///
  /// - Parameter edgeSecond: where the windows of a cluster end.
  mutating func sweep(_ edgeSecond: (Int) -> UInt32, _ places: inout WindowPlaces, _ bytes: inout Int) {
    let floors = groups.indices.map { floor(edgeSecond($0)) }
    guard groups.indices.contains(where: { groups[$0].count > 0 && groups[$0].oldest < floors[$0] }) else { return }
    for cluster in groups.indices { groups[cluster].oldest = .max }
    var slot = 0
    while slot < slotCount {
      let cluster = Int(self[slot, Self.clusterWord])
      let count = Int(self[slot, Self.entriesWord])
      let newest = (0..<count).reduce(UInt32(0)) { max($0, pane(slot, $1)) }
      if count == 0 || newest < floors[cluster] {
        remove(slot, &places, &bytes)
      } else {
        groups[cluster].oldest = min(groups[cluster].oldest, newest)
        slot += 1
      }
    }
    settle()
  }

  /// After slots were given away: what is not used any longer is freed, and what was changed is found again.
  mutating func settle() {
    chunks.removeLast(chunks.count - (slotCount + slotsInChunk - 1) / slotsInChunk)
    if slots.capacity > 64, slots.capacity > 4 * slots.count {
      slots = Dictionary(uniqueKeysWithValues: slots.map { $0 })
    }
    changedSlots = (0..<slotCount).filter { self[$0, Self.marksWord] & Self.isChanged != 0 }
  }

  /// Gives back all that it holds: the rule is gone.
  func giveBack(_ places: inout WindowPlaces, _ bytes: inout Int) {
    for slot in 0..<slotCount { giveBack(slot, &places) }
    for group in groups { if let place = group.place { places.giveBack(place, isSaved: group.isSaved) } }
    bytes -= slotCount * keyBytes
  }

  /// Drops all keys, and learns anew.
  mutating func beginAnew(_ places: inout WindowPlaces, _ bytes: inout Int) {
    while slotCount > 0 { remove(slotCount - 1, &places, &bytes) }
    settle()
    for cluster in groups.indices {
      groups[cluster].oldest = .max
      guard groups[cluster].since >= 0 else { continue }
      groups[cluster].since = -1
      noteChange(ofGroup: cluster)
    }
  }
}
