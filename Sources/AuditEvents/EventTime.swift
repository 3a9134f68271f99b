/// Reads RFC 3339 times: `2026-01-05T08:00:00.123456Z`.
///
/// - Shape: `T` or a blank between date and time, 0 to 9 digits of fraction, `Z`, a numeric offset (`+02:00`) or
///   nothing, which means UTC. Fractions below a microsecond are cut off.
/// - Limits: years 1970 to 9999, days as the calendar has them, no leap second (Go refuses it too).
/// - Complexity: the second that was read last is remembered: consecutive events mostly share it.
/// - Source: RFC 3339, section 5.6; the proleptic Gregorian calendar.
struct EventTime {
  /// The first 19 bytes of the last time read, as three overlapping words (no bytes have the first value), and what
  /// they mean.
  private var remembered: (UInt64, UInt64, UInt64) = (0, 0, ~0)
  private var rememberedSeconds: Int64 = 0

  /// Microseconds since the epoch, or `AuditEvent.absentTime` when it is no time.
  @inline(__always)
  mutating func read(_ start: BytePointer, count: Int) -> Int64 {
    guard count >= 19 else { return AuditEvent.absentTime }
    let words = (start.word, (start + 8).word, (start + 11).word)
    if words != remembered {
      guard let seconds = Self.seconds(start) else { return AuditEvent.absentTime }
      remembered = words
      rememberedSeconds = seconds
    }
    return Self.finish(start + 19, end: start + count, seconds: rememberedSeconds)
  }

  /// The time at `start` if it lies in the second that was read last, as an API server writes it: six digits of
  /// fraction and `Z`. Nil tells nothing. The bytes taken are then 27, none of them a quote or a backslash.
  @inline(__always)
  func readServerTime(_ start: BytePointer) -> Int64? {
    guard start.word == remembered.0, (start + 8).word == remembered.1, (start + 11).word == remembered.2 else {
      return nil
    }
    // `.000000Z` taken away, byte by byte, leaves the digits, the first of them lowest; all at once they are checked
    // to be at most 9 and added up in pairs.
    let digits = UInt64(littleEndian: (start + 19).word) ^ 0x5a30_3030_3030_302e
    guard (digits | (digits &+ 0x0006_0606_0606_0600)) & 0xfff0_f0f0_f0f0_f0ff == 0 else { return nil }
    var sum = (digits >> 8) << 16
    sum = (sum &* 2561) >> 8 & 0x00ff_00ff_00ff_00ff
    sum = (sum &* 6_553_601) >> 16 & 0x0000_ffff_0000_ffff
    sum = (sum &* 42_949_672_960_001) >> 32
    return rememberedSeconds &* 1_000_000 &+ Int64(sum)
  }

  /// What follows the seconds: a fraction and a zone, both optional.
  private static func finish(_ start: BytePointer, end: BytePointer, seconds: Int64) -> Int64 {
    var place = start
    var fraction: Int64 = 0
    if place < end, place.byte == UInt8(ascii: ".") {
      place += 1
      let first = place
      var unit: Int64 = 100_000
      while place < end, place.byte.digit <= 9 {
        fraction += Int64(place.byte.digit) * unit
        unit /= 10
        place += 1
      }
      guard place - first >= 1, place - first <= 9 else { return AuditEvent.absentTime }
    }
    guard let offset = zone(place, end: end) else { return AuditEvent.absentTime }
    return (seconds - offset) * 1_000_000 + fraction
  }

  /// The zone's offset in seconds, east positive.
  private static func zone(_ place: BytePointer, end: BytePointer) -> Int64? {
    switch end - place {
    case 0: return 0
    case 1: return place.byte == UInt8(ascii: "Z") ? 0 : nil
    case 6:
      let isEast = place.byte == UInt8(ascii: "+")
      guard isEast || place.byte == UInt8(ascii: "-"), place[3] == UInt8(ascii: ":"),
        let hours = number(place + 1, digits: 2), let minutes = number(place + 4, digits: 2), hours < 24, minutes < 60
      else { return nil }
      let offset = hours * 3600 + minutes * 60
      return isEast ? offset : -offset
    default: return nil
    }
  }

  /// Seconds since the epoch of `YYYY-MM-DDThh:mm:ss`.
  @inline(never) private static func seconds(_ p: BytePointer) -> Int64? {
    guard let year = number(p, digits: 4), let month = number(p + 5, digits: 2), let day = number(p + 8, digits: 2),
      let hour = number(p + 11, digits: 2), let minute = number(p + 14, digits: 2),
      let second = number(p + 17, digits: 2),
      p[4] == UInt8(ascii: "-"), p[7] == UInt8(ascii: "-"), p[13] == UInt8(ascii: ":"), p[16] == UInt8(ascii: ":"),
      p[10] == UInt8(ascii: "T") || p[10] == UInt8(ascii: " "),
      year >= 1970, month >= 1, month <= 12, day >= 1, day <= days(in: month, of: year),
      hour < 24, minute < 60, second < 60
    else { return nil }
    return (days(before: year, month) + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
  }

  private static func number(_ p: BytePointer, digits: Int) -> Int64? {
    var value: Int64 = 0
    for i in 0..<digits {
      guard p[i].digit <= 9 else { return nil }
      value = value * 10 + Int64(p[i].digit)
    }
    return value
  }

  private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from the epoch to the first day of `month`.
  private static func days(before year: Int64, _ month: Int64) -> Int64 {
    // Counting years from March puts the leap day last, so a month's offset does not depend on the year.
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }
}
