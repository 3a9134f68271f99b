import Diagnostics
import Glibc
import Testing

@Suite struct TimestampTests {
  /// The C library's answer for a time.
  private func reference(_ time: Microseconds) -> String {
    var seconds = time_t((time - ((time % 1_000_000) + 1_000_000) % 1_000_000) / 1_000_000)
    let millis = (((time % 1_000_000) + 1_000_000) % 1_000_000) / 1000
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&seconds, &parts)
    func padded(_ value: Int32, _ width: Int) -> String {
      String(repeating: "0", count: width - String(value).count) + String(value)
    }
    return unsafe padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
      + "T" + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2)
      + "." + padded(Int32(millis), 3) + "Z"
  }

  @Test func agreesWithTheCLibrary() {
    // Every day of eight centuries at a moving time of day, then the edges.
    var time: Microseconds = -12_000_000_000_000_000
    while time < 14_000_000_000_000_000 {
      #expect(Timestamp.text(time) == reference(time))
      time += 86_400_000_000 + 61_001_001
    }
    for time: Microseconds in [0, -1, 1, 951_782_400_000_000, -62_167_219_200_000_000, 253_402_300_799_999_999] {
      #expect(Timestamp.text(time) == reference(time))
    }
    #expect(Timestamp.text(.max) == "9999-12-31T23:59:59.999Z")
    #expect(Timestamp.text(.min) == "0000-01-01T00:00:00.000Z")
  }

  @Test func safeText() {
    #expect(SafeText.escaped("a\u{1B}[1m\nb\u{202E}c", limitBytes: 100) == "a\\u{1b}[1m\\nb\\u{202e}c")
    #expect(SafeText.escaped("a\u{ad}\u{3164}\u{e0100}", limitBytes: 100) == "a\\u{ad}\\u{3164}\\u{e0100}")
    #expect(SafeText.escaped("ééé", limitBytes: 4) == "éé…")
    #expect(SafeText.escaped("éé", limitBytes: 4) == "éé")
  }
}
