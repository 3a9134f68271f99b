/// Where an event, or an edge, stands in each of the windows.
struct Panes {
  var of = InlineArray<6, UInt32>(repeating: 0)
}

/// The configured windows and their arithmetic. Time is whole seconds since the epoch: a pane is, so that nothing is
/// lost.
///
/// - Source: DESIGN.md, "Window": p(t) = ⌊t/w⌋; counted is p(edge) − 30 ≤ p(e).
struct Windows {
  let spans: [WindowSpan]
  private var widths = InlineArray<6, UInt32>(repeating: 1)
  let count: Int

  /// The span with the most reach, by index.
  let longest: Int

  init(_ spans: [WindowSpan]) {
    self.spans = Array(spans.prefix(CountingSettings.windowLimit))
    count = self.spans.count
    for i in 0..<count { widths[i] = UInt32(clamping: self.spans[i].paneSeconds) }
    longest = self.spans.indices.max { spans[$0].seconds < spans[$1].seconds } ?? 0
  }

  /// p(t) of each window.
  @inline(__always)
  func panes(atSecond second: UInt32) -> Panes {
    var panes = Panes()
    for i in 0..<count { panes.of[i] = second / widths[i] }
    return panes
  }

  /// The first pane of each window that ends at this edge.
  @inline(__always)
  func floors(edgeSecond: UInt32) -> Panes {
    var floors = Panes()
    for i in 0..<count {
      let pane = edgeSecond / widths[i]
      let reach = UInt32(WindowSpan.paneCount)
      floors.of[i] = pane > reach ? pane - reach : 0
    }
    return floors
  }

  /// The seconds around this one that stand in the same pane of every window.
  func range(around second: UInt32) -> (from: UInt32, to: UInt32) {
    var (from, to) = (UInt32(0), UInt32.max)
    for i in 0..<count {
      let start = second / widths[i] * widths[i]
      from = max(from, start)
      to = min(to, start > UInt32.max - widths[i] ? UInt32.max : start + widths[i])
    }
    return (from, to)
  }

  /// The first second that any window with these floors reaches.
  func reach(_ floors: Panes) -> UInt32 {
    var reach = UInt32.max
    for i in 0..<count { reach = min(reach, floors.of[i] &* widths[i]) }
    return count == 0 ? 0 : reach
  }

  /// The second at which a pane begins.
  func second(ofPane pane: UInt32, window: Int) -> UInt32 { pane &* widths[window] }

  /// The prefixes of window families' rows.
  var prefixes: [[UInt8]] { spans.map { Array("window=\"\($0.name)\",".utf8) } }
}

/// Time as counting uses it: microseconds, held between 1970 and 2106 so that no arithmetic overflows.
enum EventTime {
  static let limit = Int64(UInt32.max) * 1_000_000

  static func held(_ time: Int64) -> Int64 { max(0, min(limit, time)) }

  /// Whole seconds of a held time.
  static func second(_ time: Int64) -> UInt32 { UInt32(truncatingIfNeeded: time / 1_000_000) }
}
