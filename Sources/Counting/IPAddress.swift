internal import Metrics

/// An IP address in its value, not its spelling. An IPv4-mapped IPv6 address is an IPv4 address.
struct IPAddress: Sendable, Hashable {
  /// Right-aligned: 32 bits of IPv4 or 128 bits of IPv6.
  let bits: UInt128
  let isIPv4: Bool

  init(v4: UInt32) {
    bits = UInt128(v4)
    isIPv4 = true
  }

  init(v6: UInt128) {
    isIPv4 = v6 >> 32 == 0xffff
    bits = isIPv4 ? v6 & 0xffff_ffff : v6
  }

  var bitCount: Int { isIPv4 ? 32 : 128 }

  /// The /64 that holds an IPv6 address.
  var network64: UInt64 { UInt64(truncatingIfNeeded: bits >> 64) }

  /// Reads the text forms of RFC 4291; nil for anything else, zones and leading zeros of IPv4 included, as Go's
  /// `net.ParseIP` does, which is what fills `sourceIPs`.
  init?(_ text: Span<UInt8>) {
    guard text.count <= 45 else { return nil }
    if let v4 = Self.parseIPv4(text, from: 0) {
      self.init(v4: v4)
    } else if let v6 = Self.parseIPv6(text) {
      self.init(v6: v6)
    } else {
      return nil
    }
  }

  private static func parseIPv4(_ text: Span<UInt8>, from start: Int) -> UInt32? {
    guard text.count - start >= 7, text.count - start <= 15 else { return nil }
    var value: UInt32 = 0
    var part: UInt32 = 0
    var digits = 0
    var dots = 0
    for i in start..<text.count {
      let byte = text[i]
      if byte == 0x2e {
        guard digits > 0, dots < 3 else { return nil }
        value = value << 8 | part
        (part, digits, dots) = (0, 0, dots + 1)
      } else {
        guard byte >= 0x30, byte <= 0x39, !(digits > 0 && part == 0) else { return nil }
        part = part * 10 + UInt32(byte - 0x30)
        digits += 1
        guard part <= 255 else { return nil }
      }
    }
    guard dots == 3, digits > 0 else { return nil }
    return value << 8 | part
  }

  private static func parseIPv6(_ text: Span<UInt8>) -> UInt128? {
    var head: UInt128 = 0
    var headGroups = 0
    var tail: UInt128 = 0
    var tailGroups = 0
    var isAfterGap = false
    var at = 0
    if text.count >= 2, text[0] == 0x3a {
      guard text[1] == 0x3a else { return nil }
      isAfterGap = true
      at = 2
    }
    while at < text.count {
      guard headGroups + tailGroups < 8 else { return nil }
      var end = at
      while end < text.count, text[end] != 0x3a { end += 1 }
      var groups = 1
      var value: UInt128
      if end == text.count, let v4 = parseIPv4(text, from: at) {
        (value, groups) = (UInt128(v4), 2)
      } else {
        guard let group = hexGroup(text, at, end) else { return nil }
        value = UInt128(group)
      }
      if isAfterGap {
        tail = tail << UInt128(16 * groups) | value
        tailGroups += groups
      } else {
        head = head << UInt128(16 * groups) | value
        headGroups += groups
      }
      if end == text.count { break }
      at = end + 1
      guard at < text.count else { return nil }
      if text[at] == 0x3a {
        guard !isAfterGap else { return nil }
        isAfterGap = true
        at += 1
      }
    }
    let groups = headGroups + tailGroups
    guard isAfterGap ? groups <= 7 : groups == 8 else { return nil }
    if headGroups == 0 { return tail }
    return head << UInt128(16 * (8 - headGroups)) | tail
  }

  private static func hexGroup(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> UInt16? {
    guard end > start, end - start <= 4 else { return nil }
    var value: UInt16 = 0
    for i in start..<end {
      let byte = text[i]
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x41 + 10
      case 0x61...0x66: digit = byte - 0x61 + 10
      default: return nil
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  /// Appends the one canonical spelling (RFC 5952 for IPv6), at most 39 bytes.
  func write(to out: inout LabelBuffer) {
    guard isIPv4 else { return Self.writeIPv6(bits, to: &out) }
    for shift in stride(from: 24, through: 0, by: -8) {
      Self.writeDecimal(UInt8(truncatingIfNeeded: bits >> UInt128(shift)), to: &out)
      if shift > 0 { out.append(0x2e) }
    }
  }

  /// Appends the canonical spelling of a /64.
  static func writeNetwork(_ network: UInt64, to out: inout LabelBuffer) {
    writeIPv6(UInt128(network) << 64, to: &out)
    out.append(0x2f)
    out.append(0x36)
    out.append(0x34)
  }

  private static func writeDecimal(_ value: UInt8, to out: inout LabelBuffer) {
    if value >= 100 { out.append(0x30 + value / 100) }
    if value >= 10 { out.append(0x30 + value / 10 % 10) }
    out.append(0x30 + value % 10)
  }

  private static func writeIPv6(_ bits: UInt128, to out: inout LabelBuffer) {
    func group(_ i: Int) -> UInt16 { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * i)) }
    // The longest run of zero groups, the first of equals, is written as `::`; a single zero group is not.
    var gap = (start: 8, count: 1)
    var run = 0
    for i in 0..<8 {
      run = group(i) == 0 ? run + 1 : 0
      if run > gap.count { gap = (i + 1 - run, run) }
    }
    var i = 0
    while i < 8 {
      if i == gap.start {
        out.append(0x3a)
        out.append(0x3a)
        i += gap.count
        continue
      }
      if i > 0, i != gap.start + gap.count { out.append(0x3a) }
      writeHex(group(i), to: &out)
      i += 1
    }
  }

  private static func writeHex(_ value: UInt16, to out: inout LabelBuffer) {
    var isLeading = true
    for shift in stride(from: 12, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> UInt16(shift)) & 15
      if isLeading, digit == 0, shift > 0 { continue }
      isLeading = false
      out.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }
}
