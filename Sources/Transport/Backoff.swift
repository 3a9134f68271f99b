public import Diagnostics

/// How often a call is tried and how long it waits in between.
///
/// - Source: the AWS SDKs' standard mode, "Exponential Backoff And Jitter" (full jitter): a random part of a span that
///   doubles.
public struct Backoff: Sendable, Equatable {
  /// Tries in all, the first one included.
  public var attemptsLimit = 3
  /// The span before the second try.
  public var baseMilliseconds = 1_000
  /// The longest span.
  public var capMilliseconds = 20_000
  /// The longest wait that a server may ask for; a call that is asked to wait longer fails at once.
  public var retryAfterLimitMilliseconds = 60_000
  public init() {}

  /// The span out of which the wait after `attempt` (1, 2, …) is drawn.
  public func spanMilliseconds(after attempt: Int) -> Int {
    // Beyond 2^20 every span is over any cap.
    min(capMilliseconds, baseMilliseconds << min(max(attempt - 1, 0), 20))
  }

  /// How long to wait after `attempt`; nil when the server asks for more than may be waited.
  ///
  /// - Parameters:
  ///   - retryAfter: what the server asked for, milliseconds. It is waited out, and the jitter comes on top, so that the
  ///     clients of a server do not come back together.
  ///   - random: from 0 up to 1.
  public func waitMilliseconds(after attempt: Int, retryAfter: Int?, random: Double) -> Int? {
    let jitter = Int(Double(spanMilliseconds(after: attempt)) * min(max(random, 0), 1))
    guard let retryAfter else { return jitter }
    return retryAfter <= retryAfterLimitMilliseconds ? retryAfter + jitter : nil
  }
}

/// What a server says about when to come again.
public enum RetryAfter {
  /// Milliseconds from `now`, none negative; nil when the header is neither a number of seconds nor a date.
  ///
  /// - Source: RFC 9110, section 10.2.3.
  public static func milliseconds(_ value: String, now: Microseconds) -> Int? {
    if !value.isEmpty, value.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
      // Whoever says more than a year says never.
      return value.utf8.count <= 8 ? (Int(value) ?? 0) * 1000 : 31_536_000_000
    }
    guard let seconds = HTTPDate.seconds(value) else { return nil }
    return Int(max(0, seconds * 1000 - now / 1000))
  }
}

/// Dates of HTTP heads.
public enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since the epoch of `Sun, 06 Nov 1994 08:49:37 GMT`; nil for anything else, the obsolete forms too.
  ///
  /// - Source: RFC 9110, section 5.6.7.
  public static func seconds(_ text: String) -> Int64? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0].count == 4, parts[0].last == ",", parts[5] == "GMT",
      let day = number(parts[1], 2), let month = months.firstIndex(of: String(parts[2])), let year = number(parts[3], 4)
    else { return nil }
    let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = number(clock[0], 2), let minute = number(clock[1], 2),
      let second = number(clock[2], 2), (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    let days = CalendarDays.count(year: year, month: Int64(month) + 1, day: day)
    return days * 86_400 + hour * 3600 + minute * 60 + second
  }

  private static func number(_ text: Substring, _ digits: Int) -> Int64? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return Int64(text)
  }
}
