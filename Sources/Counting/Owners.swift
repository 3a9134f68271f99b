/// Who holds how many series of a family: source IPs, users, /64 networks and resources, each with its share.
///
/// - Shape: owners are known by a keyed 64-bit hash of cluster, kind and value. Two that collide would share a share,
///   never a count. An owner lives as long as a series refers to it.
struct Owners: ~Copyable {
  struct Owner {
    var key: UInt64 = 0
    var references: UInt32 = 0
    /// Series that count against its share.
    var held: UInt32 = 0
    /// A network whose addresses are counted as one from now on.
    var isFolded = false
  }

  /// A place of the index; owner 0 is an empty one.
  struct Slot {
    var key: UInt64 = 0
    var owner: UInt32 = 0
  }

  /// Owner 0 is nobody.
  private var owners = Slab(repeating: Owner(), count: 1)
  /// Open addressing, at most half full: keys are hashes already.
  private var index = Slab(repeating: Slot(), count: 16)
  private var free: [UInt32] = []
  private(set) var count = 0

  /// Numbers of owners are below this.
  var placeCount: Int { owners.count }

  /// The owner of this hash; 0 when there is none.
  func find(_ key: UInt64) -> UInt32 { index[position(key)].owner }

  /// Where a key stands in the index, or would.
  private func position(_ key: UInt64) -> Int {
    let mask = index.count &- 1
    var at = Int(truncatingIfNeeded: key) & mask
    while index[at].owner != 0, index[at].key != key { at = (at &+ 1) & mask }
    return at
  }

  func held(_ owner: UInt32) -> Int { Int(owners[Int(owner)].held) }

  func isFolded(_ owner: UInt32) -> Bool { owners[Int(owner)].isFolded }

  /// The hash by which an owner is known.
  func key(_ owner: UInt32) -> UInt64 { owners[Int(owner)].key }

  mutating func fold(_ owner: UInt32) { owners[Int(owner)].isFolded = true }

  /// Adds a reference, and one held series when `holds`. Makes the owner when it is new.
  mutating func retain(_ key: UInt64, holds: Bool) -> UInt32 {
    var owner = find(key)
    if owner == 0 {
      owner = free.popLast() ?? UInt32(owners.count)
      if Int(owner) == owners.count { owners.append(Owner()) }
      owners[Int(owner)] = Owner(key: key)
      enter(key, owner)
    }
    owners[Int(owner)].references += 1
    if holds { owners[Int(owner)].held += 1 }
    return owner
  }

  /// Takes back what `retain` gave; true when that was the last reference.
  @discardableResult
  mutating func release(_ owner: UInt32, holds: Bool) -> Bool {
    guard owner != 0 else { return false }
    owners[Int(owner)].references -= 1
    if holds { owners[Int(owner)].held -= 1 }
    guard owners[Int(owner)].references == 0 else { return false }
    forget(owners[Int(owner)].key)
    owners[Int(owner)] = Owner()
    free.append(owner)
    return true
  }

  private mutating func enter(_ key: UInt64, _ owner: UInt32) {
    count += 1
    if count * 2 > index.count {
      var old = Slab(repeating: Slot(), count: index.count * 2)
      swap(&old, &index)
      for at in old.indices where old[at].owner != 0 { index[position(old[at].key)] = old[at] }
    }
    index[position(key)] = Slot(key: key, owner: owner)
  }

  /// Empties a key's place, and moves up what stands behind it only because of it.
  private mutating func forget(_ key: UInt64) {
    count -= 1
    let mask = index.count - 1
    var hole = position(key)
    index[hole] = Slot()
    var at = (hole + 1) & mask
    while index[at].owner != 0 {
      let home = Int(truncatingIfNeeded: index[at].key) & mask
      if (at - home) & mask >= (at - hole) & mask {
        index[hole] = index[at]
        index[at] = Slot()
        hole = at
      }
      at = (at + 1) & mask
    }
  }
}
