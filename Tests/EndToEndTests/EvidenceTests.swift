import Glibc
import TestSupport
import Testing

/// Evidence through the real program: events in, who and from where out, over kills, for those who may see it.
@Suite struct EvidenceTests {
  private static let path = "/api/v1/evidence"
  private static let rules = """
    - rule: Pods read
      desc: d
      condition: ka.verb = get
      output: o
      priority: WARNING
      source: k8s_audit

    """

  /// Of `pw`.
  private static let hash = "$2b$04$G5keZoaR2yfhVUOYb/9fBucEt96EegX3gd4DMig35ek7LdkZmj.tW"

  private static func refused(_ number: Int, _ user: String, from ip: String = "203.0.113.7") -> Event {
    Event(user: user, sourceIP: ip, code: 403, decision: "forbid", number: number, time: Event.now)
  }

  /// What a question finds, as `field=value` of these fields.
  private func found(_ exporter: Exporter, _ query: String, _ fields: [String], _ arguments: [String] = []) throws
    -> [String]
  {
    let answer = try curl(exporter.url + Self.path + query, arguments)
    #expect(answer.status == 200, "\(answer.text)")
    let rows = try JSON.parse(answer.body)["evidence"]?.array ?? []
    return rows.map { row in fields.map { row[$0]?.string ?? "-" }.joined(separator: " ") }
  }

