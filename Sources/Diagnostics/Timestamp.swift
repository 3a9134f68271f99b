/// Times as people and log collectors read them: RFC 3339, UTC, milliseconds.
public enum Timestamp {
  /// `2026-03-01T04:05:06.789Z`. Years 0 to 9999; a time outside is shown as the nearest one inside.
  public static func text(_ time: Microseconds) -> String {
    let inside = min(max(time, -62_167_219_200_000_000), 253_402_300_799_999_999)
    let (seconds, micros) = divided(inside, by: 1_000_000)
    let (days, second) = divided(seconds, by: 86_400)
    let (year, month, day) = civil(days)
    let date = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
    let clock = padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2)
    return date + "T" + clock + "." + padded(micros / 1000, 3) + "Z"
  }

  /// The date of a day counted from 1970-01-01. Years are counted from March, so that the leap day is a year's last.
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// Quotient and remainder, the remainder never negative.
  private static func divided(_ a: Int64, by b: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
    return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
