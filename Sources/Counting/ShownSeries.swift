/// Chooses which series of a window are shown where there are more than the limit.
///
/// - Rule: one that is shown keeps its place until it is empty. Free places go, one at a time, to the owner (source IP,
///   or user) with the fewest, and there to its largest series; among equals the larger, then the older series is
///   first.
/// - Source: DESIGN.md, "Window".
enum ShownSeries {
  struct Candidate {
    var place: Int
    var born: UInt32
    var owner: UInt32
    var value: UInt64
    var isShown: Bool
  }

  /// Leaves those to show in `candidates`, and answers the others.
  static func choose(_ candidates: inout [Candidate], limit: Int) -> [Candidate] {
    guard candidates.count > limit else { return [] }
    var shown: [Candidate] = []
    var waiting: [Candidate] = []
    for candidate in candidates {
      if candidate.isShown { shown.append(candidate) } else { waiting.append(candidate) }
    }
    let free = max(0, limit - shown.count)
    if free > 0 {
      let chosen = first(free, of: &waiting, behind: shown)
      for candidate in waiting[..<chosen] { shown.append(candidate) }
      waiting.removeFirst(chosen)
    }
    candidates = shown
    return waiting
  }

  /// Moves those that get a place to the front, and answers how many they are.
  private static func first(_ free: Int, of waiting: inout [Candidate], behind shown: [Candidate]) -> Int {
    let owners = max(shown.map(\.owner).max() ?? 0, waiting.map(\.owner).max() ?? 0)
    var held = [Int32](repeating: 0, count: Int(owners) + 1)
    for candidate in shown { held[Int(candidate.owner)] += 1 }
    var ranked = groups(of: waiting, owners: Int(owners) + 1)
    // The rank of a series is how many its owner would have before it.
    for i in ranked.indices {
      let owner = Int(ranked[i].candidate.owner)
      ranked[i].rank = held[owner]
      held[owner] += 1
    }
    select(free, of: &ranked)
    for i in ranked.indices { waiting[i] = ranked[i].candidate }
    return min(free, ranked.count)
  }

  private struct Ranked {
    var rank: Int32
    let candidate: Candidate

    static func isBefore(_ a: Ranked, _ b: Ranked) -> Bool {
      if a.rank != b.rank { return a.rank < b.rank }
      if a.candidate.value != b.candidate.value { return a.candidate.value > b.candidate.value }
      return a.candidate.born < b.candidate.born
    }
  }

  /// The series of each owner together, the first of them first: counted into place, so that only an owner's own
  /// series are sorted, of which it has few.
  private static func groups(of waiting: [Candidate], owners: Int) -> [Ranked] {
    var starts = [Int32](repeating: 0, count: owners + 1)
    for candidate in waiting { starts[Int(candidate.owner) + 1] += 1 }
    for owner in 0..<owners { starts[owner + 1] += starts[owner] }
    var ranked = waiting.map { Ranked(rank: 0, candidate: $0) }
    var next = starts
    for candidate in waiting {
      let owner = Int(candidate.owner)
      ranked[Int(next[owner])] = Ranked(rank: 0, candidate: candidate)
      next[owner] += 1
    }
    for owner in 0..<owners where starts[owner + 1] - starts[owner] > 1 {
      ranked[Int(starts[owner])..<Int(starts[owner + 1])].sort(by: Ranked.isBefore)
    }
    return ranked
  }

  /// Moves the first `count` to the front, in no order: they are kept in a heap whose top is the last of them.
  private static func select(_ count: Int, of ranked: inout [Ranked]) {
    guard count < ranked.count else { return }
    for i in stride(from: count / 2 - 1, through: 0, by: -1) { sink(i, in: &ranked, count) }
    for i in count..<ranked.count where Ranked.isBefore(ranked[i], ranked[0]) {
      ranked.swapAt(0, i)
      sink(0, in: &ranked, count)
    }
  }

  private static func sink(_ start: Int, in heap: inout [Ranked], _ count: Int) {
    var at = start
    while 2 * at + 1 < count {
      var child = 2 * at + 1
      if child + 1 < count, Ranked.isBefore(heap[child], heap[child + 1]) { child += 1 }
      guard Ranked.isBefore(heap[at], heap[child]) else { return }
      heap.swapAt(at, child)
      at = child
    }
  }
}
