import TestSupport
import Testing

@testable import AuditEvents

/// Times against a calendar that counts days one by one.
@Suite struct EventTimeTests {
  private func read(_ text: String) -> Int64? {
    let buffer = ByteBuffer(Array(text.utf8))
    var reader = EventTime()
    // SAFETY: the buffer outlives the call.
    return unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      let time = reader.read(unsafe BytePointer(base), count: bytes.count)
      return time == AuditEvent.absentTime ? nil : time
    }
  }

  private func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }

  @Test func everyDay() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var days: Int64 = 0
    var reader = EventTime()
    var wrong = 0
    for year in 1970...9999 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for month in 1...12 {
        let length = lengths[month - 1] + (month == 2 && isLeap ? 1 : 0)
        // Every day of a few centuries, the first and last of each month of the rest.
        for day in 1...length where year < 2110 || day == 1 || day == length {
          let text = "\(year)-\(two(month))-\(two(day))T23:59:58Z"
          let buffer = ByteBuffer(Array(text.utf8))
          // SAFETY: the buffer outlives the call.
          let time: Int64? = unsafe buffer.withBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            return reader.read(unsafe BytePointer(base), count: bytes.count)
          }
          if time != ((days + Int64(day) - 1) * 86_400 + 86_398) * 1_000_000 { wrong += 1 }
        }
        if read("\(year)-\(two(month))-\(two(length + 1))T00:00:00Z") != nil { wrong += 1 }
        days += Int64(length)
      }
    }
    #expect(wrong == 0)
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01 00:00:00", 0), ("1970-01-01T00:00:00.000001Z", 1),
    ("1970-01-01T00:00:00.1", 100_000), ("1970-01-01T00:00:01.123456789Z", 1_123_456),
    ("1970-01-01T02:00:00+02:00", 0), ("1970-01-01T00:00:00-00:30", 1_800_000_000),
    ("2026-01-05T08:00:00.123456Z", 1_767_600_000_123_456), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
  ])
  func forms(_ text: String, _ time: Int64) { #expect(read(text) == time) }

  @Test(arguments: [
    "", "1970", "1969-12-31T23:59:59Z", "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
    "2026-01-01t00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00z",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0200", "2026-01-01T00:00:00.12345xZ", "20260101T000000Z",
    "2026-01-01T00:00:00Z ", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00.1 ",
  ])
  func refused(_ text: String) { #expect(read(text) == nil) }

  /// The short way for the second read last gives what the long way gives.
  @Test(arguments: [1 as UInt64, 2, 3])
  func shortWay(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var reader = EventTime()
    var taken = 0
    for _ in 0..<20_000 {
      var bytes = Array("2026-01-05T08:00:0\(Int.random(in: 0...1, using: &random)).".utf8)
      for _ in 0..<6 { bytes.append(UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &random)) }
      bytes.append(UInt8(ascii: "Z"))
      if Bool.random(using: &random) {
        bytes[Int.random(in: 17..<27, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let expected = read(String(decoding: bytes, as: UTF8.self))
      let buffer = ByteBuffer(bytes)
      // SAFETY: the buffer outlives the call.
      unsafe buffer.withBytes { content in
        guard let base = content.baseAddress else { return }
        let place = unsafe BytePointer(base)
        if let short = reader.readServerTime(place) {
          taken += 1
          #expect(short == expected)
        }
        _ = reader.read(place, count: content.count)
      }
    }
    #expect(taken > 4_000)
  }
}
