import Glibc
import TestSupport
import Testing

/// Every query of every dashboard, asked of a real Prometheus that scraped the exporter through an incident.
@Suite struct DashboardTests {
  /// Queries that are right to find nothing but zero even then, and why. None may find nothing at all. What is true of most
  /// scrapes alone is in `chances` too.
  private static let zeros = [
    "exporter: What became of them [5]": "events are dropped only when the exporter stops in the middle of one",
    "exporter: Unreadable, dropped [1]": "events are dropped only when the exporter stops in the middle of one",
    "exporter: Lost at the source, input errors": "nothing is lost at the source here",
    "exporter: Lost at the source, input errors [1]": "no input fails here",
    "exporter: Inputs now [2]": "no input fails here",
    "exporter: Inputs down": "no input is down here",
    "exporter: Accounts do not add up by": "they add up",
    "exporter: Duplicates forgotten": "ten minutes' batches are remembered",
    "exporter: Not remembered by rules": "there is room for all",
    "exporter: Commits that failed": "the disk is well",
    "exporter: Clock set": "the machine's clock goes on as it should",
    "exporter: Expired": "a series expires after a day",
    "detections: Rules that the audit level fails": "what it lists of blind rules is 0",
    "fleet: Silent": "no cluster is silent for an hour here",
    "exporter: Queue": "what is queued is counted before it is scraped",
    "exporter: Queue filled": "what is queued is counted before it is scraped",
  ]
  /// Of these, what a busy machine may show otherwise: a scrape falls between a push and its counting.
  private static let chances: Set = ["exporter: Queue", "exporter: Queue filled"]

  /// Queries that are right to find nothing at all, and why.
  private static let nothing = [
    "detections: Rules that the audit level fails [1]": "no bundled rule is noisy; RuleSightTests have one",
    "exporter: Streams read until": "no stream is read here; KinesisTests read some",
  ]

  private static let rules = """
    groups:
      - name: test
        rules:
          - alert: KubeAuditForbiddenSpike
            expr: >-
              sum by (k8s_cluster, user, source_ip)
              (kube_audit_window_denied_requests{reason="authorization", window="5m"}) >= 50
            labels: {severity: page}

    """

  /// One that exports all, one a part, one nothing, one that cannot be asked; and c002 writes logs and is not listed.
  private static let fleet = """
    {"clusters": [
      {"name": "c000", "on": ["api", "audit", "authenticator", "controllerManager", "scheduler"]},
      {"name": "c001", "fault": "denied"}, {"name": "prod", "on": ["audit"]}, {"name": "never-heard", "on": []},
      {"name": "prod", "region": "us-east-1", "on": []}]}
    """

