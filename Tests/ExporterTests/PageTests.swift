import Diagnostics
import Glibc
import Inputs
import Metrics
import TestSupport
import Testing

@testable import Exporter

@Suite struct PageTests {
  static let hostile = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</style></title><b>",
    "&amp;&lt;&#x3c;", "\u{0}\u{1b}[31m\r\n\u{85}", "\u{202e}evil\u{2066}", "]]>--><!--", "{{7*7}}${7*7}",
    "javascript:alert(1)",
    String(repeating: "𝕏é", count: 100), "", " ", "\u{1F468}\u{200D}\u{1F469}",
  ]

  /// A model in which every text is `text`.
  private func model(of text: String) -> PageModel {
    var status = InputStatus.Snapshot()
    status.sources = [.init(name: text, readBytes: 5, totalBytes: 3), .init(name: text, readBytes: 5, totalBytes: nil)]
    var readings = Readings()
    let cluster = (Label.cluster, text)
    let window = (Label.window, "5m")
    readings[.windowRequests].append([cluster, window, (.codeClass, text)], 7)
    readings[.windowDeniedRequests].append(
      [cluster, window, (.code, text), (.reason, "authorization"), (.user, text), (.sourceIP, text)], 60)
    readings[.windowRBACMutations].append(
      [cluster, (.window, "15m"), (.resource, text), (.verb, text), (.user, text), (.outcome, "denied")], 2)
    readings[.eventLag].append([cluster, (.input, text)], 900)
    readings[.eventLag].append([cluster, (.input, text + "2")], 90)
    readings[.series].append([(.family, text)], 3)
    readings[.seriesLimit].append([(.family, text)], 4)
    readings.trends = trends(of: text)
    return PageModel(
      readings: readings, inputs: [.init(name: text, status: status)], version: text, startedAt: 0, now: 0,
      linkPrefix: "/" + text, telemetryPath: "/" + text, obstacle: text, projectURL: "x" + text)
  }

  private func trends(of text: String) -> Trends {
    var trends = Trends()
    trends.axis.count = 3
    trends.axis.paneSeconds = 120
    trends.window = "1h"
    trends.recentWindow = "5m"
    trends.clusters = [.init(name: text, requests: [1, 2, 3], serverErrors: [0, 1, 0], denied: [0, 0, 3])]
    var parts = SampleSet()
    let values: [(Label, String)] = [
      (.cluster, text), (.reason, text), (.user, text), (.sourceIP, text), (.resource, text), (.verb, text),
      (.outcome, text), (.object, text),
    ]
    parts.append(values, 3)
    let table = Trends.Table(
      rows: [.init(panes: [0, 0, 3], total: 3, recent: 3, others: 4, parts: parts)], count: 9)
    (trends.refusedUsers, trends.refusedSourceIPs) = (table, table)
    (trends.rbacMutations, trends.trackedObjects) = (table, table)
    return trends
  }

  @Test(arguments: hostile)
  func nothingThatSomebodyWroteBecomesMarkup(text: String) throws {
    let page = String(decoding: Page.render(model(of: text)), as: UTF8.self)
    let shape = try MarkupShape(page)
    // The same tags and attributes as with a harmless text: values change text and nothing else.
    let harmless = try MarkupShape(
      String(decoding: Page.render(model(of: text.hasPrefix("(") ? "(a)" : "a")), as: UTF8.self))
    #expect(shape.tags == harmless.tags)
    #expect(shape.tags.contains("script") == false)
    #expect(page.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) })
    #expect(shape.isolated.contains(HTML.escaped(text)) || text.isEmpty, "shown, in its own direction")
  }

  /// Blind and noisy rules by cluster, with what their policy needs; nothing where every rule sees.
  @Test func rulesThatTheLevelFails() throws {
    var model = PageSamples.empty
    func show(_ values: [(cluster: String, rule: String, evaluable: Double, noisy: Double)]) -> String {
      model.readings = Readings()
      for value in values {
        let labels = [(Label.cluster, value.cluster), (.rule, value.rule)]
        model.readings[.ruleEvaluable].append(labels, value.evaluable)
        model.readings[.ruleNoisy].append(labels, value.noisy)
      }
      return String(decoding: Page.render(model), as: UTF8.self)
    }
    model.neededPolicies = {
      Issue.record("nobody is shown it")
      return [:]
    }
    #expect(!show([("a", "r", 1, 0)]).contains("id=\"sights\""))
    model.neededPolicies = { ["blind-one": ["- level: Request", "  verbs: [<b>]"]] }
    let page = show([
      ("a", "sees", 1, 0), ("a", "blind-one", 0, 0), ("b", "blind-one", 0, 0), ("c", "loud", 1, 1),
      ("d", "blind-one", 1, 0),
    ])
    #expect(page.contains("id=\"sights\""))
    #expect(page.contains("<pre>- level: Request\n  verbs: [&lt;b&gt;]\n</pre>"))
    let table = try #require(page.split(separator: "id=\"sights\"").last?.split(separator: "</section>").first)
    #expect(table.contains("loud") && table.contains("noisy") && table.contains("blind") && !table.contains("sees"))
    #expect(!table.contains(">d</bdi>") && table.contains(">a</bdi>") && table.contains(">b</bdi>"))
  }

  @Test func thePageIsWholeWhateverItShows() throws {
    for (name, model) in [("empty", PageSamples.empty), ("busy", PageSamples.busy)] {
      let bytes = Page.render(model)
      // To be looked at in a browser: PAGE_SAMPLES=/tmp swift test --filter ExporterTests.PageTests
      if let folder = unsafe getenv("PAGE_SAMPLES") {
        try Files.write(bytes, to: "\(unsafe String(cString: folder))/page-\(name).html")
      }
      let page = String(decoding: bytes, as: UTF8.self)
      _ = try MarkupShape(page)
      #expect(!page.contains("nan") && !page.contains("inf "))
    }
    var strange = PageSamples.busy
    strange.now = .max
    strange.startedAt = .min / 2
    for value in [Double.nan, .infinity, -.infinity, 1e300, -5] {
      strange.readings[.windowRequests].append([(.cluster, "a"), (.window, "5m")], value)
      strange.readings[.clusterLastEvent].append([(.cluster, "a")], value)
      strange.readings[.eventLag].append([(.cluster, "a")], value)
      strange.readings[.queueBytes] = SampleSet(value)
      strange.readings[.windowServerErrorRatio].append([(.cluster, "a"), (.window, "5m")], value)
      _ = try MarkupShape(String(decoding: Page.render(strange), as: UTF8.self))
    }
  }

  /// What stands in the tables is what `/metrics` says at the same instant.
  @Test func rowsHoldTheNumbersOfTheGauges() throws {
    let model = PageSamples.busy
    let page = String(decoding: Page.render(model), as: UTF8.self)
    let figures = PageFigures(model.readings, now: model.now)
    for (id, family, labels, table) in [
      ("users", FamilyID.windowDeniedRequests, [Label.cluster, .user], figures.users),
      ("addresses", .windowDeniedRequests, [.cluster, .sourceIP], figures.sourceIPs),
      ("changes", .windowRBACMutations, [.cluster, .user, .verb, .resource, .outcome], figures.changes),
      ("objects", .windowTrackedRequests, [.object], figures.objects),
    ] {
      let (now, hour) = (sums(model.readings, family, labels, "5m"), sums(model.readings, family, labels, "1h"))
      let shown = tableRows(page, id)
      #expect(table.count == hour.count && table.rows.count == min(12, hour.count) && shown.count == table.rows.count)
      for (row, cells) in zip(table.rows, shown) {
        let key = labels.map { row.labels[$0] ?? "" }
        #expect(Double(row.total) == hour[key] && Double(row.recent) == now[key] ?? 0, "\(key)")
        #expect(row.panes.reduce(0, +) == row.total)
        #expect(cells[0].contains(key[key.count > 1 ? 1 : 0]), "\(cells)")
        #expect(Array(cells.suffix(2)) == [row.recent, row.total].map { PageFormat.count(Double($0)) })
      }
    }
    let requests = sums(model.readings, .windowRequests, [.cluster], "1h")
    for trend in model.readings.trends?.clusters ?? [] {
      #expect(Double(trend.requests.reduce(0, +)) == requests[[trend.name]])
    }
    #expect(tableRows(page, "clusters").map { $0[0] } == ["prod-us", "prod-eu", "staging", "dr-silent"])
  }

  /// The rows of the story that wake somebody, each with why.
  @Test func alertsSayWhoFromWhereAndWhy() {
    let page = String(decoding: Page.render(PageSamples.busy), as: UTF8.self)
    let rows = tableRows(page, "alerts")
    let expected = [
      ["KubeAuditForbiddenSpike", "prod-eu", "payments:ledger-reconciler from 10.12.4.77", "1,204", "≥ 50 in 5 min"],
      ["KubeAuditManyUsersFromOneSource", "prod-us", "from 198.51.100.200", "26 users", "≥ 20 in 15 min"],
      ["KubeAuditAWSAuthChanged", "prod-us", "platform-admin update", "1", "&gt; 0 in 15 min"],
      ["KubeAuditServerErrorRatio", "prod-us", "", "%", "≥ 10 % in 5 min holds, fires after 2 min"],
      ["KubeAuditClusterNeverHeard", "dr-silent", "", "never", "holds, fires after 15 min"],
      ["KubeAuditInputDown", "", "input stdin", "down", "holds, fires after 5 min"],
      [
        "KubeAuditRBACMutation", "staging", "argocd-application-controller patch rolebindings", "3", "&gt; 0 in 15 min",
      ],
      ["KubeAuditRBACMutation", "prod-eu", "alice@example.org create clusterrolebindings", "1", "&gt; 0 in 15 min"],
      ["KubeAuditRBACChangeRefused", "prod-us", "dev-3 delete roles", "2", "&gt; 0 in 15 min"],
      [
        "KubeAuditSecretReadsRefused", "prod-eu", "system:serviceaccount:payments:ledger-reconciler", "1,204",
        "≥ 20 in 15 min",
      ],
      ["KubeAuditFeedLagging", "staging", "input file", "10 min 7 s", "&gt; 10 min holds, fires after 10 min"],
    ]
    #expect(rows.count == expected.count)
    for (row, wanted) in zip(rows, expected) {
      #expect(zip(row, wanted).allSatisfy { $0.contains($1) }, "\(row)")
    }
    #expect(
      page.contains("3 would page, 3 would page if they last, 4 would open a ticket, 1 would open a ticket if it"))
    #expect(page.contains("<title>(11) "))
    let link = "https://example.org/project/blob/main/alerts/runbooks/KubeAuditForbiddenSpike.md"
    #expect(page.components(of: "href=\"\(link)\"") == 1)
    let quiet = String(decoding: Page.render(PageSamples.empty), as: UTF8.self)
    #expect(!quiet.contains("No alert would fire") && quiet.contains("Too early to tell"))
    #expect(quiet.contains("No audit event has been read yet"))
  }

  /// A verdict of calm needs somebody who was heard, and windows that have had the time to fill.
  @Test func calmIsSaidOnlyWhereItIsKnown() {
    var model = PageSamples.empty
    let minute: Microseconds = 60_000_000
    for (isHeard, minutes, isCalm) in [(false, 600, false), (true, 4, false), (true, 5, true), (true, 600, true)] {
      model.readings = Readings()
      if isHeard {
        model.readings[.clusterLastEvent].append([(.cluster, "a"), (.input, "file")], Double(model.now) / 1e6)
      }
      model.startedAt = model.now - minute * Microseconds(minutes)
      let page = String(decoding: Page.render(model), as: UTF8.self)
      #expect(page.contains("No alert would fire") == isCalm && page.contains("Too early to tell") != isCalm)
      #expect(page.contains("may still be firing in Alertmanager") == isCalm)
    }
  }

  /// As everywhere: a change that was refused is no change.
  @Test func onlyChangesThatWereMadeAreCounted() {
    var readings = Readings()
    for (outcome, count) in [("success", 3.0), ("denied", 40), ("error", 500), ("dry_run", 6_000)] {
      readings[.windowRBACMutations].append(
        [(.cluster, "a"), (.window, "5m"), (.resource, "roles"), (.verb, "create"), (.user, "u"), (.outcome, outcome)],
        count)
    }
    let figures = PageFigures(readings, now: 0)
    #expect(figures.rbacMutations == 3 && figures.clusters.map(\.rbacMutations) == [3])
  }

  /// Sums over the samples of one window, label by label.
  private func sums(_ readings: Readings, _ family: FamilyID, _ labels: [Label], _ window: String) -> [[String]: Double]
  {
    let set = readings[family]
    var sums: [[String]: Double] = [:]
    for row in set.rows where set.value(of: .window, in: row) == window {
      sums[labels.map { set.value(of: $0, in: row) ?? "" }, default: 0] += row.value
    }
    return sums
  }

  /// The text of every cell of the table in a section.
  private func tableRows(_ page: String, _ id: String) -> [[String]] {
    guard let start = page.firstRange(of: "<h2 id=\"\(id)\">"),
      let body = page[start.upperBound...].firstRange(of: "<tbody>"),
      let end = page[body.upperBound...].firstRange(of: "</tbody>")
    else { return [] }
    return page[body.upperBound..<end.lowerBound].split(separator: "</tr>").map { row in
      row.replacing("</th>", with: "</td>").split(separator: "</td>").map { cell in
        cell.split(separator: "<").dropFirst(cell.hasPrefix("<") ? 0 : 1)
          .map { $0.drop { $0 != ">" }.dropFirst() }.joined()
      }
    }
  }

  @Test func thePageStaysSmall() {
    var model = PageSamples.busy
    for at in 0..<20_000 {
      model.readings[.windowDeniedRequests].append(
        [
          (.cluster, "c\(at % 1_000)"), (.window, "5m"), (.reason, "authorization"), (.user, "user-\(at)"),
          (.sourceIP, "10.1.\(at % 200).1"),
        ],
        70)
    }
    model.inputs[0].status.sources = (0..<5_000).map { .init(name: "/log/\($0)", readBytes: 1, totalBytes: 2) }
    let page = Page.render(model)
    #expect(page.count < 128 << 10)
    let text = String(decoding: page, as: UTF8.self)
    #expect(text.contains("and 4,980 more sources") && text.contains("and 954 more clusters"))
    #expect(text.contains("and 19,997 more like it"), "one of the story's, and three of these, are shown")
  }

  @Test func thePolicyNamesThePagesOnlyStyle() throws {
    let hash = try Process.run(["sh", "-c", "openssl dgst -sha256 -binary | base64"], input: Array(Page.style.utf8))
    #expect(hash.outputText == Page.styleHash + "\n", "put this into Page.styleHash")
    let page = String(decoding: Page.render(PageSamples.busy), as: UTF8.self)
    #expect(page.components(of: "<style>\(Page.style)</style>") == 1)
    #expect(page.components(of: "style=") == 0, "the policy forbids style attributes")
    let policy = Page.securityHeaders().first { $0.name == "Content-Security-Policy" }?.value ?? ""
    #expect(policy.hasPrefix("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"))
  }

  struct Format: Sendable {
    let shown: String
    let expected: String
  }
  @Test(arguments: [
    Format(shown: PageFormat.count(0), expected: "0"), Format(shown: PageFormat.count(999), expected: "999"),
    Format(shown: PageFormat.count(1_000), expected: "1,000"),
    Format(shown: PageFormat.count(-12_345_678), expected: "−12,345,678"),
    Format(shown: PageFormat.count(1.257), expected: "1.26"),
    Format(shown: PageFormat.count(1e300), expected: "very many"),
    Format(shown: PageFormat.percent(0), expected: "0 %"),
    Format(shown: PageFormat.percent(0.0001), expected: "< 0.1 %"),
    Format(shown: PageFormat.percent(0.0555), expected: "5.6 %"),
    Format(shown: PageFormat.percent(1), expected: "100 %"),
    Format(shown: PageFormat.bytes(0), expected: "0 bytes"),
    Format(shown: PageFormat.bytes(1_023), expected: "1023 bytes"),
    Format(shown: PageFormat.bytes(1_536), expected: "1.5 KiB"),
    Format(shown: PageFormat.bytes(200 * 1_048_576), expected: "200 MiB"),
    Format(shown: PageFormat.bytes(1e18), expected: "888 PiB"),
    Format(shown: PageFormat.duration(seconds: -5), expected: "0 s"),
    Format(shown: PageFormat.duration(seconds: 59.9), expected: "59 s"),
    Format(shown: PageFormat.duration(seconds: 60), expected: "1 min"),
    Format(shown: PageFormat.duration(seconds: 3_661), expected: "1 h 1 min"),
    Format(shown: PageFormat.duration(seconds: 90_000), expected: "1 d 1 h"),
    Format(shown: PageFormat.time(1_772_337_906_789_000), expected: "2026-03-01 04:05:06 UTC"),
  ])
  func formats(row: Format) { #expect(row.shown == row.expected) }

  @Test func windowNames() {
    let names = ["5m", "90s", "1h30m", "2d", "", "m", "5", "5x", "-5m", "٣m", "99999999999999999999m"]
    #expect(names.map(PageFormat.seconds) == [300, 90, 5_400, 172_800, nil, nil, nil, nil, nil, nil, nil])
  }
}

