internal import Diagnostics

/// How many requests a target makes, and what holds them back.
struct ReadingPace {
  private static let minute: Microseconds = 60_000_000

  private let perSecond: Int
  /// Requests of the minute before, and of the one that began then.
  private var before = 0
  private var current = 0
  private var began: Microseconds = 0
  private var lastThrottled: Microseconds?

  init(perSecond: Int) { self.perSecond = perSecond }

  mutating func add(_ now: Microseconds) {
    if now - began >= Self.minute {
      before = now - began < 2 * Self.minute ? current : 0
      current = 0
      began = now
    }
    current += 1
  }

  /// The service said that there were too many requests.
  mutating func throttled(_ now: Microseconds) { lastThrottled = now }

  /// Requests of the last whole minute, or since the start.
  func lastMinute(_ now: Microseconds) -> Int { before > 0 ? before : current }

  /// What keeps the target from asking more.
  func bound(_ now: Microseconds) -> String {
    if let lastThrottled, now - lastThrottled < Self.minute {
      return "the account's quota of FilterLogEvents: CloudWatch throttles"
    }
    let elapsed = before > 0 ? Self.minute : max(1_000_000, now - began)
    if Double(lastMinute(now)) >= 0.8 * Double(perSecond) * Double(elapsed) / 1e6 {
      return "inputs.cloudwatch.requests_per_second: \(perSecond) FilterLogEvents for the account and region"
    }
    return "the time that answers take"
  }
}
