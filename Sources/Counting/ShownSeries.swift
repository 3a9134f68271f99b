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
      rank(&waiting, behind: shown)
      shown.append(contentsOf: waiting.prefix(free))
    }
    candidates = shown
    return Array(waiting.dropFirst(free))
  }

  /// Puts those that wait in the order in which they get a place.
  private static func rank(_ waiting: inout [Candidate], behind shown: [Candidate]) {
    let owners = max(shown.map(\.owner).max() ?? 0, waiting.map(\.owner).max() ?? 0)
    var held = [Int32](repeating: 0, count: Int(owners) + 1)
    for candidate in shown { held[Int(candidate.owner)] += 1 }
    waiting.sort { ($1.value, $0.born) < ($0.value, $1.born) }
    // The rank of a series is how many its owner would have before it.
    var ranked: [(rank: Int32, candidate: Candidate)] = []
    ranked.reserveCapacity(waiting.count)
    for candidate in waiting {
      ranked.append((held[Int(candidate.owner)], candidate))
      held[Int(candidate.owner)] += 1
    }
    ranked.sort {
      ($0.rank, $1.candidate.value, $0.candidate.born) < ($1.rank, $0.candidate.value, $1.candidate.born)
    }
    waiting = ranked.map(\.candidate)
  }
}
