internal import AuditEvents

/// Where the series of a family stand whose labels all follow from numbers, so that a request touches no text.
///
/// Bounded by the family's limit: what is folded goes the long way.
struct NumberShortcuts {
  private var keys = [UInt32](repeating: 0, count: 256)
  private var places = [UInt32](repeating: 0, count: 256)
  private var count = 0

  /// One number for cluster, verb and code; never 0.
  @inline(__always)
  static func key(_ cluster: Int, verb: Verb, code: UInt16) -> UInt32 {
    UInt32(truncatingIfNeeded: cluster) &<< 15 | UInt32(verb.rawValue & 31) &<< 10 | UInt32(code & 1023) &+ 1
  }

  /// One number for cluster, tracked object, verb and outcome; never 0.
  @inline(__always)
  static func key(_ cluster: Int, object: Int, verb: Verb, outcome: Outcome) -> UInt32 {
    let choice = UInt32(verb.rawValue & 31) &<< 3 | UInt32(outcome.rawValue) &+ 1
    return UInt32(truncatingIfNeeded: cluster) &<< 14 | UInt32(truncatingIfNeeded: object & 63) &<< 8 | choice
  }

  /// One number for cluster, code and reason.
  @inline(__always)
  static func key(_ cluster: Int, code: UInt16, reason: DenialReason) -> UInt32 {
    UInt32(truncatingIfNeeded: cluster) &<< 14 | UInt32(code & 1023) &<< 3 | UInt32(reason.rawValue)
  }

  @inline(__always)
  func find(_ key: UInt32) -> Int? {
    var at = Self.position(key, keys.count)
    while keys[at] != 0 {
      if keys[at] == key { return Int(places[at]) }
      at = (at &+ 1) & (keys.count &- 1)
    }
    return nil
  }

  mutating func add(_ key: UInt32, _ place: Int) {
    if (count + 1) * 2 > keys.count { grow() }
    enter(key, UInt32(place))
    count += 1
  }

  /// Forgets all, after series were dropped.
  mutating func clear() { self = NumberShortcuts() }

  private mutating func enter(_ key: UInt32, _ place: UInt32) {
    var at = Self.position(key, keys.count)
    while keys[at] != 0 { at = (at + 1) & (keys.count - 1) }
    keys[at] = key
    places[at] = place
  }

  private mutating func grow() {
    let (oldKeys, oldPlaces) = (keys, places)
    keys = [UInt32](repeating: 0, count: oldKeys.count * 2)
    places = [UInt32](repeating: 0, count: oldKeys.count * 2)
    for i in oldKeys.indices where oldKeys[i] != 0 { enter(oldKeys[i], oldPlaces[i]) }
  }

  /// The numbers are of closed sets, so nobody can aim at this hash.
  @inline(__always)
  private static func position(_ key: UInt32, _ size: Int) -> Int {
    Int((key &* 0x9e37_79b1) &>> 12) & (size &- 1)
  }
}
