/// A set of the 256 chunks that the sketch of one source IP is kept in: a chunk is the first eight bits of a user's hash.
struct ChunkSet {
  private var words = InlineArray<4, UInt64>(repeating: 0)

  func contains(_ chunk: Int) -> Bool { words[chunk >> 6] >> UInt64(chunk & 63) & 1 == 1 }

  /// Adds a chunk; false when it was there.
  mutating func insert(_ chunk: Int) -> Bool {
    guard !contains(chunk) else { return false }
    words[chunk >> 6] |= 1 << UInt64(chunk & 63)
    return true
  }

  mutating func remove(_ chunk: Int) { words[chunk >> 6] &= ~(1 << UInt64(chunk & 63)) }

  /// Adds all of another set.
  mutating func form(unionWith other: ChunkSet) {
    for i in 0..<4 { words[i] |= other.words[i] }
  }

  var isEmpty: Bool { words[0] | words[1] | words[2] | words[3] == 0 }
}

/// What of the sketch of refused users has changed since it was taken: of which source IPs, and there which chunks.
///
/// - Bound: one entry of 72 bytes for every place up to the highest that was ever sketched.
struct SketchChanges {
  static let chunkCount = 256

  struct Owner {
    var dirty = ChunkSet()
    /// Chunks of which something is kept.
    var kept = ChunkSet()
    var isListed = false
  }

  private(set) var owners: [Owner] = []
  /// The owners that are dirty, each once.
  private(set) var dirtyOwners: [Int] = []
  /// The first second, by cluster, that was kept when entries were last dropped.
  var pruned: [UInt32] = []
  /// The sketch's own count of that.
  var prunes = 0
  /// What was last handed over of the sketch as a whole.
  var keptRecord: [UInt8] = []

  /// Notes that the entry of a user was touched.
  mutating func note(owner: Int, user: UInt64) {
    while owners.count <= owner { owners.append(Owner()) }
    if owners[owner].dirty.insert(Int(user >> 56)) { enlist(owner) }
  }

  /// Notes that a source IP has no entries any more.
  mutating func end(owner: Int) {
    guard owner < owners.count else { return }
    let kept = owners[owner].kept
    guard !kept.isEmpty else { return }
    owners[owner].dirty.form(unionWith: kept)
    enlist(owner)
  }

  private mutating func enlist(_ owner: Int) {
    guard !owners[owner].isListed else { return }
    owners[owner].isListed = true
    dirtyOwners.append(owner)
  }

  /// Notes that something of a chunk is kept, or nothing.
  mutating func setKept(owner: Int, _ chunk: Int, _ isKept: Bool) {
    while owners.count <= owner { owners.append(Owner()) }
    if isKept { _ = owners[owner].kept.insert(chunk) } else { owners[owner].kept.remove(chunk) }
  }

  mutating func finishTaking() {
    for owner in dirtyOwners {
      owners[owner].dirty = ChunkSet()
      owners[owner].isListed = false
    }
    dirtyOwners.removeAll(keepingCapacity: true)
  }
}
