internal import Diagnostics

/// Numbers and times as people read them.
enum PageFormat {
  /// `12,345,678`; what is no whole number keeps two digits.
  static func count(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return value.isNaN ? "–" : "very many" }
    if value != value.rounded() { return fixed(value, 2) }
    let digits = String(Int64(value.magnitude))
    var groups: [Substring] = []
    var rest = digits[...]
    while !rest.isEmpty {
      groups.append(rest.suffix(3))
      rest = rest.dropLast(3)
    }
    return (value < 0 ? "−" : "") + groups.reversed().joined(separator: ",")
  }

  /// `4.2 %` of a share from 0 to 1.
  static func percent(_ share: Double) -> String {
    guard share.isFinite, share.magnitude < 1e9 else { return "–" }
    let percent = share * 100
    if percent == 0 { return "0 %" }
    if percent < 0.1 { return "< 0.1 %" }
    return fixed(percent, percent < 10 ? 1 : 0) + " %"
  }

  /// `1.5 MiB`.
  static func bytes(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    var value = max(0, value)
    for unit in ["bytes", "KiB", "MiB", "GiB", "TiB"] {
      if value < 1024 { return (unit == "bytes" || value >= 100 ? fixed(value, 0) : fixed(value, 1)) + " " + unit }
      value /= 1024
    }
    return fixed(value, 0) + " PiB"
  }

  /// `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`.
  static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e11 else { return "–" }
    let all = Int(max(0, seconds))
    switch all {
    case ..<60: return "\(all) s"
    case ..<3_600: return "\(all / 60) min" + (all % 60 == 0 ? "" : " \(all % 60) s")
    case ..<86_400: return "\(all / 3_600) h" + (all / 60 % 60 == 0 ? "" : " \(all / 60 % 60) min")
    default: return "\(all / 86_400) d" + (all / 3_600 % 24 == 0 ? "" : " \(all / 3_600 % 24) h")
    }
  }

  /// `2026-03-01 04:05:06 UTC`.
  static func time(_ time: Microseconds) -> String {
    let text = Timestamp.text(time)
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
  }

  /// `5 s ago`; a time that is still to come is now.
  static func ago(_ time: Microseconds, now: Microseconds) -> String {
    duration(seconds: Double(now) / 1e6 - Double(time) / 1e6) + " ago"
  }

  /// A hundred years.
  private static let spanLimitSeconds = 36_525 * 86_400

  /// Seconds of a window's name, `5m`, `1h`, `1h30m`; nil when it is none, or of more than a hundred years.
  static func seconds(ofWindow name: String) -> Int? {
    var total = 0
    var number: Int?
    for character in name {
      if let digit = character.wholeNumberValue, character.isASCII {
        number = (number ?? 0) * 10 + digit
        if (number ?? 0) > 1_000_000 { return nil }
      } else {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = units[character], let count = number else { return nil }
        total = min(total + count * unit, spanLimitSeconds + 1)
        number = nil
      }
    }
    return number == nil && total > 0 && total <= spanLimitSeconds ? total : nil
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = [1.0, 10, 100][digits]
    let scaled = Int64((value.magnitude * scale).rounded())
    let whole = scaled / Int64(scale)
    let sign = value < 0 && scaled > 0 ? "−" : ""
    if digits == 0 { return sign + String(whole) }
    let part = String(scaled % Int64(scale))
    return "\(sign)\(whole).\(String(repeating: "0", count: digits - part.count))\(part)"
  }
}
