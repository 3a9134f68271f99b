import Diagnostics
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
    let window = (Label.window, text)
    readings[.windowRequests].append([cluster, window, (.codeClass, text)], 7)
    readings[.windowDeniedRequests].append(
      [cluster, window, (.code, text), (.reason, text), (.user, text), (.sourceIP, text)], 3)
    readings[.windowRBACMutations].append(
      [cluster, window, (.resource, text), (.verb, text), (.user, text), (.outcome, text)], 2)
    readings[.eventLag].append([cluster, (.input, text)], 900)
    readings[.eventLag].append([cluster, (.input, text + "2")], 90)
    readings[.series].append([(.family, text)], 3)
    readings[.seriesLimit].append([(.family, text)], 4)
    return PageModel(
      readings: readings, inputs: [.init(name: text, status: status)], version: text, startedAt: 0, now: 0,
      linkPrefix: "/" + text, telemetryPath: "/" + text, obstacle: text, documentationURL: "x" + text)
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

  @Test func thePageIsWholeWhateverItShows() throws {
    for model in [PageSamples.empty, PageSamples.busy] {
      let page = String(decoding: Page.render(model), as: UTF8.self)
      _ = try MarkupShape(page)
      #expect(!page.contains("nan") && !page.contains("inf "))
    }
    let busy = String(decoding: Page.render(PageSamples.busy), as: UTF8.self)
    for text in [
      "91,130", "2,062", "3.4 %", "3 min 10 s", "in the last 5 min", "dr-silent", "running for 3 d 2 h",
      "20 % of 16.0 MiB", "HTTP 503: 12", "never",
    ] {
      #expect(busy.contains(text), "\(text)")
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

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func sumsAndRanksEqualBruteForce(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var readings = Readings()
    var expected: [String: [String: Double]] = ["user": [:], "ip": [:], "cluster": [:]]
    var seen = Set<String>()
    for _ in 0..<300 {
      let (cluster, user, ip) = ("c\(random.pick(0...3))", "u\(random.pick(0...40))", "10.0.0.\(random.pick(0...20))")
      let window = ["1h", "90s", "15m"][random.pick(0...2)]
      guard seen.insert("\(cluster) \(user) \(ip) \(window)").inserted else { continue }
      let count = Double(random.pick(1...50))
      readings[.windowDeniedRequests].append(
        [
          (.cluster, cluster), (.window, window), (.code, "403"), (.reason, "authorization"), (.user, user),
          (.sourceIP, ip),
        ], count)
      guard window == "90s" else { continue }
      expected["user"]?[user, default: 0] += count
      expected["ip"]?[ip, default: 0] += count
      expected["cluster"]?[cluster, default: 0] += count
    }
    let figures = PageFigures(readings)
    #expect(figures.window == "90s")
    #expect(Dictionary(uniqueKeysWithValues: figures.users.map { ($0.name, $0.count) }) == expected["user"])
    #expect(Dictionary(uniqueKeysWithValues: figures.sourceIPs.map { ($0.name, $0.count) }) == expected["ip"])
    #expect(Dictionary(uniqueKeysWithValues: figures.clusters.map { ($0.name, $0.denied) }) == expected["cluster"])
    #expect(figures.users.map(\.count) == figures.users.map(\.count).sorted(by: >))
    #expect(figures.denied == expected["cluster"]?.values.reduce(0, +))
  }

  @Test func thePageStaysSmall() {
    var model = PageSamples.busy
    for at in 0..<20_000 {
      model.readings[.windowDeniedRequests].append(
        [
          (.cluster, "c\(at % 1_000)"), (.window, "5m"), (.reason, "authorization"), (.user, "user-\(at)"),
          (.sourceIP, "10.1.\(at % 200).1"),
        ],
        1)
    }
    model.inputs[0].status.sources = (0..<5_000).map { .init(name: "/log/\($0)", readBytes: 1, totalBytes: 2) }
    let page = Page.render(model)
    #expect(page.count < 64 << 10)
    let text = String(decoding: page, as: UTF8.self)
    #expect(text.contains("and 4,980 more sources") && text.contains("and 954 more clusters"))
  }

  @Test func thePolicyNamesThePagesOnlyStyle() throws {
    let hash = try Process.run(["sh", "-c", "openssl dgst -sha256 -binary | base64"], input: Array(Page.style.utf8))
    #expect(hash.outputText == Page.styleHash + "\n", "put this into Page.styleHash")
    let page = String(decoding: Page.render(PageSamples.busy), as: UTF8.self)
    #expect(page.components(of: "<style>\(Page.style)</style>") == 1)
    #expect(page.components(of: "style=") == 0, "the policy forbids style attributes")
    let policy = Page.securityHeaders.first { $0.name == "Content-Security-Policy" }?.value ?? ""
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
