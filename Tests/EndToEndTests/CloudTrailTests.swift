import Glibc
import TestSupport
import Testing

/// `replay` of files of CloudTrail, against a count that knows nothing of the exporter (Tests/Tools/cloudtrail.py).
@Suite struct CloudTrailTests {
  static let families = [
    "kube_audit_cloud_api_calls_total", "kube_audit_window_cloud_api_calls",
    "kube_audit_cluster_logging_changes_total", "kube_audit_window_cluster_logging_changes",
    "kube_audit_role_assumptions_total", "kube_audit_cloud_insight_calls_per_minute",
    "kube_audit_cloud_insight_baseline_calls_per_minute",
  ]

  /// A series as text, its labels in order.
  static func series(_ name: String, _ labels: [String: String], _ value: Double) -> String {
    "\(name) \(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }) \(value)"
  }

  /// Random files, and what must be counted of them.
  private struct Told {
    let files: [String]
    let accounts: [String: Int]
    /// As `series` writes them.
    let series: Set<String>

    init(seed: Int, files count: Int, folder: String) throws {
      let python = try Program.tool("python3", package: "python3")
      let told = try Process.run(
        [python, Files.beside("../Tools/cloudtrail.py"), "\(seed)", "\(count)", folder], secondsLimit: 120)
      try #require(told.status == 0, "\(told.errorText)")
      let expected = try JSON.parse(told.output)
      files = (expected["files"]?.array ?? []).compactMap(\.string)
      accounts = (expected["accounts"]?.object ?? [:]).mapValues { Int($0.number ?? -1) }
      series = Set(
        (expected["series"]?.array ?? []).compactMap { row in
          guard let row = row.array, row.count == 3, let name = row[0].string, let labels = row[1].object else {
            return nil
          }
          return CloudTrailTests.series(name, labels.compactMapValues(\.string), row[2].number ?? -1)
        })
    }
  }

  private static func found(_ page: Page, _ families: some Sequence<String>) -> Set<String> {
    let families = Set(families)
    return Set(page.samples.filter { families.contains($0.name) }.map { series($0.name, $0.labels, $0.value) })
  }

  @Test func randomFilesCountAsTheOracleSays() throws {
    var records = 0
    for number in 0..<Campaign.size("cloudtrail", short: 6) {
      let seed = Campaign.seed + number
      try Files.withTemporaryFolder { folder in
        let told = try Told(seed: seed, files: 2 + seed % 7, folder: folder)
        let page = try Program.replay(told.files)
        expectBalance(page)
        for (name, count) in told.accounts {
          #expect(page.sum("kube_audit_events_\(name)_total") == count, "seed \(seed), \(name)")
        }
        records += page.sum("kube_audit_events_received_total")
        let found = Self.found(page, Self.families)
        #expect(told.series.count > 10)
        #expect(told.series.subtracting(found) == [], "seed \(seed)")
        // Of two insights that began at once the oracle leaves the choice.
        let more = found.subtracting(told.series).filter { !$0.contains("cloud_insight") }
        #expect(more == [], "seed \(seed)")
      }
    }
    Campaign.report("cloudtrail", "\(records) records counted as the oracle counts them")
  }

