/// Chooses which series of a window are shown where there are more than the limit.
///
/// - Rule: one that is shown keeps its place until it is empty. Free places go, one at a time, to the owner (source IP,
///   or user) with the fewest, and there to its largest series; among equals the larger, then the older series is
///   first.
/// - Source: DESIGN.md, "Window".
struct ShownSeries {
  /// A series that waits for a place.
  struct Candidate {
    let value: UInt64
    let place: UInt32
    /// Smaller is older.
    let born: UInt32
    var owner: UInt32

    init(place: Int, born: UInt32, owner: UInt32, value: UInt64) {
      self.value = value
      self.place = UInt32(truncatingIfNeeded: place)
      self.born = born
      self.owner = owner
    }

    @inline(__always)
    fileprivate static func isBefore(_ a: Candidate, _ b: Candidate) -> Bool {
      a.value != b.value ? a.value > b.value : a.born < b.born
    }
  }

  /// The series of one cluster in one window.
  struct Crowd {
    var waiting: [Candidate] = []
    /// Owners of the series that are shown.
    var shown: [UInt32] = []
  }

  /// The owners of a crowd, numbered from 1 as they are met: what is counted by owner is as small as they are few.
  private var numbers: [UInt32] = []
  private var met: [UInt32] = []

  /// Gives `free` places away. Answers who gets one, in no order.
  mutating func choose(_ free: Int, of crowd: consuming Crowd) -> [Candidate] {
    guard free > 0 else { return [] }
    guard free < crowd.waiting.count else { return crowd.waiting }
    for at in crowd.waiting.indices { crowd.waiting[at].owner = UInt32(number(crowd.waiting[at].owner)) }
    // Owners of shown series alone compete with nobody.
    var held = [Int](repeating: 0, count: met.count)
    for owner in crowd.shown where Int(owner) < numbers.count && numbers[Int(owner)] != 0 { held[number(owner)] += 1 }
    for owner in met { numbers[Int(owner)] = 0 }
    met.removeAll(keepingCapacity: true)
    return Self.choose(free, of: crowd.waiting, held: held)
  }

  private mutating func number(_ owner: UInt32) -> Int {
    let at = Int(owner)
    if at >= numbers.count { numbers += repeatElement(0, count: max(at + 1, 2 * numbers.count) - numbers.count) }
    if numbers[at] == 0 {
      met.append(owner)
      numbers[at] = UInt32(met.count)
    }
    return Int(numbers[at]) - 1
  }

  /// The rank of a series is how many its owner would have before it. Ranks below `last` all get a place; those who are
  /// first in that one compete for what is left.
  private static func choose(_ free: Int, of waiting: [Candidate], held: [Int]) -> [Candidate] {
    var (grouped, ends) = grouped(waiting, owners: held.count)
    let last = lastRank(ends, held, free)
    var chosen: [Candidate] = []
    chosen.reserveCapacity(free)
    var contested: [Candidate] = []
    var start = 0
    for owner in ends.indices {
      let end = ends[owner]
      let sure = min(max(0, last - held[owner]), end - start)
      let competes = held[owner] <= last && sure < end - start
      if competes { bringForward(sure + 1, of: &grouped, start, end) }
      for at in start..<start + sure { chosen.append(grouped[at]) }
      if competes { contested.append(grouped[start + sure]) }
      start = end
    }
    let left = free - chosen.count
    select(left, of: &contested)
    return chosen + contested[..<left]
  }

  /// The series of each owner together, and where they end: counted into place.
  private static func grouped(_ waiting: [Candidate], owners: Int) -> ([Candidate], ends: [Int]) {
    var ends = [Int](repeating: 0, count: owners)
    for candidate in waiting { ends[Int(candidate.owner)] += 1 }
    var start = 0
    for owner in ends.indices {
      let count = ends[owner]
      ends[owner] = start
      start += count
    }
    var grouped = waiting
    for candidate in waiting {
      let owner = Int(candidate.owner)
      grouped[ends[owner]] = candidate
      ends[owner] += 1
    }
    return (grouped, ends)
  }

  /// The first rank of which not all get a place. There are more series than places.
  private static func lastRank(_ ends: [Int], _ held: [Int], _ free: Int) -> Int {
    var rises = [Int](repeating: 0, count: (held.max() ?? 0) + free + 1)
    var start = 0
    for owner in ends.indices {
      let end = held[owner] + ends[owner] - start
      rises[held[owner]] += 1
      if end < rises.count { rises[end] -= 1 }
      start = ends[owner]
    }
    var (rank, ofRank, before) = (0, rises[0], 0)
    while before + ofRank <= free {
      before += ofRank
      rank += 1
      ofRank += rises[rank]
    }
    return rank
  }

  /// Sorts a part as far as its first `count` (at least one, at most all) ask for.
  private static func bringForward(_ count: Int, of all: inout [Candidate], _ start: Int, _ end: Int) {
    guard count <= 4 else { return all[start..<end].sort(by: Candidate.isBefore) }
    for place in start..<start + count {
      var first = place
      for at in place + 1..<end where Candidate.isBefore(all[at], all[first]) { first = at }
      all.swapAt(place, first)
    }
  }

  /// Moves the first `count` to the front, in no order: they are kept in a heap whose top is the last of them.
  private static func select(_ count: Int, of all: inout [Candidate]) {
    guard count > 0, count < all.count else { return }
    for at in stride(from: count / 2 - 1, through: 0, by: -1) { sink(at, in: &all, count) }
    for at in count..<all.count where Candidate.isBefore(all[at], all[0]) {
      all.swapAt(0, at)
      sink(0, in: &all, count)
    }
  }

  private static func sink(_ first: Int, in heap: inout [Candidate], _ count: Int) {
    var at = first
    while 2 * at + 1 < count {
      var child = 2 * at + 1
      if child + 1 < count, Candidate.isBefore(heap[child], heap[child + 1]) { child += 1 }
      guard Candidate.isBefore(heap[at], heap[child]) else { return }
      heap.swapAt(at, child)
      at = child
    }
  }
}
