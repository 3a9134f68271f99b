import TestSupport
import Testing

/// User names made to break a scrape, read by a real Prometheus.
@Suite struct HostileTests {
  /// What stands between the quotes in the log, and the label's value that it has to become.
  struct Name {
    let log: [UInt8]
    let label: String
    /// How a cut label begins; its end is a hash.
    var isPrefix = false

    init(_ log: String, _ label: String) { (self.log, self.label) = (Array(log.utf8), label) }
    init(_ log: [UInt8], _ label: String, isPrefix: Bool = false) {
      (self.log, self.label, self.isPrefix) = (log, label, isPrefix)
    }
  }

  static let names = [
    Name(#"quote\"d"#, #"quote"d"#), Name(#"back\\slash"#, #"back\slash"#),
    Name(#"line\nbreak"#, #"line\u000abreak"#), Name(#"carriage\rreturn\t"#, #"carriage\u000dreturn\u0009"#),
    Name(#"x\"} 1\nkube_audit_forged_total 1\n# EOF\n"#, #"x"} 1\u000akube_audit_forged_total 1\u000a# EOF\u000a"#),
    Name(#"{a=\"b\",c='d'}"#, #"{a="b",c='d'}"#), Name(#"\u0000nul"#, #"\u0000nul"#), Name("del\u{7f}", #"del\u007f"#),
    Name(Array("caf".utf8) + [0xC3], "caf\u{FFFD}"), Name([0xFF, 0xFE, 0x41], "\u{FFFD}\u{FFFD}A"),
    Name(#"lone\ud800surrogate"#, "lone\u{FFFD}surrogate"),
    Name("rocket 🚀", "rocket 🚀"), Name(#"escaped \ud83d\ude80"#, "escaped 🚀"),
    Name("zero\u{200d}width", #"zero\u200dwidth"#), Name("\u{202e}right to left", #"\u202eright to left"#),
    Name("tag\u{e0001}", #"tag\U000e0001"#), Name("separator\u{2028}", #"separator\u2028"#),
    Name("(other)", #"\(other)"#), Name(#"\\(other)"#, #"\\(other)"#),
    Name("(unauthenticated)", #"\(unauthenticated)"#),
    Name(#"\u0028other\u0029 too"#, #"\(other) too"#), Name("", "(unauthenticated)"), Name(" ", " "),
    Name([UInt8](repeating: 0x41, count: 100_000), String(repeating: "A", count: 245) + "…", isPrefix: true),
    Name([UInt8](repeating: 0x41, count: 99_999) + [0x42], String(repeating: "A", count: 245) + "…", isPrefix: true),
    Name(Array(String(repeating: "é", count: 50_000).utf8), String(repeating: "é", count: 122) + "…", isPrefix: true),
    Name([UInt8](repeating: 0x42, count: 256), String(repeating: "B", count: 256)), Name("Ünïcödé名前", "Ünïcödé名前"),
  ]

  private static var log: [UInt8] {
    let mark = Array("%NAME%".utf8)
    return names.enumerated().flatMap { index, name in
      let event = Event(user: "%NAME%", code: 403, decision: "forbid", number: index).line
      let at = event.indices.first { event[$0...].starts(with: mark) } ?? 0
      return event[..<at] + name.log + event[(at + mark.count)...]
    }
  }

  private static func isMeant(_ name: Name, _ label: String) -> Bool {
    guard name.isPrefix else { return label == name.label }
    let hash = label.dropFirst(name.label.count)
    return label.hasPrefix(name.label) && hash.utf8.count == 8 && hash.allSatisfy(\.isHexDigit)
  }

  @Test func everyNameIsOneSeriesOfThePage() throws {
    let exporter = try Exporter(["--input.stdin"], input: .bytes(Self.log))
    let page = try exporter.page(received: Self.names.count)
    let users = page.samples("kube_audit_denied_requests_total").compactMap { $0.labels["user"] }
    #expect(users.count == Self.names.count)
    for name in Self.names { #expect(users.contains { Self.isMeant(name, $0) }, "\(name.label)") }
    #expect(!page.text.contains("\nkube_audit_forged_total"))
  }

  @Test func aRealPrometheusScrapesThem() throws {
    let exporter = try Exporter(["--input.stdin"], input: .bytes(Self.log))
    try exporter.page(received: Self.names.count)
    try Files.withTemporaryFolder { folder in
      let prometheus = try Prometheus(scraping: exporter.port, folder: folder)
      try prometheus.wait(for: "a scrape") { try prometheus.query("up") == [1] ? true : nil }
      let refused = "kube_audit_denied_requests_total"
      try prometheus.wait(for: "every series") {
        try prometheus.query("count(\(refused))") == [Double(Self.names.count)] ? true : nil
      }
      for name in Self.names {
        let matcher = name.isPrefix ? "user=~\(quoted(name.label + "[0-9a-f]{8}"))" : "user=\(quoted(name.label))"
        let wanted = Self.names.filter { $0.label == name.label }.map { _ in 1.0 }
        // The target's own labels do not hide ours: `cluster` is the scraper's, `k8s_cluster` is the event's.
        let selector = #"{\#(matcher),k8s_cluster="default",cluster="scraper",code="403",reason="authorization"}"#
        #expect(try prometheus.query(refused + selector) == wanted, "\(name.label)")
      }
      #expect(try prometheus.query("up") == [1])
      try prometheus.wait(for: "as many samples as the page has") {
        let page = try curl(exporter.url + "/metrics", ["-H", "Accept: \(ServingTests.openMetricsType)"])
        return try prometheus.query("scrape_samples_scraped") == [Double(Page(page.text).samples.count)] ? true : nil
      }
      #expect(exporter.process.isRunning)
    }
  }

  /// A string of PromQL, whose reader refuses the replacement character unless it is escaped.
  private func quoted(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"" + escaped.replacing("\u{FFFD}", with: "\\ufffd") + "\""
  }
}