  @Test func whoIsWokenSeesTheEvents() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.rules.utf8), to: folder + "/rules.yaml")
      let arguments = ["--rules.file", folder + "/rules.yaml"]
      var exporter = try Exporter(arguments, webhook: true, storage: folder + "/data")
      let hostile = #"<b>\"x\" & y"#
      let events =
        (0..<30).map { Self.refused($0, "alice") } + [Self.refused(30, "bob", from: "192.0.2.9")]
        + [Self.refused(31, hostile)]
      #expect(try exporter.push(Event.list(events.map(\.json))).status == 200)

      // Nothing is lost by a kill: what was answered was committed.
      exporter.process.signal(SIGKILL)
      _ = try exporter.process.waitForExit()
      exporter = try Exporter(arguments, webhook: true, storage: folder + "/data", ports: exporter)

      let refusals = try found(exporter, "?reason=authorization", ["user", "source_ip", "audit_id"])
      #expect(refusals.count == 3)
      #expect(refusals.contains("alice 203.0.113.7 00000000-0000-4000-8000-000000000029"), "the last one")
      let ofRule = try found(exporter, "?rule=Pods+read&limit=500", ["priority", "audit_id"])
      #expect(ofRule.count == 20)
      #expect(ofRule.allSatisfy { $0.hasPrefix("warning ") })
      #expect(Set(ofRule.map { $0.suffix(2) }) == Set((12...31).map { "\($0)".suffix(2) }), "the last twenty")
      #expect(
        try found(exporter, "?source_ip=192.0.2.9&reason=authorization", ["user", "code", "verb", "resource"]) == [
          "bob 403 get pods"
        ])
      #expect(try found(exporter, "?user=nobody", []).isEmpty)
      #expect(try found(exporter, "?since=1h&limit=1", ["user"]).count == 1)
      #expect(try found(exporter, "?until=2020-01-01T00:00:00Z", []).isEmpty)
      // A value is one, whatever it holds.
      let name = try found(exporter, "?user=%3Cb%3E%22x%22+%26+y&reason=authorization", ["user"])
      #expect(name == [#"<b>"x" & y"#])

      let page = try exporter.look(at: "/evidence?user=%3Cb%3E%22x%22+%26+y")
      #expect(page.headers["content-security-policy"]?.contains("form-action 'self'") == true)
      #expect(page.text.contains("&lt;b&gt;&quot;x&quot; &amp; y") && !page.text.contains("<b>\"x"))
      #expect(try exporter.look().text.contains("/evidence?user=alice"), "the page links to it")
      let wrong = try curl(exporter.url + Self.path + "?usr=alice")
      #expect(wrong.status == 400 && wrong.text.contains("source_ip"))
      #expect(try curl(exporter.url + Self.path + "?since=soon").text.contains("since is no time"))
      #expect(try curl(exporter.url + "/evidence?limit=0").status == 400)
      let ages = String(repeating: "1000000d", count: 200)
      for path in [
        "/evidence?since=\(ages)", Self.path + "?until=\(ages)", Self.path + "?since=-1", Self.path + "?since=nan",
      ] {
        #expect(try curl(exporter.url + path).status == 400)
      }
    }
  }

  /// Switched off, what was kept goes, and does not come back with other series.
  @Test func switchedOffItIsForgotten() throws {
    try Files.withTemporaryFolder { folder in
      for (bytes, kept) in [("4MiB", 1), ("0", 0), ("4MiB", 0)] {
        let exporter = try Exporter(
          configuration: "limits:\n  evidence_bytes: \(bytes)\n", folder: folder, webhook: true,
          storage: folder + "/data")
        if kept == 1 { #expect(try exporter.push(Event.list([Self.refused(1, "alice").json])).status == 200) }
        if bytes != "0" { #expect(try found(exporter, "", ["user"]).count == kept) }
        exporter.process.signal(SIGTERM)
        #expect(try exporter.process.waitForExit() == 0)
      }
    }
  }

  /// OpenMetrics leads from a counter to the event that it counted last; the text format cannot.
  @Test func exemplarsNameTheLastEvent() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.rules.utf8), to: folder + "/rules.yaml")
      let exporter = try Exporter(["--rules.file", folder + "/rules.yaml"], webhook: true)
      let events =
        [Self.refused(1, "alice"), Self.refused(2, "alice"), Self.refused(3, "bob")].map(\.json)
        // IDs that clients chose: one that would break out of its label, and one that is too long.
        + [
          Self.refused(4, "eve").json.replacing("00000000-0000-4000-8000-000000000004", with: #"x\"} 1 # {\u202e"#),
          Self.refused(5, "mal").json.replacing("-4000-", with: String(repeating: "long", count: 30)),
        ]
      #expect(try exporter.push(Event.list(events)).status == 200)
      let page = try curl(exporter.url + "/metrics", ["-H", "Accept: application/openmetrics-text;version=1.0.0"])
      let shown = try JSON.parse(Program.python("parse_exposition.py", ["exemplars"], input: page.body)).array ?? []
      let denied = shown.filter { $0["name"]?.string == "kube_audit_denied_requests_total" }
      #expect(
        Dictionary(denied.map { ($0["user"]?.string ?? "", $0["audit_id"]?.string ?? "") }) { $1 } == [
          "alice": "00000000-0000-4000-8000-000000000002", "bob": "00000000-0000-4000-8000-000000000003",
        ])
      #expect(shown.allSatisfy { $0["value"]?.int == 1 })
      #expect(
        !shown.contains { $0["name"]?.string == "kube_audit_detections_total" }, "the last event has too long an ID")
      #expect(try exporter.push(Event.list([Self.refused(6, "zoe").json])).status == 200)
      // A scrape is shared for a second.
      try exporter.process.wait(for: "the exemplar of the next event") {
        let later = try curl(exporter.url + "/metrics", ["-H", "Accept: application/openmetrics-text;version=1.0.0"])
        let rows = try JSON.parse(Program.python("parse_exposition.py", ["exemplars"], input: later.body)).array ?? []
        let detection = rows.first { $0["name"]?.string == "kube_audit_detections_total" }
        return detection?["audit_id"]?.string == "00000000-0000-4000-8000-000000000006" ? true : nil
      }
      #expect(try !curl(exporter.url + "/metrics").text.contains("audit_id"))
    }
  }

  /// Behind authentication as everything is, and not there at all when none is kept.
  @Test func nobodyElseSeesIt() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array("basic_auth_users:\n  ann: \(Self.hash)\n".utf8), to: folder + "/web.yaml")
      let login = ["-u", "ann:pw"]
      let exporter = try Exporter(["--web.config.file", folder + "/web.yaml"], webhook: true, client: login)
      #expect(try exporter.push(Event.list([Self.refused(1, "alice").json])).status == 200)
      for path in [Self.path, "/evidence"] {
        #expect(try curl(exporter.url + path).status == 401)
        #expect(try curl(exporter.url + path, login).status == 200)
      }
      #expect(try found(exporter, "", ["user"], login) == ["alice"])
      let none = try Exporter(configuration: "limits:\n  evidence_bytes: 0\n", folder: folder, webhook: true)
      #expect(try none.push(Event.list([Self.refused(1, "alice").json])).status == 200)
      for path in [Self.path, "/evidence"] { #expect(try curl(none.url + path).status == 404) }
      #expect(try !none.look().text.contains("/evidence"))
    }
  }
}
