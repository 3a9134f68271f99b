internal import Diagnostics
internal import Transport

/// Times as AWS writes them.
enum AWSTime {
  /// `20260102T030405Z`, as signatures have it.
  static func basic(_ time: Microseconds) -> String {
    String(Timestamp.text(time).prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
  }

  /// Reads `2026-01-02T03:04:05Z`, with or without a fraction, also with `+00:00`; nil for anything else.
  static func parse(_ text: String) -> Microseconds? {
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
}
