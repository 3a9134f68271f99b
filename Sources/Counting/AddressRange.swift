/// A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
public struct AddressRange: Sendable, Hashable {
  let address: IPAddress
  let prefixBits: Int

  /// Reads CIDR notation or a single address; nil when it is neither. Bits behind the prefix are ignored.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
      guard let address = IPAddress(bytes.span) else { return nil }
      self.address = address
      prefixBits = address.bitCount
      return
    }
    let digits = bytes[(slash + 1)...]
    guard let parsed = IPAddress(Array(bytes[..<slash]).span), (1...3).contains(digits.count),
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    var bits = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    // A range of IPv4-mapped addresses is a range of IPv4.
    if parsed.isIPv4, bytes.contains(UInt8(ascii: ":")) { bits -= 96 }
    guard bits >= 0, bits <= parsed.bitCount else { return nil }
    address = parsed
    prefixBits = bits
  }

  func contains(_ other: IPAddress) -> Bool {
    guard other.isIPv4 == address.isIPv4 else { return false }
    guard prefixBits > 0 else { return true }
    let difference = other.bits ^ address.bits
    return difference >> UInt128(address.bitCount - prefixBits) == 0
  }
}
