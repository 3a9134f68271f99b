import Glibc
import TestSupport
import Testing

@testable import Exporter

@Suite struct SettingValuesTests {
  @Test(arguments: [
    ("30s", 30), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1d", 86_400), ("1d2h3m4s", 93_784), ("90m", 5400),
    ("0s", 0),
  ])
  func durations(_ text: String, _ seconds: Int64) throws {
    #expect(try DurationText.seconds(text) == seconds)
  }

  @Test(arguments: [
    "", "5", "m", "5 m", "-5m", "5M", "1.5h", "1m1h", "1h1h", "5m5", "99999999999s", "1w", "٣m", "5ms",
  ])
  func wrongDurations(_ text: String) {
    #expect(throws: Refusal.self) { try DurationText.seconds(text) }
  }

  @Test(arguments: [
    ("0", 0), ("512", 512), ("1B", 1), ("64KiB", 65_536), ("16MiB", 16 << 20), ("4GiB", 4 << 30),
  ])
  func bytes(_ text: String, _ count: Int) throws {
    #expect(try BytesText.bytes(text) == count)
  }

  @Test(arguments: [
    "", "MiB", "16MB", "16 MiB", "-1", "1.5MiB", "16mib", "999999999999999GiB", "1_000", "0x10", "1KiB1B",
  ])
  func wrongBytes(_ text: String) {
    #expect(throws: Refusal.self) { try BytesText.bytes(text) }
  }

  /// What is written reads back the same.
  @Test(arguments: 0..<3)
  func textsReadBack(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    for _ in 0..<3000 {
      let seconds = Int64(random.pick(0...10_000_000) >> random.pick(0...20))
      #expect(try DurationText.seconds(DurationText.text(seconds)) == seconds)
      let count = random.pick(0...9_999) << random.pick(0...31)
      #expect(try BytesText.bytes(BytesText.text(count)) == count)
    }
  }

  @Test(arguments: [
    "", ":", "80", ":65536", ":-1", ":+1", "::1:80", "[::1]", "[1.2.3.4]:80", "1.2.3:80", "example.org:80", "[]:80",
    "1.2.3.4 :80", "http://1.2.3.4:80", ":٣", "[::1%lo]:80", "1.2.3.4:80\u{0}",
  ])
  func wrongAddresses(_ text: String) {
    #expect(read("", [("web.listen-address", [text])]).1.count == 1)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("::1", "::1/128"), ("2001:DB8:0::/32", "2001:db8::/32"),
    ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("10.1.2.128/25", "10.1.2.128/25"),
  ])
  func networks(_ text: String, _ canonical: String) throws {
    #expect(try Network.canonical(text) == canonical)
  }

  @Test(arguments: [
    "", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0/8", "::/129", "10.0.0.1/8", "x/8",
    "1.2.3.4/8/8",
    "fe80::1%eth0",
  ])
  func wrongNetworks(_ text: String) {
    #expect(throws: Refusal.self) { try Network.canonical(text) }
  }

  /// The network that the remedy names is accepted as it is, and holds the address that was written.
  @Test(arguments: 0..<3)
  func networkRemedies(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    for _ in 0..<1000 {
      let bytes = random.bytes(random.oneIn(2) ? 4 : 16)
      let bits = random.pick(0...bytes.count * 8)
      let text = IPBytes.text(bytes) + "/\(bits)"
      do throws(Refusal) {
        #expect(try Network.canonical(text) == text)
        // Bit by bit: nothing is set behind the prefix.
        for bit in bits..<bytes.count * 8 { #expect(bytes[bit / 8] >> UInt8(7 - bit % 8) & 1 == 0) }
      } catch {
        let first = error.remedy.dropFirst("Write ".count).prefix { $0 != "," }
        #expect(try Network.canonical(String(first)) == String(first))
        #expect(first.hasSuffix("/\(bits)"))
      }
    }
  }

  @Test(arguments: [
    ("http://h", "http://h", ""), ("https://h:1/", "https://h:1", ""), ("http://h/a/b//", "http://h/a/b", "/a/b"),
  ])
  func externalURLs(_ text: String, _ url: String, _ path: String) throws {
    #expect(try URLText.external(text) == url)
    #expect(URLText.path(of: url) == path)
  }

  @Test(arguments: [
    "", "h", "ftp://h", "http://", "http:///a", "http://h/?a", "http://h/#a", "http://h/ a", "http://h/ä",
  ])
  func wrongExternalURLs(_ text: String) {
    #expect(throws: Refusal.self) { try URLText.external(text) }
  }

  @Test(arguments: ["", "/", "//", "metrics", "/-/ready", "/-", "/a?b", "/a b", "/a\n"])
  func wrongTelemetryPaths(_ text: String) {
    #expect(throws: Refusal.self) { try SettingsChecks.telemetryPath(text) }
  }

  @Test(arguments: ["", ".", "..", "a/b", "a b", "a\n", "ä", "(other)", String(repeating: "a", count: 129)])
  func wrongClusterNames(_ text: String) {
    #expect(throws: Refusal.self) { try ClusterName.parse(text) }
  }

  /// The distance agrees with a recursive definition on short words, and is a distance.
  @Test func nearestName() {
    func slow(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
      guard let x = a.last, let y = b.last else { return max(a.count, b.count) }
      var best = min(slow(a.dropLast(), b) + 1, slow(a, b.dropLast()) + 1)
      best = min(best, slow(a.dropLast(), b.dropLast()) + (x == y ? 0 : 1))
      if a.count > 1, b.count > 1, x == b[b.endIndex - 2], y == a[a.endIndex - 2] {
        best = min(best, slow(a.dropLast(2), b.dropLast(2)) + 1)
      }
      return best
    }
    var random = SplitMix64(seed: 1)
    for _ in 0..<300 {
      let a = random.bytes(random.pick(0...5), in: 97...99)
      let b = random.bytes(random.pick(0...5), in: 97...99)
      #expect(NearestName.distance(a, b) == slow(a[...], b[...]))
    }
    #expect(NearestName.find("widnows", among: ["web", "windows"]) == "windows")
    #expect(NearestName.find("zzz", among: ["web", "windows"]) == nil)
  }
}
