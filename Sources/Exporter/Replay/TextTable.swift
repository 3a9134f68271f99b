internal import Diagnostics

/// Lays rows out in columns for a terminal: aligned, no wider than asked for, without a character that a terminal obeys.
struct TextTable {
  let header: [String]
  /// As many cells as the header has.
  var rows: [[String]] = []
  /// Columns of numbers, which are aligned to the right and never cut.
  let numeric: Set<Int>

  init(_ header: [String], numeric: Set<Int>) {
    self.header = header
    self.numeric = numeric
  }

  private static let gap = 2
  private static let leastTextColumns = 6

  /// The lines, each with its line feed; nothing for no rows.
  func text(columns limit: Int) -> String {
    guard !rows.isEmpty else { return "" }
    let lines = ([header] + rows).map { $0.map { SafeText.escaped($0, limitBytes: 512) } }
    let widths = self.widths(lines, limit)
    return lines.map { cells in
      var line = ""
      for (at, cell) in cells.enumerated() {
        let cell = Terminal.cut(cell, columns: widths[at])
        let fill = String(repeating: " ", count: widths[at] - Terminal.width(cell))
        line += numeric.contains(at) ? fill + cell : cell + fill
        if at < cells.count - 1 { line += String(repeating: " ", count: Self.gap) }
      }
      while line.hasSuffix(" ") { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// What each column needs; the widest text columns give way until all fit.
  private func widths(_ lines: [[String]], _ limit: Int) -> [Int] {
    var widths = header.indices.map { at in lines.map { Terminal.width($0[at]) }.max() ?? 0 }
    var excess = widths.reduce(0, +) + Self.gap * (widths.count - 1) - limit
    while excess > 0 {
      let texts = widths.indices.filter { !numeric.contains($0) && widths[$0] > Self.leastTextColumns }
      guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
