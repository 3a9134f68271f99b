/// Writes an event's time in the forms of the `evt.` fields, in UTC.
enum TimeText {
  /// - Parameters:
  ///   - time: microseconds since the epoch, not negative.
  ///   - first: the time of the first event.
  static func text(_ part: GeneralPart, _ time: Int64, since first: Int64) -> String {
    let seconds = time / 1_000_000
    let nanoseconds = time % 1_000_000 * 1000
    let relative = max(0, time - first)
    switch part {
    case .time: return clock(seconds) + "." + padded(nanoseconds, 9)
    case .timeSeconds: return clock(seconds)
    case .timeISO: return date(seconds) + "T" + clock(seconds) + "." + padded(nanoseconds, 9) + "+0000"
    case .dateTime: return date(seconds) + " " + clock(seconds) + "." + padded(nanoseconds, 9)
    case .dateTimeSeconds: return date(seconds) + " " + clock(seconds)
    case .rawTime: return String(time) + "000"
    case .rawSeconds: return String(seconds)
    case .rawNanoseconds: return String(nanoseconds)
    case .relativeTime: return relative == 0 ? "0" : String(relative) + "000"
    case .relativeSeconds: return String(relative / 1_000_000)
    case .relativeNanoseconds: return String(relative % 1_000_000 * 1000)
    default: return ""
    }
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func clock(_ seconds: Int64) -> String {
    let day = seconds % 86_400
    return padded(day / 3600, 2) + ":" + padded(day / 60 % 60, 2) + ":" + padded(day % 60, 2)
  }

  /// - Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
  private static func date(_ seconds: Int64) -> String {
    let days = seconds / 86_400 + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(dayOfYear - (153 * shifted + 2) / 5 + 1, 2)
  }
}
