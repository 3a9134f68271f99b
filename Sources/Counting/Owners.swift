/// Who holds how many series of a family: source IPs, users, /64 networks and resources, each with its share.
///
/// - Shape: owners are known by a keyed 64-bit hash of cluster, kind and value. Two that collide would share a share,
///   never a count. An owner lives as long as a series refers to it.
struct Owners {
  struct Owner {
    var key: UInt64 = 0
    var references: UInt32 = 0
    /// Series that count against its share.
    var held: UInt32 = 0
    /// A network whose addresses are counted as one from now on.
    var isFolded = false
  }

  /// Owner 0 is nobody.
  private var owners = [Owner()]
  private var index: [UInt64: UInt32] = [:]
  private var free: [UInt32] = []

  var count: Int { index.count }

  /// The owner of this hash; 0 when there is none.
  func find(_ key: UInt64) -> UInt32 { index[key] ?? 0 }

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
      index[key] = owner
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
    index[owners[Int(owner)].key] = nil
    owners[Int(owner)] = Owner()
    free.append(owner)
    return true
  }
}
