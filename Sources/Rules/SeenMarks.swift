internal import AuditEvents

/// Which levels were seen for which class of events, so that each is told once.
///
/// - Bounds: four marks of five bytes a class.
struct SeenMarks {
  private var stamps: [UInt32] = []
  private var levels: [UInt8] = []
  private static let ways = 4

  /// Whether a class was not seen at that level since its mark has another stamp; it is from now on.
  @inline(__always)
  mutating func isNew(_ number: Int, _ level: Level, _ stamp: UInt32) -> Bool {
    let place = number &* Self.ways &+ Int(stamp) & (Self.ways &- 1)
    if place >= stamps.count { grow(place) }
    let bit: UInt8 = 1 << level.rawValue
    if stamps[place] != stamp {
      stamps[place] = stamp
      levels[place] = 0
    } else if levels[place] & bit != 0 {
      return false
    }
    levels[place] |= bit
    return true
  }

  @inline(never)
  private mutating func grow(_ place: Int) {
    let more = max(256, place + Self.ways - stamps.count)
    // No stamp is this one, for there is no cluster of such a number.
    stamps += repeatElement(.max, count: more)
    levels += repeatElement(0, count: more)
  }
}