  private static func endpoints(_ cloud: CloudWatchServer, _ fleet: EKSServer) -> [String: String] {
    ["AWS_ENDPOINT_URL": fleet.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": cloud.url]
  }

  private func queries() throws -> [DashboardQuery] {
    let folder = Files.beside("../../dashboards")
    let files = try Process.run(["ls", folder]).outputText.split(separator: "\n").filter { $0.hasSuffix(".json") }
    return try files.flatMap { try DashboardQuery.all(of: "\(folder)/\($0)") }
  }

  @Test func everyQueryFindsSomething() throws {
    try Files.withTemporaryFolder { folder in
      let log = folder + "/audit.log"
      try Files.write([], to: log)
      let configuration = """
        cluster:
          name: prod
        clusters: [{name: prod}, {name: never-heard}]
        inputs:
          file: ["\(log)"]
          cloudwatch: {targets: [eu-west-1], poll_interval: 1s, overlap: 10s, look_back: 10s}
        posture: {targets: [eu-west-1, us-east-1], interval: 1s, silent_after: 1h, requests_per_second: 100}
        rules:
          files: ["\(DetectionRulesTests.rules)"]

        """
      let cloud = try CloudWatchServer(
        folder: folder,
        #"{"groups": 3, "seconds": 600, "rate": 1, "late_groups": 0, "seldom": false, "faults": false, "history": 5}"#)
      let fleet = try EKSServer(folder: nil, Self.fleet)
      let exporter = try Exporter(
        configuration: configuration, folder: folder, webhook: true, storage: folder + "/state",
        environment: cloud.environment.merging(Self.endpoints(cloud, fleet)) { $1 })
      let prometheus = try Prometheus(scraping: exporter.port, folder: folder, rules: [Self.rules])
      // Told twice, with scrapes between: a rate does not see what a counter is born with.
      for round in 0..<2 {
        let incident = Incident(round: round)
        try Files.write(try incident.log(), to: log, append: true)
        for _ in 0..<2 { #expect(try exporter.push(incident.batch()).status == 200) }
        #expect(try exporter.push(incident.trail()).status == 200)
        let told = try exporter.page("the events of round \(round)") {
          $0.value("kube_audit_denied_requests_total", Self.spike) == Double((round + 1) * Incident.refusals)
        }
        let received = told.sum("kube_audit_events_received_total")
        try prometheus.wait(for: "two scrapes of round \(round)") {
          try prometheus.query("min_over_time(sum(kube_audit_events_received_total)[2s:1s]) >= \(received)").isEmpty
            ? nil : true
        }
      }
      expectAnswers(prometheus, try queries())
      try expectTruth(prometheus)
    }
  }

  private static let spike = ["user": Incident.attacker, "source_ip": Incident.attackerIP, "reason": "authorization"]

  /// Each query until it finds something; some look at whole minutes only.
  private func expectAnswers(_ prometheus: Prometheus, _ queries: [DashboardQuery]) {
    #expect(queries.count > 100)
    var open = queries.filter { Self.nothing[$0.description] == nil }
    #expect(queries.count - open.count == Self.nothing.count)
    var found: [DashboardQuery: Prometheus.Found] = [:]
    var refused: [String] = []
    _ = Deadline.poll(seconds: 300) {
      open.removeAll { query in
        do {
          let answer = try prometheus.ask(query, now: Int(time(nil)))
          found[query] = answer
          return answer.isAlive || (answer.count > 0 && Self.zeros[query.description] != nil)
        } catch {
          refused.append("\(query): \(error)")
          return true
        }
      }
      return open.isEmpty ? true : nil
    }
    let dull = open.map { "\($0): \(found[$0]?.count ?? 0) series, nothing but zero\n    \($0.expression)" }
    #expect(refused.isEmpty, "refused:\n\(refused.joined(separator: "\n"))")
    #expect(dull.isEmpty, "found nothing:\n\(dull.joined(separator: "\n"))")
    let needless = Self.zeros.keys.filter { name in
      let isAlive = found.contains { $0.key.description == name && $0.value.isAlive }
      return !queries.contains { $0.description == name } || isAlive && !Self.chances.contains(name)
    }
    #expect(needless.isEmpty, "exceptions that nothing needs: \(needless.sorted())")
  }

  /// What the tables of counters say is everything, what a series was born with included.
  private func expectTruth(_ prometheus: Prometheus) throws {
    func expression(_ name: String) throws -> String {
      try #require(try queries().first { $0.description == name }, "\(name) is no panel").expression
    }
    let impersonated = try prometheus.query("sum(\(try expression("changes: Who acted as somebody else")))")
    #expect(impersonated == [Double(2 * Incident.impersonations)])
    let users = try expression("denied: Users refused most in the time range")
    let attacker = try prometheus.query(
      "(\(users)) and on (user) label_replace(vector(1), \"user\", \"\(Incident.attacker)\", \"\", \"\")")
    // His refusals, and the refused impersonation of each telling.
    #expect(attacker == [Double(2 * Incident.refusals + 2)])
    let row = try expression("denied: Who is refused, from where, why, since when [2]")
    #expect(try prometheus.query("max(\(row))") == [Double(2 * Incident.refusals)])
    #expect(try prometheus.query(try expression("exporter: Clusters silent")) == [1])
  }
}
