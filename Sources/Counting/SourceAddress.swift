internal import AuditEvents
internal import Metrics

/// Picks the source IP of a request and writes it as a label value.
///
/// The last entry of `sourceIPs` is the peer of the API server's connection; all before it came with the request and
/// can be anything. So the walk begins at the end and goes back only over proxies that somebody configured as trusted.
/// - Source: DESIGN.md, "Source IP"; kubernetes/apimachinery `pkg/util/net/http.go`, `SourceIPs`.
struct SourceAddress {
  var trusted: [AddressRange]

  /// What the walk found.
  enum Found {
    /// No entry, or none that is not trusted.
    case nothing
    /// An address, and where it is spelled: an IPv4 address has no other spelling, unless it is mapped into IPv6.
    case address(IPAddress, Range<Int>)
    /// An entry that is no IP address: the range of its raw bytes.
    case text(Range<Int>)
  }

  /// - Parameter entries: what stands between the brackets of `sourceIPs`.
  func find(in entries: borrowing Text) -> Found {
    // SAFETY: `entries` lends its bytes for this call.
    let raw = unsafe entries.raw
    var end = raw.count
    while true {
      guard let range = unsafe Self.lastString(raw, before: end) else { return .nothing }
      // SAFETY: the range lies within `raw`, which outlives the span.
      let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(rebasing: raw[range]))
      guard let address = IPAddress(span) else { return range.isEmpty ? .nothing : .text(range) }
      if trusted.isEmpty || !isTrusted(address) { return .address(address, range) }
      end = range.lowerBound - 1
    }
  }

  /// Writes an IPv4 address: as it is spelled, unless it is mapped into IPv6.
  func write(_ address: IPAddress, spelled range: Range<Int>, in entries: borrowing Text, to out: inout LabelBuffer) {
    // SAFETY: `entries` lends its bytes for this call; `find` answered the range for them.
    let spelling = unsafe UnsafeBufferPointer(rebasing: entries.raw[range])
    for i in spelling.indices where unsafe spelling[i] == UInt8(ascii: ":") { return address.write(to: &out) }
    unsafe out.append(raw: spelling)
  }

  /// Appends what tells origins apart: an address by its value, of IPv6 the /64 alone, or a text that is none; nothing where
  /// nothing is found.
  func appendOrigin(of entries: borrowing Text, to bytes: inout [UInt8]) {
    switch find(in: entries) {
    case .nothing: return
    // SAFETY: `entries` lends its bytes for this call; `find` answered the range for them.
    case .text(let range): unsafe bytes.append(contentsOf: entries.raw[range])
    case .address(let address, _):
      var left = address.isIPv4 ? address.bits : UInt128(address.network64)
      bytes.append(address.isIPv4 ? 4 : 6)
      for _ in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: left))
        left >>= 8
      }
    }
  }

  private func isTrusted(_ address: IPAddress) -> Bool {
    for i in trusted.indices where trusted[i].contains(address) { return true }
    return false
  }

  /// The content of the last quoted string that ends before `end`.
  private static func lastString(_ raw: UnsafeBufferPointer<UInt8>, before end: Int) -> Range<Int>? {
    var close = end - 1
    while close >= 0, unsafe raw[close] != UInt8(ascii: "\"") { close -= 1 }
    guard close > 0 else { return nil }
    var open = close - 1
    while open >= 0 {
      if unsafe raw[open] == UInt8(ascii: "\""), unsafe !isEscaped(raw, open) { return open + 1..<close }
      open -= 1
    }
    return nil
  }

  /// Whether the quote at `at` belongs to a string: an odd number of backslashes stands before it.
  private static func isEscaped(_ raw: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
    var count = 0
    while at - count - 1 >= 0, unsafe raw[at - count - 1] == UInt8(ascii: "\\") { count += 1 }
    return count % 2 == 1
  }
}
