import Glibc
import TestSupport
import Testing

/// The real program reads CloudWatch Logs: a server that misbehaves on purpose, over TLS, and moto for the plain way.
@Suite(.serialized) struct CloudWatchTests {
  private static func configuration(_ targets: String = "[eu-west-1]", rate: Int = 100, lookBack: String = "2m")
    -> String
  {
    """
    inputs:
      cloudwatch:
        targets: \(targets)
        poll_interval: 1s
        overlap: 10s
        look_back: \(lookBack)
        discovery_interval: 2s
        requests_per_second: \(rate)

    """
  }

  /// Killed again and again while events come late, calls fail and tokens expire: in the end each event is counted once.
  @Test func everyEventOnceThroughFaultsAndKills() throws {
    let groups = Campaign.size("log_groups", short: 6)
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    try Files.withTemporaryFolder { folder in
      // Many groups take longer for a round: fewer faults, each of which stops all of them, and longer lives.
      let isLarge = groups > 20
      let more = isLarge ? #""seconds": 240, "rate": 2, "share": 0.2"# : #""seconds": 8, "rate": 8"#
      let server = try CloudWatchServer(
        folder: folder, #"{"groups": \#(groups), "seed": \#(Campaign.seed), \#(more)}"#)
      func start() throws -> Exporter {
        try Exporter(
          configuration: Self.configuration(), folder: folder, storage: folder + "/state",
          environment: server.environment)
      }
      var exporter = try start()
      var kills = 0
      var last: (found: [String: Int], wanted: [String: Int]) = ([:], [:])
      while try server.facts()["is_over"]?.bool != true {
        usleep(UInt32(random.pick(200_000...(isLarge ? 30_000_000 : 3_000_000))))
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
        kills += 1
        exporter = try start()
      }
      let wanted = try server.expected()
      func compare(_ what: String) throws {
        var found: [String: Int] = [:]
        _ = try? exporter.page(what, secondsLimit: isLarge ? 600 : 90) { page in
          found = CloudWatchServer.counted(page)
          return found["events_received"] ?? 0 >= wanted["events_received"] ?? 0
        }
        last = (found, wanted)
        let wrong = Set(found.keys).union(wanted.keys).filter { found[$0] != wanted[$0] }.sorted()
        #expect(wrong.isEmpty, "\(wrong.prefix(9).map { "\($0): \(found[$0] ?? 0), not \(wanted[$0] ?? 0)" })")
      }
      try compare("all events")
      // Whatever is asked for again now was there before.
      try server.calm()
      let before = try server.wholeQueries()
      try exporter.process.wait(for: "more queries of each group", secondsLimit: 300) {
        let now = try server.wholeQueries()
        return before.allSatisfy { now[$0.key, default: 0] > $0.value + 5 } ? true : nil
      }
      try compare("the same events")
      let names = Set(last.found.keys).union(last.wanted.keys).filter { !$0.hasPrefix("events_") }
      let differences = names.map { last.found[$0, default: 0] - last.wanted[$0, default: 0] }
      let lost = -differences.filter { $0 < 0 }.reduce(0, +)
      let doubled = differences.filter { $0 > 0 }.reduce(0, +)
      try check(server, exporter, groups: groups, "\(lost) lost, \(doubled) doubled; \(kills) kills")
    }
  }

  private func check(_ server: CloudWatchServer, _ exporter: Exporter, groups: Int, _ outcome: String) throws {
    let facts = try server.facts()
    #expect(facts["violations"]?.array?.isEmpty == true, "\(String(describing: facts["violations"]))")
    // What docs/eks.md allows is all that is called.
    let actions = Set((facts["actions"]?.array ?? []).compactMap(\.string))
    #expect(try actions == Self.documentedActions())
    let page = try exporter.scrape()
    expectBalance(page)
    let labels = ["cloud_account": "123456789012", "cloud_region": "eu-west-1"]
    #expect(page.sum("kube_audit_log_groups", labels.merging(["state": "read"]) { $1 }) == groups + 1)
    #expect(page.sum("kube_audit_log_groups", labels.merging(["state": "refused"]) { $1 }) == 1)
    let until = try #require(page.value("kube_audit_log_groups_read_timestamp_seconds", labels))
    #expect(until > Event.clock - 300 && until < Event.clock + 5)
    #expect(exporter.process.errorText.contains("infrequent-access class"))
    let asked = page.sum("kube_audit_cloud_requests_total", ["operation": "FilterLogEvents", "outcome": "success"])
    #expect(asked > 0)
    let faults = (facts["faults"]?.object ?? [:]).map { "\($0.key) \(Int($0.value.number ?? 0))" }.sorted()
    let minutes = (facts["running_seconds"]?.number ?? 60) / 60
    let pages = (facts["pages"]?.number ?? 0) / Double(groups + 1) / minutes
    let found = (facts["discovery_seconds"]?.array ?? []).compactMap(\.number).max() ?? 0
    Campaign.report(
      "log_groups",
      "\(groups + 1) log groups, \(page.sum("kube_audit_events_received_total")) events, \(outcome); "
        + "\(Int(pages)) pages a group and minute at an interval of 1 s; a new group found after \(found) s at most; "
        + "\(faults.joined(separator: ", "))")
  }

  /// The actions of the first policy of docs/eks.md.
  private static func documentedActions() throws -> Set<String> {
    let text = String(decoding: try Files.read(Files.beside("../../docs/eks.md")), as: UTF8.self)
    let block = text.split(separator: "```json").dropFirst().first?.split(separator: "```").first ?? ""
    let statements = try JSON.parse(String(block)).object?["Statement"]?.array ?? []
    return Set(statements.flatMap { $0.object?["Action"]?.array ?? [] }.compactMap(\.string))
  }

  /// A role of another account, and a region where nothing is allowed: the one is read, the other says what is missing.
  @Test func aFailingTargetStopsNoOther() throws {
    try Files.withTemporaryFolder { folder in
      let server = try CloudWatchServer(
        folder: folder,
        #"{"groups": 2, "seconds": 1, "late_groups": 0, "overlap": 2, "faults": false, "history": 30, "denied_regions": ["us-east-1"]}"#
      )
      let role = "arn:aws:iam::123456789012:role/audit-reader"
      let targets = """
        [{region: us-east-1}, {region: eu-west-1, role_arn: "\(role)", external_id: shared-word, cluster_prefix: b-}]
        """
      let exporter = try Exporter(
        configuration: Self.configuration(targets), folder: folder, environment: server.environment)
      let wanted = try server.expected()
      let page = try exporter.page("all events") {
        $0.sum("kube_audit_events_received_total") >= wanted["events_received"] ?? 0
      }
      #expect(CloudWatchServer.counted(page)["events_counted"] == wanted["events_counted"])
      #expect(page.sum("kube_audit_requests_total", ["k8s_cluster": "b-c000"]) > 0)
      #expect(page.value("kube_audit_input_up", ["input": "cloudwatch"]) == 0)
      #expect(page.sum("kube_audit_input_errors_total", ["reason": "denied"]) > 0)
      let line = try exporter.process.waitForLine("the refusal") { $0.contains("cannot list log groups") }
      for word in ["us-east-1", "AccessDeniedException", "logs:DescribeLogGroups", "docs/eks.md", "environment"] {
        #expect(line.contains(word), "\(line)")
      }
      let signers = try #require(try server.facts()["signers"]?.array).compactMap(\.string)
      #expect(Set(signers) == ["AKIDTEST", "ASIAROLE1"])
      #expect(!exporter.process.errorText.contains("secret"))
    }
  }

  /// More log groups than the rate allows for: the log says what binds, and the gauge how far behind it is.
  @Test func aQuotaThatBindsIsNamed() throws {
    try Files.withTemporaryFolder { folder in
      let server = try CloudWatchServer(
        folder: folder,
        #"{"groups": 8, "seconds": 60, "late_groups": 0, "overlap": 2, "faults": false, "history": 5}"#)
      let exporter = try Exporter(
        configuration: Self.configuration(rate: 1, lookBack: "0s"), folder: folder, environment: server.environment)
      let line = try exporter.process.waitForLine("what binds") { $0.contains("poll_interval") }
      for word in ["region=eu-west-1", "requests_per_second: 1 ", "log_groups=8", "late_seconds=", "docs/eks.md"] {
        #expect(line.contains(word), "\(line)")
      }
      func behind(_ page: Page) -> Double {
        page.value("kube_audit_log_groups_read_timestamp_seconds").map { Event.clock - $0 } ?? .infinity
      }
      // All were read once; and a round takes eight seconds.
      try exporter.page("a first round") { behind($0) < 30 }
      let page = try exporter.page("the group that waits longest") { behind($0) > 4 }
      #expect(page.value("kube_audit_input_up", ["input": "cloudwatch"]) == 1)
    }
  }

  /// What cannot work is said at the start, in one sentence that names the link and what to do; nothing else needs it.
  @Test func whatIsMissingIsNamed() throws {
    try Files.withTemporaryFolder { folder in
      let library = folder + "/without_libraries.so"
      let built = try Process.run([
        try Program.tool("gcc", package: "gcc"), "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        Files.beside("Tools/without_libraries.c"),
      ])
      try #require(built.status == 0, "\(built.errorText)")
      let read = ["--input.cloudwatch.region", "eu-west-1"]
      let rows: [([String: String], [String])] = [
        (["LD_PRELOAD": library], ["libcurl", "Install"]),
        (["AWS_SECRET_ACCESS_KEY": ""], ["AWS_SECRET_ACCESS_KEY is not", "Set both"]),
        (["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""], ["no credentials are configured", "Pod Identity"]),
        (["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "audit"], ["audit"]),
      ]
      for (variables, words) in rows {
        let ended = try RunningProcess(
          [Program.path, "serve", "--storage.path", "", "--web.listen-address", "127.0.0.1:0"] + read,
          environment: CloudWatchServer.environment(variables))
        #expect(try ended.waitForExit() == 1)
        let line = ended.errorText.split(separator: "\n").last ?? ""
        #expect(words.allSatisfy { line.contains($0) }, "\(line)")
      }
      try Files.write(Event.lines(0..<3), to: folder + "/audit.log")
      let exporter = try Exporter(["--input.file", folder + "/audit.log"], environment: ["LD_PRELOAD": library])
      try exporter.page(received: 3)
    }
  }

  /// A token that nobody wrote: the link is named while the program runs, and what it says is counted.
  @Test func aLinkThatFailsIsNamed() throws {
    let environment = CloudWatchServer.environment([
      "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
      "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/audit", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
    ])
    let exporter = try Exporter(["--input.cloudwatch.region", "eu-west-1"], environment: environment)
    let line = try exporter.process.waitForLine("the link") { $0.contains("cannot list log groups") }
    for word in ["region=eu-west-1", "credentials_web_identity", "/nowhere/token"] {
      #expect(line.contains(word), "\(line)")
    }
    let page = try exporter.page("an error") {
      $0.sum("kube_audit_input_errors_total", ["input": "cloudwatch", "reason": "credentials_web_identity"]) > 0
    }
    #expect(page.value("kube_audit_input_up", ["input": "cloudwatch"]) == 0)
    #expect(try curl(exporter.url + "/-/ready").text.contains("cloudwatch"))
  }

  /// The plain way, against the double of AWS that others test with; started twice over one state.
  @Test func logsOfMoto() throws {
    try Files.withTemporaryFolder { folder in
      let log = try GeneratedLog(events: 400, profile: "metadata", seed: 3)
      let moto = try RunningProcess(
        [CloudWatchServer.python, Files.beside("../Tools/moto_eks.py")], input: .bytes(log.bytes))
      let port = try moto.wait(for: "moto", secondsLimit: 120) { moto.outputText.split(separator: "\n").first }
      let environment = CloudWatchServer.environment(["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://127.0.0.1:\(port)"])
      let replayed = try Program.replay(["-"], input: log.bytes)
      for _ in 0..<2 {
        let exporter = try Exporter(
          configuration: Self.configuration(), folder: folder, storage: folder + "/state", environment: environment)
        try exporter.page("all events") { $0.sum("kube_audit_events_received_total") >= 3 * 400 }
        try exporter.page("another minute of queries") {
          $0.sum("kube_audit_cloud_requests_total", ["operation": "FilterLogEvents", "outcome": "success"]) > 20
        }
        let page = try exporter.scrape()
        for cluster in ["one", "two", "three"] {
          #expect(
            page.sums("kube_audit_requests_total", by: ["verb", "code"], ["k8s_cluster": cluster])
              == replayed.sums("kube_audit_requests_total", by: ["verb", "code"]))
        }
        #expect(page.sum("kube_audit_events_received_total") == 3 * 400)
        exporter.process.signal(SIGTERM)
        #expect(try exporter.process.waitForExit() == 0)
      }
    }
  }
}
