/// Keeps a repeated message from flooding the log: of one message and level, `burst` lines pass in a period; the rest is
/// swallowed, and the next line that passes says how many.
///
/// - Bound: `keyLimit` messages are remembered. When another comes, the one whose period began first is forgotten; what it
///   had swallowed is told by the next line of any message.
struct LogThrottle {
  /// What becomes of a line.
  enum Verdict: Equatable {
    case swallow
    /// Write it, and say how many like it, and how many of forgotten messages, were swallowed before.
    case write(swallowed: UInt64, others: UInt64)
  }

  let burst: Int
  let period: Microseconds
  let keyLimit: Int

  private struct Entry {
    var start: Microseconds
    var written: Int
    var swallowed: UInt64
  }
  private var entries: [String: Entry] = [:]
  private var forgotten: UInt64 = 0

  init(burst: Int = 10, period: Microseconds = 10_000_000, keyLimit: Int = 256) {
    self.burst = burst
    self.period = period
    self.keyLimit = keyLimit
  }

  /// Judges a line; `now` is of a clock that does not step.
  mutating func judge(_ key: String, now: Microseconds) -> Verdict {
    if entries[key] == nil { makeRoom() }
    var entry = entries[key] ?? Entry(start: now, written: 0, swallowed: 0)
    defer { entries[key] = entry }
    if now - entry.start >= period { (entry.start, entry.written) = (now, 0) }
    guard entry.written < burst else {
      entry.swallowed += 1
      return .swallow
    }
    let verdict = Verdict.write(swallowed: entry.swallowed, others: forgotten)
    entry.written += 1
    entry.swallowed = 0
    forgotten = 0
    return verdict
  }

  private mutating func makeRoom() {
    guard entries.count >= keyLimit, let oldest = entries.min(by: { $0.value.start < $1.value.start }) else { return }
    forgotten += oldest.value.swallowed
    entries[oldest.key] = nil
  }
}
