import Glibc
import TestSupport
import Testing

/// The whole chain, every part of it real: events in, the project's rules in Prometheus, its routes in Alertmanager, and
/// somebody who is woken.
@Suite struct ChainTests {
  /// So old is the spike when it is written: the end of a window of 5 minutes is then near, and a test need not wait long
  /// for it. The feed is behind, as feeds are; the window holds the spike all the same.
  private static let spikeAgeSeconds = 255.0

  @Test func aForbiddenSpikeInALogPagesOnceAndResolves() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write([], to: path)
      let exporter = try Exporter(["--input.file", path, "--cluster.name", "prod"])
      let chain = try Chain(exporter, folder: folder)
      try Files.write(Self.quiet(0..<300).flatMap(\.line), to: path, append: true)
      try chain.expectQuiet(requests: 300)
      let written = Event.clock
      try Files.write(Self.spike(300..<380).flatMap(\.line), to: path, append: true)
      let page = try chain.expectOnePage(user: "mallory@corp.example", sourceIP: "203.0.113.66")
      #expect(page.annotations["description"]?.contains("refused 80 times") == true, "\(page.annotations)")
      let resolved = try chain.expectResolution(of: page)
      // With an aged spike and rules that hold for seconds; as shipped it is the window and five minutes more.
      let (paged, over) = (page.arrival - written, resolved.arrival - written)
      print("The page came after \(paged) s, its resolution, hastened, after \(over) s.")
    }
  }

  /// As API servers send: lists of at most 400 events without kinds, several connections, one batch sent again because its
  /// answer was lost.
  @Test func aForbiddenSpikeByWebhookPagesOnceAndResolves() throws {
    try Files.withTemporaryFolder { folder in
      let configuration = "clusters: [{name: prod}]\n"
      let exporter = try Exporter(configuration: configuration, folder: folder, webhook: true)
      let chain = try Chain(exporter, folder: folder)
      let push = { (events: [Event]) in
        let items = events.map { $0.json.replacing(#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, with: "") }
        let answer = try exporter.push(Event.list(items), to: "/webhook/prod?timeout=30s")
        #expect(answer.status == 200, "\(answer.text)")
      }
      for batch in 0..<5 { try push(Self.quiet(batch * 400..<(batch + 1) * 400)) }
      try chain.expectQuiet(requests: 2_000)
      // The same list again counts once; the page says how many there were.
      let batches = [Self.spike(2_000..<2_040), Self.spike(2_040..<2_080)].map { $0 + Self.quiet(3_000..<3_100) }
      for batch in batches + [batches[0]] { try push(batch) }
      let page = try chain.expectOnePage(user: "mallory@corp.example", sourceIP: "203.0.113.66")
      #expect(page.annotations["description"]?.contains("refused 80 times") == true, "\(page.annotations)")
      try chain.expectResolution(of: page)
    }
  }

  private static func quiet(_ numbers: Range<Int>) -> [Event] {
    let now = Event.now
    return numbers.map { Event(user: "user\($0 % 7)", sourceIP: "10.0.0.\($0 % 9)", number: $0, time: now) }
  }

  private static func spike(_ numbers: Range<Int>) -> [Event] {
    let time = Event.time(secondsAgo: spikeAgeSeconds)
    return numbers.map {
      Event(
        user: "mallory@corp.example", sourceIP: "203.0.113.66", verb: "list", code: 403, decision: "forbid", number: $0,
        time: time)
    }
  }
}

/// Prometheus and Alertmanager behind an exporter.
private struct Chain {
  let exporter: Exporter
  let prometheus: Prometheus
  let alertmanager: Alertmanager

  init(_ exporter: Exporter, folder: String) throws {
    self.exporter = exporter
    alertmanager = try Alertmanager(folder: folder)
    prometheus = try Prometheus(
      scraping: exporter.port, folder: folder, job: "kube-audit-exporter", rules: try Self.rules(),
      alertmanager: alertmanager.port)
  }

  /// The project's rules; only, what holds a page for minutes after its gauge has fallen holds it for seconds: for longer than
  /// some scrapes that take more than the second which they have.
  private static func rules() throws -> [String] {
    let shipped = Files.beside("../../alerts/rules")
    let names = try Process.run(["ls", shipped]).outputText.split(separator: "\n")
    try #require(names.count > 1, "no rules in \(shipped)")
    return try names.map { name in
      String(decoding: try Files.read(shipped + "/" + name), as: UTF8.self)
        .replacing("keep_firing_for: 5m", with: "keep_firing_for: 6s")
    }
  }

  /// What is usual wakes nobody, though it was scraped and judged.
  func expectQuiet(requests: Int) throws {
    try prometheus.wait(for: "\(requests) requests in Prometheus") {
      try prometheus.query("sum(kube_audit_requests_total)") == [Double(requests)] ? true : nil
    }
    _ = try alertmanager.notice("the watchdog", secondsLimit: 120) { $0.name == "KubeAuditWatchdog" }
    #expect(try alertmanager.notices().filter(\.isPage).map(\.labels) == [])
  }

  func expectOnePage(user: String, sourceIP: String) throws -> Alertmanager.Notice {
    let page = try alertmanager.notice("a page", secondsLimit: 30) { $0.isPage && $0.isFiring }
    #expect(page.receiver == "pager")
    #expect(page.name == "KubeAuditForbiddenSpike")
    #expect(page.labels["user"] == user)
    #expect(page.labels["source_ip"] == sourceIP)
    #expect(page.labels["k8s_cluster"] == "prod")
    return page
  }

  /// The page is taken back when the window has drained, and nobody was woken by anything else, or twice.
  @discardableResult
  func expectResolution(of page: Alertmanager.Notice) throws -> Alertmanager.Notice {
    let resolved = try alertmanager.notice("its resolution", secondsLimit: 240) {
      $0.isPage && !$0.isFiring && $0.labels == page.labels
    }
    #expect(try exporter.scrape().sum("kube_audit_window_denied_requests", ["window": "5m"]) == 0)
    let pages = try alertmanager.notices().filter(\.isPage)
    #expect(pages.count == 2, "\(pages.map(\.labels))")
    return resolved
  }
}