/// The tags and attributes of a document, and what stands inside `bdi`. Fails where the markup is not whole.
struct MarkupShape {
  struct Broken: Error { let at: String }
  /// `a href rel`, `/a`, in their order.
  private(set) var tags: [String] = []
  private(set) var isolated: Set<String> = []

  init(_ page: String) throws {
    let void: Set<String> = ["meta", "br", "!doctype"]
    var open: [String] = []
    var rest = page[...]
    while let start = rest.firstIndex(of: "<") {
      let text = rest[..<start]
      if text.contains(">") { throw Broken(at: String(text.suffix(80))) }
      if open.last == "bdi" { isolated.insert(String(text)) }
      rest = rest[start...].dropFirst()
      let (tag, name) = try Self.tag(&rest)
      tags.append(tag)
      if tag.hasPrefix("/") {
        guard open.popLast() == String(name.dropFirst()) else { throw Broken(at: tag) }
      } else if !void.contains(name), !tag.hasSuffix("/") {
        open.append(name)
        if name == "style" {
          guard let end = rest.firstRange(of: "</style>") else { throw Broken(at: "style") }
          rest = rest[end.lowerBound...]
        }
      }
    }
    guard open.isEmpty, !rest.contains(">") else { throw Broken(at: "end \(open)") }
  }

  /// Reads `a href="…" rel="…">`.
  private static func tag(_ rest: inout Substring) throws -> (shape: String, name: String) {
    var words: [String] = []
    while true {
      rest = rest.drop { $0 == " " }
      if rest.first == ">" {
        rest.removeFirst()
        return (words.joined(separator: " "), words.first ?? "")
      }
      let word = rest.prefix { $0.isLetter || $0.isNumber || "!/-".contains($0) }
      guard !word.isEmpty else { throw Broken(at: String(rest.prefix(80))) }
      words.append(String(word))
      rest = rest.dropFirst(word.count)
      guard rest.first == "=" else { continue }
      rest.removeFirst()
      guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else {
        throw Broken(at: String(rest.prefix(80)))
      }
      if rest[..<end].contains("<") { throw Broken(at: String(rest[..<end])) }
      rest = rest[end...].dropFirst()
    }
  }
}
