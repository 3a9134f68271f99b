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

  /// Reads `2026-01-02T03:04:05Z`, with or without a fraction, also with `+00:00`; nil for anything else.
  public static func read(_ text: String) -> Microseconds? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes[4] == 0x2d, bytes[7] == 0x2d, bytes[10] == UInt8(ascii: "T"), bytes[13] == 0x3a,
      bytes[16] == 0x3a
    else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      guard bytes[range].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
      return Int64(String(decoding: bytes[range], as: UTF8.self))
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), (1...31).contains(day),
      hour < 24, minute < 60, second <= 60
    else { return nil }
    var zone = bytes[19...]
    if zone.first == UInt8(ascii: ".") { zone = zone.dropFirst().drop { $0 >= 0x30 && $0 <= 0x39 } }
    guard zone.elementsEqual("Z".utf8) || zone.elementsEqual("+00:00".utf8) else { return nil }
    let days = CalendarDays.count(year: year, month: month, day: day)
    return (days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000
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

/// Days of the proleptic Gregorian calendar.
public enum CalendarDays {
  /// Days from 1970-01-01 to this date, of the years 0 to 9999.
  public static func count(year: Int64, month: Int64, day: Int64) -> Int64 {
    // Counted from March, the leap day is a year's last, and a month's beginning does not depend on the year.
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let leapDays = shifted >= 0 ? shifted / 4 - shifted / 100 + shifted / 400 : -1
    return shifted * 365 + leapDays + dayOfYear - 719_468
  }
}
