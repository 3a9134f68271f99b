internal import Diagnostics
internal import Metrics

/// A row of bars over the last panes: SVG without a script, which stretches to the width of its cell.
struct Plot: Sendable {
  /// Units of the drawing.
  private static let step = 4, bar = 3, height = 20

  /// Nil where there was nothing to measure.
  let values: [Double?]
  /// What fills the height.
  let scale: Double
  /// How many of the last panes are drawn as of now.
  let recentCount: Int
  /// What it shows, in words.
  let title: String

  var html: HTML {
    var (before, now) = ("", "")
    for (at, value) in values.enumerated() {
      guard let value, value > 0, value.isFinite else { continue }
      // Whatever is not nothing can be seen.
      let share = scale > 0 ? min(1, value / scale) : 1
      let high = max(1, Int((share * Double(Self.height)).rounded()))
      let path = "M\(at * Self.step) \(Self.height)v-\(high)h\(Self.bar)v\(high)z"
      if at >= values.count - recentCount { now += path } else { before += path }
    }
    let width = max(1, values.count * Self.step - (Self.step - Self.bar))
    return """
      <svg class="plot" viewBox="0 0 \(width) \(Self.height)" preserveAspectRatio="none" role="img">\
      <title>\(title)</title>\(path(before, ""))\(path(now, " class=\"now\""))</svg>
      """
  }

  private func path(_ drawing: String, _ mark: HTML) -> HTML {
    drawing.isEmpty ? "" : "<path\(mark) d=\"\(drawing)\"/>"
  }
}

/// Makes plots of the last panes of one reading's axis. What a feed that is behind still shows of the time before them
/// is in its numbers alone, so that every plot is of the same time.
struct Plotter: Sendable {
  /// A window's panes, and the one that has begun.
  private static let paneLimit = 31

  /// Where the first drawn pane begins.
  let firstSecond: Int64
  let paneSeconds: Int64
  let paneCount: Int
  /// How many panes the short window touches.
  let recentCount: Int

  init(_ axis: Trends.Axis, recentSeconds: Int) {
    paneSeconds = max(1, axis.paneSeconds)
    paneCount = min(axis.count, Self.paneLimit)
    firstSecond = axis.firstSecond + Int64(axis.count - paneCount) * paneSeconds
    recentCount = (recentSeconds + Int(paneSeconds) - 1) / Int(paneSeconds)
  }

  /// The bars of counts, by their own scale but not below `least`: few are drawn low. `what` is what was counted.
  func counts(_ all: [UInt64], least: UInt64 = 1, _ what: String) -> HTML {
    guard !all.isEmpty else { return "" }
    let panes = all.suffix(paneCount)
    let most = panes.max() ?? 0
    let title =
      most == 0
      ? "\(what): none since \(clock(0))"
      : "\(what): \(PageFormat.count(Double(panes.reduce(0, +)))) since \(clock(0)), at most \(PageFormat.count(Double(most))) in "
        + "\(PageFormat.duration(seconds: Double(paneSeconds))), at \(clock((panes.firstIndex(of: most) ?? 0) - panes.startIndex)) UTC"
    return Plot(values: panes.map(Double.init), scale: Double(max(least, most)), recentCount: recentCount, title: title)
      .html
  }

  /// The bars of shares; panes without a request are gaps.
  func shares(_ parts: [UInt64], of wholes: [UInt64], scale: Double, _ what: String) -> HTML {
    guard !parts.isEmpty else { return "" }
    let values = zip(parts.suffix(paneCount), wholes.suffix(paneCount)).map { part, whole in
      whole == 0 ? nil : Double(part) / Double(whole)
    }
    let most = values.compactMap { $0 }.max() ?? 0
    let place = clock(values.firstIndex { $0 == most } ?? 0)
    let title =
      most == 0
      ? "\(what): none since \(clock(0))"
      : "\(what) since \(clock(0)): at most \(PageFormat.percent(most)), at \(place) UTC"
    return Plot(values: values, scale: scale, recentCount: recentCount, title: title).html
  }

  /// `04:05`, when a pane begins.
  func clock(_ pane: Int) -> String {
    String(PageFormat.time((firstSecond + Int64(pane) * paneSeconds) * 1_000_000).dropFirst(11).prefix(5))
  }
}
