/// How far `replay` is, on one line of a terminal that is written over. Silent where there is no terminal.
struct ProgressBar {
  private let columns: Int
  private let isShown: Bool
  private let write: @Sendable (String) -> Void
  private let start: Int64
  private var shownAt: Int64?

  /// Microseconds between two changes of the line.
  private static let period: Int64 = 100_000

  /// - Parameters:
  ///   - start: a clock that does not step, microseconds; `update` takes the same.
  ///   - write: takes what is to appear on standard error.
  init(isShown: Bool, columns: Int, start: Int64, write: @escaping @Sendable (String) -> Void) {
    self.isShown = isShown
    self.columns = columns
    self.start = start
    self.write = write
  }

  /// Shows how much was read; `totalBytes` is nil where nobody knows, as for a pipe.
  mutating func update(readBytes: UInt64, totalBytes: UInt64?, now: Int64) {
    guard isShown else { return }
    if let shownAt, now - shownAt < Self.period { return }
    shownAt = now
    write(
      "\r" + Self.line(readBytes, totalBytes, seconds: Double(max(1, now - start)) / 1e6, columns: columns) + "\u{1B}[K"
    )
  }

  /// Removes the line.
  mutating func finish() {
    guard isShown, shownAt != nil else { return }
    shownAt = nil
    write("\r\u{1B}[K")
  }

  /// `[######      ]  45 %  1.2 GiB of 2.7 GiB  310 MiB/s  5 s left`, shorter than `columns`.
  static func line(_ read: UInt64, _ total: UInt64?, seconds: Double, columns: Int) -> String {
    let rate = Double(read) / max(seconds, 0.001)
    guard let total, total > 0 else { return Terminal.cut("\(bytes(read))  \(bytes(rate))/s", columns: columns - 1) }
    let read = min(read, total)
    let part = Double(read) / Double(total)
    let left = rate > 0 ? Double(total - read) / rate : 0
    let percent = String(Int(part * 100))
    var text = String(repeating: " ", count: 3 - percent.count) + percent + " %  \(bytes(read)) of \(bytes(total))"
    if rate > 0 { text += "  \(bytes(rate))/s  \(duration(left)) left" }
    let room = min(40, columns - Terminal.width(text) - 4)
    guard room >= 8 else { return Terminal.cut(text, columns: columns - 1) }
    let filled = Int(part * Double(room))
    return "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: room - filled) + "] " + text
  }

  private static func bytes(_ count: UInt64) -> String { bytes(Double(count)) }

  private static func bytes(_ count: Double) -> String {
    var (value, unit) = (count, "B")
    for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1000 { (value, unit) = (value / 1024, next) }
    let tenths = Int((min(value, 1e9) * 10).rounded())
    return unit == "B" || value >= 100 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999).rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
