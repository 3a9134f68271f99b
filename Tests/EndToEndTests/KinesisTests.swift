import Glibc
import TestSupport
import Testing

/// The real program reads Kinesis Data Streams: a server that misbehaves on purpose, over TLS, and moto for the plain way.
@Suite(.serialized) struct KinesisTests {
  /// Tests/Tools/kinesis_server.py, running over TLS.
  private final class Server {
    let process: RunningProcess
    let url: String
    private let authority: String

    init(folder: String, _ options: String) throws {
      let certificates = Certificates(folder: folder)
      try certificates.authority("aws")
      try certificates.issue("kinesis", by: "aws", purpose: "serverAuth", names: "DNS:localhost,IP:127.0.0.1")
      authority = certificates.certificate("aws")
      let process = try RunningProcess([
        CloudWatchServer.python, Files.beside("../Tools/kinesis_server.py"), certificates.certificate("kinesis"),
        certificates.key("kinesis"), options,
      ])
      let port = try process.wait(for: "Kinesis") { process.outputText.split(separator: "\n").first }
      (self.process, url) = (process, "https://127.0.0.1:\(port)")
    }

    var environment: [String: String] {
      CloudWatchServer.environment(["AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": authority])
    }

    func facts() throws -> [String: JSON] {
      let answer = try curl(url + "/facts", ["--cacert", authority])
      guard answer.status == 200, let facts = try JSON.parse(answer.body).object else {
        throw Program.MissingTool(description: "no facts: \(answer.status) \(process.errorText.suffix(2000))")
      }
      return facts
    }

    func calm() throws { _ = try curl(url + "/calm", ["--cacert", authority, "-X", "POST"]) }
  }

  private static func configuration(_ more: String = "cluster: plain") -> String {
    """
    inputs:
      kinesis:
        streams: [{stream: audit, region: eu-west-1, \(more)}]
        start: trim_horizon

    """
  }

