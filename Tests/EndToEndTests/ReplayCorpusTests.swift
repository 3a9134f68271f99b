import TestSupport
import Testing

/// `replay` of files that nobody here wrote, held against an independent counter's results (`EXPECTED.json`).
@Suite struct ReplayCorpusTests {
  static let folders = Result {
    let find = [
      "find", Files.beside("../Corpora"), "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%f\n",
    ]
    return try Process.run(find).outputText.split(separator: "\n").map { String($0) }.sorted()
  }

  private static func path(_ folder: String, _ file: String) -> String {
    Files.beside("../Corpora/\(folder)/\(file)")
  }

  private static func expected(_ folder: String) throws -> [(file: String, counts: JSON)] {
    let document = try JSON.parse(Files.read(path(folder, "EXPECTED.json")))
    let files = try #require(document["by_file"]?.object)
    return files.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  @Test func thereAreManyCorpora() throws { #expect(try Self.folders.get().count >= 10) }

  @Test(arguments: try folders.get())
  func everyFileCountsAsExpected(folder: String) throws {
    let files = try Self.expected(folder)
    #expect(!files.isEmpty)
    for (file, counts) in files {
      let page = try Program.replay([Self.path(folder, file)])
      expectBalance(page)
      CorpusCounts(file: "\(folder)/\(file)", page: page, expected: counts).expectEqual()
    }
  }

  /// All files of a folder in one run add up.
  @Test(arguments: try folders.get())
  func aFolderAddsUp(folder: String) throws {
    let files = try Self.expected(folder)
    let page = try Program.replay(files.map { Self.path(folder, $0.file) })
    let sum = files.reduce(0) { $0 + ($1.counts["counted"]?.int ?? 0) }
    #expect(page.sum("kube_audit_requests_total") == sum)
    expectBalance(page)
  }
}

/// One file's page against the independent counter's results.
struct CorpusCounts {
  let file: String
  let page: Page
  let expected: JSON

  func expectEqual() {
    let denied = "kube_audit_denied_requests_total"
    let rbac = "kube_audit_rbac_mutations_total"
    hold(page.sum("kube_audit_requests_total"), number("counted"), "requests")
    hold(page.sum("kube_audit_events_counted_total"), number("counted"), "counted")
    hold(
      page.sum("kube_audit_events_counted_total") + page.sum("kube_audit_events_not_a_request_total"),
      number("events_decoded"), "events decoded")
    hold(page.sums("kube_audit_requests_total", by: ["code"]), codes, "codes")
    hold(page.sums("kube_audit_requests_total", by: ["verb"]), verbs, "verbs")
    hold(page.sums("kube_audit_events_by_stage_total", by: ["audit_stage"]), stages, "stages")
    hold(page.sum(denied, ["code": "401"]), number("http_401"), "401")
    let forbidden = page.sums(denied, by: ["reason"], ["code": "403"])
    hold(forbidden["authorization"] ?? 0, number("http_403", "forbid"), "403 by the authorizer")
    hold(forbidden["admission"] ?? 0, number("http_403", "admission"), "403 by admission")
    hold((forbidden["impersonation"] ?? 0) + (forbidden["unknown"] ?? 0), number("http_403", "other"), "403, other")
    hold(
      page.sums(denied, by: ["user", "source_ip"], ["code": "403"]),
      Expected.pairs(expected["forbidden_by_user_ip"], source: "last_source_ip"), "403 by user and source IP")
    hold(page.sum("kube_audit_server_errors_total"), number("http_5xx"), "5xx")
    hold(page.sum(rbac), number("rbac", "total"), "RBAC mutations")
    hold(page.sums(rbac, by: ["verb", "resource"]), Expected.counts(expected["rbac"]?["by"]), "RBAC mutations")
    hold(
      page.sum(rbac, ["outcome": "success"]) + page.sum(rbac, ["outcome": "dry_run"]), number("rbac", "succeeded"),
      "RBAC mutations that succeeded")
  }

  private func hold<V: Equatable>(_ found: V, _ wanted: V, _ what: String) {
    #expect(found == wanted, "\(file): \(what)")
  }

  private func number(_ keys: String...) -> Int {
    keys.reduce(expected) { $0[$1] ?? .null }.int ?? -1
  }

  private var codes: [String: Int] { Expected.renamed(Expected.counts(expected["by_code"]), ["none": "unknown"]) }

  private var stages: [String: Int] { Expected.renamed(Expected.counts(expected["by_stage"]), ["none": "unknown"]) }

  /// A verb that no API has is `(other)`: clients choose verbs.
  private var verbs: [String: Int] {
    let found = Expected.counts(expected["by_verb"])
    let names = found.keys.map { ($0, $0 == "none" ? "(none)" : Expected.verbs.contains($0) ? $0 : "(other)") }
    return Expected.renamed(found, Dictionary(uniqueKeysWithValues: names))
  }
}
