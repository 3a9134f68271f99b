import AuditEvents
import Metrics
import TestSupport
import Testing

@testable import Counting

struct SourceAddressTests {
  /// The label value of a list of entries as they stand in the event.
  static func address(_ entries: [String], trusting proxies: [String] = []) -> String {
    let held = HeldText(Array(entries.map { "\"\($0)\"" }.joined(separator: ",").utf8))
    let source = SourceAddress(trusted: proxies.compactMap { AddressRange($0) })
    #expect(source.trusted.count == proxies.count)
    var out = LabelBuffer()
    switch source.find(in: held.text) {
    case .nothing: return "(unknown)"
    case .address(let found, let range):
      if found.isIPv4 {
        source.write(found, spelled: range, in: held.text, to: &out)
      } else {
        found.write(to: &out)
      }
    case .text(let range): unsafe out.append(Array(held.text.raw[range]))
    }
    return String(decoding: out.bytes, as: UTF8.self)
  }

  @Test func theLastEntryCounts() {
    #expect(Self.address([]) == "(unknown)")
    #expect(Self.address([""]) == "(unknown)")
    #expect(Self.address(["192.0.2.1"]) == "192.0.2.1")
    #expect(Self.address(["10.0.0.1", "192.0.2.1"]) == "192.0.2.1")
    #expect(Self.address(["10.0.0.1", "not an address"]) == "not an address")
    #expect(Self.address(["10.0.0.1", #"a\"b"#]) == #"a\"b"#)
    #expect(Self.address([#"\"10.0.0.1\",\\"#, #"x\\"#]) == #"x\\"#)
  }

  @Test func trustedProxiesArePassedOverFromTheEnd() {
    let proxies = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
    #expect(Self.address(["198.51.100.1", "10.1.2.3"], trusting: proxies) == "198.51.100.1")
    #expect(Self.address(["1.1.1.1", "198.51.100.1", "10.1.2.3", "192.0.2.7"], trusting: proxies) == "198.51.100.1")
    #expect(Self.address(["10.1.2.3", "198.51.100.1"], trusting: proxies) == "198.51.100.1")
    #expect(Self.address(["198.51.100.1", "2001:db8:1::2"], trusting: proxies) == "198.51.100.1")
    #expect(Self.address(["198.51.100.1", "::ffff:10.0.0.9"], trusting: proxies) == "198.51.100.1")
    #expect(Self.address(["10.0.0.1", "10.0.0.2"], trusting: proxies) == "(unknown)")
    #expect(Self.address(["10.0.0.1", "junk", "10.0.0.2"], trusting: proxies) == "junk")
    #expect(Self.address(["198.51.100.1", "192.0.2.8"], trusting: proxies) == "192.0.2.8")
  }

  /// Canonical spellings of RFC 5952, and what is none.
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:1", "::1"),
    ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"), ("2001:db8::0:1", "2001:db8::1"),
    ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:0201", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("fe80::1:0", "fe80::1:0"),
  ]) func canonical(_ text: String, _ canonical: String) {
    #expect(Self.address([text]) == canonical)
    // Writing is a fixed point.
    #expect(Self.address([canonical]) == canonical)
    #expect(IPAddress(Array(text.utf8).span) == IPAddress(Array(canonical.utf8).span))
  }

  @Test(arguments: [
    "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", ".1.2.3", "1.2.3.", "", ":", ":::", "1::2::3",
    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::1", "fe80::1%eth0",
    "1:", ":1", "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.256", "1.2.3.4/8",
  ]) func isNoAddress(_ text: String) {
    #expect(IPAddress(Array(text.utf8).span) == nil)
  }

  @Test(arguments: 0..<4) func anyAddressSurvives(_ part: UInt64) {
    var random = SplitMix64(seed: part)
    for _ in 0..<5_000 {
      var bits = UInt128(random.next()) << 64 | UInt128(random.next())
      for group in 0..<8 where random.chance(50) { bits &= ~(UInt128(0xffff) << UInt128(16 * group)) }
      let address = IPAddress(v6: bits)
      var out = LabelBuffer()
      address.write(to: &out)
      #expect(IPAddress(out.bytes.span) == address)
      let text = String(decoding: out.bytes, as: UTF8.self)
      #expect(!text.contains(":::") && text.count <= 39)
      if !address.isIPv4 { #expect(text.contains("::") == (longestZeroRun(bits) > 1), "\(text)") }
      let network = IPAddress(v6: UInt128(address.network64) << 64)
      if !address.isIPv4, !network.isIPv4 { #expect(AddressRange("\(text)/64")?.contains(network) == true) }
    }
  }

  private func longestZeroRun(_ bits: UInt128) -> Int {
    var (run, longest) = (0, 0)
    for group in 0..<8 {
      run = bits >> UInt128(112 - 16 * group) & 0xffff == 0 ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }

  @Test(arguments: [
    "10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0.0/-1", "10.0.0/8", "::/129", "::ffff:10.0.0.0/95", "x", "",
  ])
  func isNoRange(_ text: String) { #expect(AddressRange(text) == nil) }

  @Test func ranges() {
    func contains(_ range: String, _ address: String) -> Bool? {
      guard let parsed = IPAddress(Array(address.utf8).span) else { return nil }
      return AddressRange(range)?.contains(parsed)
    }
    #expect(contains("0.0.0.0/0", "8.8.8.8") == true)
    #expect(contains("0.0.0.0/0", "::1") == false)
    #expect(contains("::/0", "::1") == true)
    #expect(contains("10.255.0.0/9", "10.128.0.0") == true)
    #expect(contains("10.255.0.0/9", "10.127.255.255") == false)
    #expect(contains("::ffff:10.0.0.0/104", "10.9.9.9") == true)
    #expect(contains("::1/128", "::1") == true)
    #expect(contains("::1/128", "::2") == false)
    #expect(contains("192.0.2.1/32", "192.0.2.0") == false)
  }
}