  /// Killed again and again while shards are split and merged, iterators expire and calls fail: in the end each event is
  /// counted once, and what the stream forgets is forgotten.
  @Test func everyRecordOnceThroughFaultsAndKills() throws {
    let seconds = Campaign.size("streams", short: 10)
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    try Files.withTemporaryFolder { folder in
      let server = try Server(
        folder: folder,
        #"{"seconds": \#(seconds), "reshards": \#(max(4, seconds / 8)), "seed": \#(Campaign.seed)}"#)
      func start() throws -> Exporter {
        try Exporter(
          configuration: Self.configuration(), folder: folder, storage: folder + "/state",
          environment: server.environment)
      }
      var exporter = try start()
      var kills = 0
      while try server.facts()["is_over"]?.bool != true {
        usleep(UInt32(random.pick(300_000...4_000_000)))
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
        kills += 1
        exporter = try start()
      }
      var facts = try server.facts()
      let wanted = RecordCounts.expected(facts)
      let received = ["counted", "not_a_request", "ignored", "rejected"].reduce(0) {
        $0 + (wanted["events_\($1)"] ?? 0)
      }
      var page = try exporter.page("all records", secondsLimit: 240) {
        $0.sum("kube_audit_events_received_total") >= received
      }
      let outcome = RecordCounts.compare(RecordCounts.found(page, input: "kinesis"), wanted)
      #expect(outcome.wrong.isEmpty, "\(outcome.wrong.prefix(9))")
      // Closed shards are gone now, and the exporter begins once more: nothing comes again, and nothing is missed.
      try server.calm()
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
      exporter = try start()
      let labels = ["cloud_region": "eu-west-1", "stream": "audit"]
      page = try exporter.page("a stream that is read") {
        guard let until = $0.value("kube_audit_stream_read_timestamp_seconds", labels) else { return false }
        return abs(Event.clock - until) < 5
          && $0.sum("kube_audit_cloud_requests_total", ["operation": "GetRecords"]) > 20
      }
      let later = RecordCounts.compare(RecordCounts.found(page, input: "kinesis"), wanted)
      #expect(later.wrong.isEmpty, "\(later.wrong.prefix(9))")
      expectBalance(page)
      #expect(page.sum("kube_audit_events_duplicate_total") == 0)
      #expect(page.value("kube_audit_input_up", ["input": "kinesis"]) == 1)
      facts = try server.facts()
      #expect(facts["violations"]?.array?.isEmpty == true, "\(String(describing: facts["violations"]))")
      // What docs/eks.md allows is all that is called.
      let actions = Set((facts["actions"]?.array ?? []).compactMap(\.string))
      #expect(try actions == Self.documentedActions())
      #expect(kills > 0)
      let faults = (facts["faults"]?.object ?? [:]).map { "\($0.key) \(Int($0.value.number ?? 0))" }.sorted()
      Campaign.report(
        "streams",
        "\(facts["shards"]?.int ?? 0) shards, \(received) events, \(kills) kills: \(outcome.lost) lost, "
          + "\(outcome.doubled) doubled; \(faults.joined(separator: ", "))")
    }
  }

  /// The actions of the policy of docs/eks.md that is for Kinesis.
  private static func documentedActions() throws -> Set<String> {
    let text = String(decoding: try Files.read(Files.beside("../../docs/eks.md")), as: UTF8.self)
    let blocks = text.split(separator: "```json").dropFirst().compactMap { $0.split(separator: "```").first }
    let block = try #require(blocks.first { $0.contains("kinesis:GetRecords") })
    let statements = try JSON.parse(String(block)).object?["Statement"]?.array ?? []
    return Set(statements.flatMap { $0.object?["Action"]?.array ?? [] }.compactMap(\.string))
  }

  /// What is not allowed is named, with what would allow it.
  @Test func aRefusalIsNamed() throws {
    try Files.withTemporaryFolder { folder in
      let server = try Server(folder: folder, #"{"seconds": 1, "denied": true}"#)
      let exporter = try Exporter(
        configuration: Self.configuration(), folder: folder, environment: server.environment)
      let line = try exporter.process.waitForLine("the refusal") { $0.contains("cannot list shards") }
      for word in ["eu-west-1", "audit", "AccessDeniedException", "kinesis:GetRecords", "docs/eks.md"] {
        #expect(line.contains(word), "\(line)")
      }
      let page = try exporter.page("an error") {
        $0.sum("kube_audit_input_errors_total", ["input": "kinesis", "reason": "denied"]) > 0
      }
      #expect(page.value("kube_audit_input_up", ["input": "kinesis"]) == 0)
    }
  }

  /// The plain way, against the double of AWS that others test with; started twice over one state.
  @Test func streamOfMoto() throws {
    try Files.withTemporaryFolder { folder in
      let log = try GeneratedLog(events: 400, profile: "metadata", seed: 3)
      let moto = try RunningProcess(
        [CloudWatchServer.python, Files.beside("../Tools/moto_kinesis.py")], input: .bytes(log.bytes))
      let port = try moto.wait(for: "moto", secondsLimit: 120) { moto.outputText.split(separator: "\n").first }
      let environment = CloudWatchServer.environment(["AWS_ENDPOINT_URL_KINESIS": "http://127.0.0.1:\(port)"])
      let replayed = try Program.replay(["-"], input: log.bytes)
      for _ in 0..<2 {
        let exporter = try Exporter(
          configuration: Self.configuration("cluster_prefix: eu-"), folder: folder, storage: folder + "/state",
          environment: environment)
        try exporter.page("all events") { $0.sum("kube_audit_events_received_total") >= 400 }
        let page = try exporter.page("more pages") {
          $0.sum("kube_audit_cloud_requests_total", ["operation": "GetRecords", "outcome": "success"]) > 12
        }
        #expect(
          page.sums("kube_audit_requests_total", by: ["verb", "code"], ["k8s_cluster": "eu-one"])
            == replayed.sums("kube_audit_requests_total", by: ["verb", "code"]))
        #expect(page.sum("kube_audit_events_received_total") == 400)
        exporter.process.signal(SIGTERM)
        #expect(try exporter.process.waitForExit() == 0)
      }
    }
  }
}
