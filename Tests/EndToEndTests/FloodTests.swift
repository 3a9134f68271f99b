import TestSupport
import Testing

/// Whoever chooses words without end, against the real program with a state: counts stay exact, memory stays under the bound
/// that docs/limits.md states, who was known before stays named, and so does a single attacker.
@Suite(.serialized) struct FloodTests {
  /// docs/limits.md states it; the state, the windows and a scrape now and then included.
  static let residentLimit = 128 << 20

  private struct Flooded {
    let flood: Flood
    let page: Page
    let peak: Int
  }

  private static func run(_ kind: Flood.Kind) throws -> Flooded {
    let flood = Flood(kind: kind, count: Campaign.size("floods", short: 16_000))
    return try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(["--input.stdin"], input: .pipe, storage: folder + "/state")
      try exporter.process.send(flood.knownEvents(times: 3))
      try flood.write { block in try exporter.process.send(block) }
      try exporter.process.send(flood.knownEvents(times: 2))
      exporter.process.closeInput()
      // Not parsed until it is the last one: it is long.
      let end = "_received_total{input=\"stdin\"} \(flood.count + 5 * Flood.known)\n"
      let last = try exporter.process.wait(for: "every event", secondsLimit: 600) { () -> String? in
        let text = try curl(exporter.url + "/metrics").text
        return text.contains(end) ? text : nil
      }
      let page = try Page(last)
      let peak = try exporter.residentPeakBytes()
      Campaign.report("floods", "\(kind.rawValue): \(flood.count) events, \(peak >> 10) KiB resident at most")
      return Flooded(flood: flood, page: page, peak: peak)
    }
  }

  /// What holds in each flood: exact totals, bounded memory and series, users who were there before it.
  private func expectBounds(_ run: Flooded, sourceLocation: SourceLocation = #_sourceLocation) {
    let (page, count) = (run.page, run.flood.count)
    #expect(run.peak < Self.residentLimit, "\(run.peak >> 10) KiB", sourceLocation: sourceLocation)
    expectBalance(page, sourceLocation: sourceLocation)
    let all = count + 5 * Flood.known
    for family in ["requests_total", "events_counted_total", "events_received_total"] {
      #expect(page.sum("kube_audit_" + family) == all, "\(family)", sourceLocation: sourceLocation)
    }
    for sample in page.samples("kube_audit_series") {
      let limit = page.sum("kube_audit_series_limit", ["family": sample.labels["family"] ?? ""])
      #expect(Int(sample.value) <= limit, "\(sample.labels)", sourceLocation: sourceLocation)
    }
    for user in 0..<Flood.known {
      let series = ["user": "known-\(user)", "source_ip": "192.0.2.\(user)"]
      #expect(
        page.value("kube_audit_denied_requests_total", series) == 5, "known-\(user)", sourceLocation: sourceLocation)
    }
  }

  @Test func manyUsersOfOneSourceIP() throws {
    let run = try Self.run(.users)
    expectBounds(run)
    let (page, count) = (run.page, run.flood.count)
    let refused = "kube_audit_denied_requests_total"
    let attacker = ["source_ip": Flood.attacker]
    #expect(page.sum(refused, attacker) == count, "every refused request bears the attacker's address")
    #expect(page.sum(refused, attacker.merging(["user": "(other)"]) { $1 }) == count - 64)
    #expect(page.samples(refused, attacker).count == 65)
    #expect(page.sum(refused) == count + 5 * Flood.known)
    let window = attacker.merging(["window": "1h"]) { $1 }
    #expect(page.sum("kube_audit_window_denied_requests", window) == count)
    let distinct = try #require(page.value("kube_audit_window_distinct_users", window))
    #expect(abs(distinct - Double(count)) < 0.1 * Double(count), "\(distinct) users estimated of \(count)")
  }

  @Test func manySourceIPs() throws {
    let run = try Self.run(.addresses)
    expectBounds(run)
    let (page, flood) = (run.page, run.flood)
    let refused = "kube_audit_denied_requests_total"
    #expect(page.sum(refused, ["user": "mallory"]) == flood.share(0), "the one user is named in every request")
    #expect(page.samples(refused, ["user": "mallory"]).count == 65)
    let rest = ["user": "(other)", "source_ip": "(other)"]
    #expect(page.sum(refused, ["user": "system:anonymous"]) + page.sum(refused, rest) == flood.share(1))
    #expect(page.sum(refused) == flood.count + 5 * Flood.known)
    #expect(page.samples(refused).count <= 5_000 + 3)
  }

  @Test func everyWordAtOnce() throws {
    let run = try Self.run(.everything)
    expectBounds(run)
    let (page, flood) = (run.page, run.flood)
    #expect(page.sum("kube_audit_denied_requests_total") == flood.share(0) + 5 * Flood.known)
    #expect(page.sum("kube_audit_server_errors_total") == flood.share(1))
    #expect(page.sum("kube_audit_rbac_mutations_total") == flood.share(2))
    #expect(page.sum("kube_audit_tracked_requests_total", ["object": "secrets"]) == flood.share(3))
    #expect(page.sum("kube_audit_impersonated_requests_total") == flood.count)
    let verbs = Set(page.samples("kube_audit_requests_total").compactMap { $0.labels["verb"] })
    #expect(verbs == ["get", "create", "(other)"])
    for letter in "abcdefghijkl".prefix(flood.clusters) {
      let errors = page.samples("kube_audit_server_errors_total", ["k8s_cluster": "c\(letter)"])
      let resources = Set(errors.compactMap { $0.labels["resource"] })
      #expect(resources.contains("(other)") && resources.count <= 513, "\(resources.count) resources")
    }
  }
}
