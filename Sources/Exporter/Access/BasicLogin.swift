/// What a client says about itself in `Authorization: Basic …` (RFC 7617).
struct BasicLogin: Sendable, Equatable {
  let user: String
  let password: [UInt8]

  /// Nil for anything that is not exactly that.
  init?(authorization: String) {
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "basic", let bytes = Base64.decode(parts[1].utf8),
      let colon = bytes.firstIndex(of: 0x3A), let user = String(validating: bytes[..<colon], as: UTF8.self)
    else { return nil }
    self.user = user
    password = Array(bytes[(colon + 1)...])
  }

  init(user: String, password: String) {
    self.user = user
    self.password = Array(password.utf8)
  }
}

/// RFC 4648, section 4, read strictly.
enum Base64 {
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard !text.isEmpty, text.count % 4 == 0 else { return nil }
    let padding = text.suffix(2).count { $0 == 0x3D }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var (word, bits): (UInt32, Int) = (0, 0)
    for byte in text.dropLast(padding) {
      guard let value = value(byte) else { return nil }
      word = word << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
      }
    }
    // What is left over must be zeros, or two texts would mean the same.
    return word & (1 << UInt32(bits) - 1) == 0 ? bytes : nil
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte) - 0x41
    case 0x61...0x7A: UInt32(byte) - 0x61 + 26
    case 0x30...0x39: UInt32(byte) - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
