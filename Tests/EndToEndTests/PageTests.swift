import TestSupport
import Testing

/// The page for people.
@Suite struct PageTests {
  /// Names that would break out of the page if they were not escaped.
  private static func start() throws -> Exporter {
    let log = try GeneratedLog.shared.get()
    let hostile = Event(
      user: "<script>alert(1)<\\/script>", sourceIP: "203.0.113.66", code: 403, decision: "forbid", time: Event.now)
    let many = (0..<50).flatMap { _ in hostile.line }
    let exporter = try Exporter(["--input.stdin"], input: .bytes(log.bytes + many))
    try exporter.page(received: log.lines.count + 50)
    // A browser asks once.
    _ = try exporter.look()
    return exporter
  }

  @Test func nothingIsLoadedOrRun() throws {
    let exporter = try Self.start()
    let page = try exporter.look()
    #expect(page.headers["content-type"]?.hasPrefix("text/html") == true)
    let facts = try JSON.parse(Program.python("page_facts.py", [], input: page.body))
    #expect(facts["loads"]?.array == [])
    #expect(facts["runs"]?.array == [])
    #expect(facts["unbalanced"]?.array == [])
    #expect(facts["unheard"]?.array == [])
    let links = facts["links"]?.array?.compactMap(\.string) ?? []
    #expect(links.contains { $0.hasSuffix("/metrics") }, "\(links)")
    for link in links where !link.hasPrefix("#") && !link.contains("://") {
      #expect(try curl(exporter.url + (link.hasPrefix("/") ? link : "/" + link)).status == 200, "\(link)")
    }
    let text = facts["text"]?.string ?? ""
    // Who is being refused now, and from where.
    for shown in [
      "kube-audit-exporter", "<script>alert(1)</script>", "203.0.113.66", "50", "stdin", "KubeAuditForbiddenSpike",
      "Refused users: 50 since",
    ] {
      #expect(text.contains(shown), "\(shown) is not in: \(text)")
    }
  }

  @Test(arguments: [1440, 360], [0, 1])
  func aBrowserShowsIt(width: Int, scheme: Int) throws {
    let chromium = try Program.tool("chromium", package: "chromium")
    let exporter = try Self.start()
    try Files.withTemporaryFolder { folder in
      let outcome = try Process.run(
        [
          chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
          "--no-first-run", "--user-data-dir=\(folder)/profile",
          "--blink-settings=preferredColorScheme=\(scheme)", "--window-size=\(width),900",
          "--screenshot=\(folder)/page.png", exporter.url + "/",
        ], environment: ["HOME": folder, "no_proxy": "*"], secondsLimit: 300)
      let image = try? Files.read(folder + "/page.png")
      let picture = try #require(image, "no screenshot: \(outcome.errorText.suffix(2000))")
      let facts = try JSON.parse(Program.python("image_facts.py", [], input: picture))
      #expect(facts["width"]?.int == width)
      #expect((facts["colours"]?.int ?? 0) > 16, "a page of text has many shades")
      #expect((facts["inked"]?.number ?? 0) > 0.01, "the page is blank")
    }
  }
}
