/// Chooses which series of a window are shown where there are more than the limit.
///
/// - Rule: one that is shown keeps its place until it is empty. Free places go, one at a time, to the owner (source IP, or
///   user) with the fewest, and there to its largest series; among equals the larger, then the older series is first.
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
    var shown = candidates.filter(\.isShown)
    var waiting = candidates.filter { !$0.isShown }
    waiting.sort { ($0.owner, $1.value, $0.born) < ($1.owner, $0.value, $1.born) }
    // The rank of a series is how many its owner would have before it.
    var held: [UInt32: Int] = [:]
    for candidate in shown { held[candidate.owner, default: 0] += 1 }
    var ranked: [(rank: Int, candidate: Candidate)] = []
    ranked.reserveCapacity(waiting.count)
    for candidate in waiting {
      let rank = held[candidate.owner, default: 0]
      held[candidate.owner] = rank + 1
      ranked.append((rank, candidate))
    }
    ranked.sort {
      ($0.rank, $1.candidate.value, $0.candidate.born) < ($1.rank, $0.candidate.value, $1.candidate.born)
    }
    let free = max(0, limit - shown.count)
    shown.append(contentsOf: ranked.prefix(free).map(\.candidate))
    candidates = shown
    return ranked.dropFirst(free).map(\.candidate)
  }
}