  /// Files are pushed, some more than once and to two paths, and the exporter is killed before and after its answers: what was
  /// answered is counted, and nothing twice.
  @Test func pushedFilesCountOnceThoughTheExporterIsKilled() throws {
    var (kills, records) = (0, 0)
    for number in 0..<Campaign.size("cloudtrail_kills", short: 1) {
      let seed = Campaign.seed + number
      var random = SplitMix64(seed: UInt64(seed))
      try Files.withTemporaryFolder { folder in
        let told = try Told(seed: seed, files: 8, folder: folder)
        var exporter = try Exporter(webhook: true, storage: folder + "/state")
        func kill() throws {
          exporter.process.signal(SIGKILL)
          _ = try exporter.process.waitForExit()
          exporter = try Exporter(webhook: true, storage: folder + "/state", ports: exporter)
          kills += 1
        }
        for (at, file) in (told.files + told.files).shuffled(using: &random).enumerated() {
          let body = try Files.read(file)
          let encoding = file.hasSuffix(".gz") ? "gzip" : "identity"
          let path = at % 2 == 0 ? "/webhook" : "/webhook/default"
          if random.chance(30), let port = exporter.pushPort {
            let connection = try RawConnection(port: port)
            connection.send(
              "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Encoding: \(encoding)\r\nContent-Length: \(body.count)\r\n\r\n"
            )
            connection.send(body)
            try kill()
          }
          let answer = try exporter.push(body, to: path, ["-H", "Content-Encoding: \(encoding)"])
          #expect(answer.status == 200, "seed \(seed): \(answer.text)")
          if random.chance(30) { try kill() }
        }
        let page = try exporter.scrape()
        expectBalance(page)
        let totals = Self.families.filter { $0.hasSuffix("_total") }
        let wanted = told.series.filter { row in totals.contains { row.hasPrefix($0 + " ") } }
        #expect(Self.found(page, totals) == wanted, "seed \(seed)")
        #expect(page.sum("kube_audit_events_counted_total") == told.accounts["counted"])
        #expect(page.sum("kube_audit_events_not_a_request_total") == told.accounts["not_a_request"])
        records += page.sum("kube_audit_events_received_total")
      }
    }
    #expect(kills > 0)
    Campaign.report("cloudtrail_kills", "\(records) records received, \(kills) kills")
  }

  /// LookupEvents, with records that come late and in no order, through faults and kills: each is counted once.
  @Test func everyRecordThatIsLookedUpOnce() throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    try Files.withTemporaryFolder { folder in
      let seconds = Campaign.size("lookups", short: 8)
      let server = try CloudWatchServer(
        folder: folder, #"{"seconds": \#(seconds), "seed": \#(Campaign.seed)}"#, script: "cloudtrail_server.py")
      let settings = """
        inputs:
          cloudtrail: {targets: [eu-west-1], poll_interval: 1s, overlap: 20s, look_back: 60s}
        """
      func start() throws -> Exporter {
        try Exporter(
          configuration: settings, folder: folder, storage: folder + "/state", environment: server.environment)
      }
      var (exporter, kills) = (try start(), 0)
      while try server.facts()["is_over"]?.bool != true {
        usleep(UInt32(random.pick(200_000...3_000_000)))
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
        kills += 1
        exporter = try start()
      }
      let facts = try server.facts()
      let accounts = facts["accounts"]?.object ?? [:]
      let wanted = Set(
        (facts["series"]?.array ?? []).compactMap { row in
          row.array.map {
            Self.series($0[0].string ?? "", ($0[1].object ?? [:]).compactMapValues(\.string), $0[2].number ?? -1)
          }
        })
      let totals = Self.families.filter { $0.hasSuffix("_total") }
      func compare(_ what: String) throws {
        let counted = accounts["counted"]?.number.map { Int($0) } ?? -1
        let page = try exporter.page(what) { $0.sum("kube_audit_events_counted_total") >= counted }
        expectBalance(page)
        #expect(page.sum("kube_audit_events_counted_total") == counted)
        #expect(Self.found(page, totals) == wanted)
      }
      try compare("all records")
      let before = facts["whole"]?.number ?? 0
      try exporter.process.wait(for: "more whole answers", secondsLimit: 120) {
        try server.facts()["whole"]?.number ?? 0 > before + 3 ? true : nil
      }
      try compare("the same records")
      let last = try server.facts()
      #expect(last["violations"]?.array?.isEmpty == true, "\(String(describing: last["violations"]))")
      // What docs/cloudtrail.md allows is all that is called.
      #expect(last["actions"]?.array?.compactMap(\.string) == ["cloudtrail:LookupEvents"])
      #expect(
        try String(decoding: Files.read(Files.beside("../../docs/cloudtrail.md")), as: UTF8.self)
          .contains(#""Action": ["cloudtrail:LookupEvents"]"#))
      let faults = (last["faults"]?.object ?? [:]).map { "\($0.key) \(Int($0.value.number ?? 0))" }.sorted()
      Campaign.report("lookups", "\(Int(accounts["counted"]?.number ?? 0)) records, \(kills) kills; \(faults)")
    }
  }
}
