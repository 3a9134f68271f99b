import Compression
import Glibc
import TestSupport
import Testing

/// The real program takes deliveries of Amazon Data Firehose: a sender that repeats as the documentation says, over TLS, and
/// curl for whatever is wrong.
@Suite(.serialized) struct FirehoseTests {
  /// An exporter's configuration, with the certificates of its listener, in a folder.
  private struct Place {
    let folder: String
    let port: UInt16
    let certificates: Certificates
    var url: String { "https://127.0.0.1:\(port)/firehose" }
    var authority: String { certificates.certificate("authority") }

    init(_ folder: String, users: String = "") throws {
      (self.folder, port) = (folder, try FreePort.next())
      certificates = Certificates(folder: folder)
      try certificates.authority("authority")
      try certificates.issue("push", by: "authority", purpose: "serverAuth", names: "IP:127.0.0.1")
      let tls =
        "tls_server_config: {cert_file: \(certificates.certificate("push")), key_file: \(certificates.key("push"))}\n"
      try Files.write(Array((tls + users).utf8), to: folder + "/push.yml")
      try Files.write(Array((FirehoseSender.key + "\n").utf8), to: folder + "/key")
    }

    func configuration(_ keys: String? = nil, more: String = "") -> String {
      """
      inputs:
        webhook: {config_file: \(folder)/push.yml}
        firehose:
          listen_addresses: ["127.0.0.1:\(port)"]
          access_keys: \(keys ?? "[{file: \(folder)/key}]")
      \(more)

      """
    }

    func start(_ keys: String? = nil, more: String = "", environment: [String: String] = [:]) throws -> Exporter {
      try Exporter(
        configuration: configuration(keys, more: more), folder: folder, storage: folder + "/state",
        environment: environment)
    }

    /// A request as Firehose makes it, with what the row changes.
    func push(
      _ body: [UInt8], id: String = "r-1", key: String? = FirehoseSender.key, _ arguments: [String] = [],
      path: String = "", method: String = "POST"
    ) throws -> Answer {
      var headers = [
        "-H", "Content-Type: application/json", "-H", "X-Amz-Firehose-Protocol-Version: 1.0", "-H", "Expect:",
      ]
      if !id.isEmpty { headers += ["-H", "X-Amz-Firehose-Request-Id: \(id)"] }
      if let key { headers += ["-H", "X-Amz-Firehose-Access-Key: \(key)"] }
      return try curl(
        url + path, ["--cacert", authority, "-X", method, "--data-binary", "@-"] + headers + arguments, input: body)
    }
  }

  private static let gzip = ["-H", "Content-Encoding: gzip"]

  static func body(_ records: [[UInt8]]) -> [UInt8] {
    let list = records.map { "{\"data\":\"\(base64($0))\"}" }.joined(separator: ",")
    return Array("{\"requestId\":\"r-1\",\"timestamp\":1,\"records\":[\(list)]}".utf8)
  }

  static func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count / 3 * 4 + 4)
    for at in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - at)
      var word = 0
      for next in 0..<3 { word = word << 8 | (next < count ? Int(bytes[at + next]) : 0) }
      for digit in 0..<4 { text.append(digit <= count ? letters[word >> (18 - 6 * digit) & 63] : UInt8(ascii: "=")) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func envelope(_ cluster: String, _ numbers: Range<Int>) -> [UInt8] {
    let events = numbers.map { number in
      let text = Event(number: number).json.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "{\"id\":\"\(number)\",\"timestamp\":1767600000000,\"message\":\"\(text)\"}"
    }
    return Array(
      ("{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"1\",\"logGroup\":\"/aws/eks/\(cluster)/cluster\",\"logStream\":\"s\","
        + "\"logEvents\":[\(events.joined(separator: ","))]}").utf8)
  }

  /// Killed again and again while deliveries come, answers are lost and requests are repeated: in the end each event is
  /// counted once, and so it stays when everything is sent once more.
  @Test func everyDeliveryOnceThroughKills() throws {
    let requests = Campaign.size("deliveries", short: 40)
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      var exporter = try place.start()
      let sender = try FirehoseSender(
        port: place.port, authority: place.authority,
        #"{"key": "\#(FirehoseSender.key)", "requests": \#(requests), "streams": 4, "seed": \#(Campaign.seed)}"#)
      var kills = 0
      while sender.process.outputText.isEmpty, sender.process.isRunning {
        usleep(UInt32(random.pick(100_000...1_500_000)))
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
        kills += 1
        exporter = try place.start()
      }
      let facts = try sender.told()
      #expect(facts["violations"]?.array?.isEmpty == true, "\(String(describing: facts["violations"]))")
      let wanted = RecordCounts.expected(facts)
      var page = try exporter.scrape()
      let outcome = RecordCounts.compare(RecordCounts.found(page, input: "firehose"), wanted)
      #expect(outcome.wrong.isEmpty, "\(outcome.wrong.prefix(9))")
      let total = 4 * requests
      #expect(try sender.again() == total)
      page = try exporter.scrape()
      let later = RecordCounts.compare(RecordCounts.found(page, input: "firehose"), wanted)
      #expect(later.wrong.isEmpty, "\(later.wrong.prefix(9))")
      expectBalance(page)
      #expect(page.sum("kube_audit_events_duplicate_total") >= wanted.filter { $0.key.hasPrefix("events_") }.count)
      #expect(page.value("kube_audit_input_up", ["input": "firehose"]) == 1)
      #expect(!exporter.process.errorText.contains(FirehoseSender.key) && !page.text.contains(FirehoseSender.key))
      #expect(kills > 0)
      let numbers = ["attempts", "lost_answers", "sent_twice"].map { "\(facts[$0]?.int ?? 0) \($0)" }
      Campaign.report(
        "deliveries",
        "\(total) deliveries, \(wanted["events_counted"] ?? 0) requests counted, \(kills) kills, "
          + "\(numbers.joined(separator: ", ")): \(outcome.lost) lost, \(outcome.doubled) doubled")
    }
  }

  /// What is wrong with a request is answered in Firehose's form, and nothing with 413, at which it would drop records.
  @Test func wrongRequestsAreRefusedInItsForm() throws {
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      let exporter = try place.start()
      let body = Self.body([Self.envelope("prod", 0..<3)])
      let long = [UInt8](repeating: UInt8(ascii: " "), count: 97 << 20)
      let rows: [(name: String, answer: Answer, status: Int)] = [
        ("no key", try place.push(body, key: nil), 401), ("a wrong key", try place.push(body, key: "x"), 401),
        ("a key too long", try place.push(body, key: String(repeating: "x", count: 9000)), 401),
        ("half a key", try place.push(body, key: String(FirehoseSender.key.dropLast())), 401),
        ("no ID", try place.push(body, id: ""), 400), ("an ID with a quote", try place.push(body, id: "a\"b"), 400),
        ("another version", try place.push(body, ["-H", "X-Amz-Firehose-Protocol-Version: 2.0"]), 400),
        ("GET", try place.push([], method: "GET"), 405), ("another path", try place.push(body, path: "/x"), 404),
        ("another encoding", try place.push(body, ["-H", "Content-Encoding: br"]), 415),
        ("no gzip", try place.push(body, Self.gzip), 400), ("nothing", try place.push([]), 400),
        ("cut", try place.push(Array(body.dropLast(2))), 400), ("text", try place.push(Array("x".utf8)), 400),
        ("too long", try place.push(long), 400),
        ("too long, in chunks", try place.push(long, ["-H", "Transfer-Encoding: chunked"]), 400),
        ("too long when unpacked", try place.push(Gzip.compress(long), Self.gzip), 400),
        ("attributes", try place.push(body, ["-H", "X-Amz-Firehose-Common-Attributes: {"]), 400),
      ]
      for (name, answer, status) in rows {
        #expect(answer.status == status, "\(name): \(answer.status) \(answer.text)")
        #expect(answer.headers["content-type"] == "application/json", "\(name)")
        #expect(answer.headers["content-length"] == "\(answer.body.count)", "\(name)")
        let told = try JSON.parse(answer.body)
        #expect(told["errorMessage"]?.string?.isEmpty == false && told["timestamp"]?.int != nil, "\(name)")
        #expect(told["requestId"]?.string == (name.contains("ID") ? "" : "r-1"), "\(name)")
      }
      let page = try exporter.scrape()
      #expect(page.sum("kube_audit_events_received_total") == 0)
      #expect(page.sum("kube_audit_push_requests_total", ["input": "firehose", "code": "413"]) == 0)
      #expect(page.sum("kube_audit_push_requests_total", ["input": "firehose", "code": "401"]) == 4)
      // After all that it works, with a secret of Secrets Manager too, and the webhook is not there.
      #expect(try place.push(body, key: #"{"api_key":"\#(FirehoseSender.key)"}"#).status == 200)
      #expect(
        try curl("https://127.0.0.1:\(place.port)/webhook", ["--cacert", place.authority, "-X", "POST"]).status == 404)
      try exporter.page("what was delivered") { $0.sum("kube_audit_requests_total", ["k8s_cluster": "prod"]) == 3 }
      #expect(!exporter.process.errorText.contains(FirehoseSender.key))
    }
  }

  /// The largest request that Firehose makes, plain and compressed: 64 MiB, ten thousand records.
  @Test func theLargestRequests() throws {
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      let exporter = try place.start()
      // Each record is one event with a long body.
      let text = Event(number: 1).json.replacing(
        "\"objectRef\"",
        with: "\"requestObject\":{\"data\":\"\(String(repeating: "0123456789abcdef", count: 290))\"},\"objectRef\"")
      let list = [String](repeating: "{\"data\":\"\(Self.base64(Array(text.utf8)))\"}", count: 10_000)
      let body = Array("{\"requestId\":\"r-1\",\"timestamp\":1,\"records\":[\(list.joined(separator: ","))]}".utf8)
      #expect(body.count > 64 << 20 && body.count < 72 << 20, "\(body.count)")
      #expect(try place.push(body, id: "plain").status == 200)
      #expect(try place.push(Gzip.compress(body), id: "packed", Self.gzip).status == 200)
      let page = try exporter.page("both") { $0.sum("kube_audit_requests_total") == 20_000 }
      #expect(page.value("kube_audit_queue_bytes") == 0)
      let peak = try exporter.residentPeakBytes()
      #expect(peak < (128 << 20) + (196 << 20), "\(peak >> 20) MiB")
    }
  }

  /// A record out of which a gigabyte comes costs itself alone, and little memory.
  @Test func bombsCostThemselves() throws {
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      let exporter = try place.start()
      var deflater = Deflater(level: 9)
      let zeros = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
      for _ in 0..<512 { deflater.feed(zeros) }
      let bomb = deflater.finish()
      let good = Gzip.compress(Self.envelope("prod", 0..<5))
      #expect(try place.push(Self.body([good, bomb, bomb, good, bomb])).status == 200)
      // Compressed twice over, as a whole: more than a body may be.
      #expect(try place.push(bomb, id: "r-2", Self.gzip).status == 400)
      let page = try exporter.page("the neighbours") { $0.sum("kube_audit_requests_total") == 10 }
      #expect(page.sum("kube_audit_events_rejected_total", ["reason": "too_long"]) == 3)
      expectBalance(page)
      #expect(try exporter.residentPeakBytes() < (128 << 20) + (96 << 20))
    }
  }

  /// Each key writes its clusters; others' events are dropped and counted. A new key takes effect without a restart.
  @Test func keysHaveTheirClustersAndAreReplaced() throws {
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      let exporter = try place.start(
        "[{file: \(folder)/key, clusters: [prod]}, {environment: OTHER_KEY}]",
        environment: ["OTHER_KEY": "a-key-for-all-clusters"])
      let records = [Self.envelope("prod", 0..<3), Self.envelope("test", 3..<5), Event(number: 9).line]
      #expect(try place.push(Self.body(records), id: "1").status == 200)
      #expect(try place.push(Self.body(records), id: "2", key: "a-key-for-all-clusters").status == 200)
      let attribute = ["-H", #"X-Amz-Firehose-Common-Attributes: {"commonAttributes":{"k8s_cluster":"named"}}"#]
      #expect(try place.push(Self.body(records), id: "3", attribute).status == 403)
      #expect(try place.push(Self.body(records), id: "4", key: "a-key-for-all-clusters", attribute).status == 200)
      let page = try exporter.page("what may be written") { $0.sum("kube_audit_events_received_total") == 18 }
      #expect(
        page.sums("kube_audit_requests_total", by: ["k8s_cluster"]) == [
          "prod": 10, "test": 4, "default": 1, "named": 1,
        ])
      #expect(page.sum("kube_audit_events_dropped_total", ["input": "firehose", "reason": "forbidden_cluster"]) == 2)
      #expect(page.value("kube_audit_cluster_expected", ["k8s_cluster": "prod"]) == 1)
      expectBalance(page)
      // The key is replaced: soon the new one is right, and the old one is not.
      try Files.write(Array("the-key-that-comes-after\n".utf8), to: folder + "/key")
      try exporter.process.wait(for: "the new key") {
        try place.push(Self.body([]), id: "5", key: "the-key-that-comes-after").status == 200 ? true : nil
      }
      #expect(try place.push(Self.body(records), id: "6").status == 401)
      // One that cannot be read changes nothing.
      try Files.write(Array("short\n".utf8), to: folder + "/key")
      _ = try exporter.process.waitForLine("the refusal") { $0.contains("configuration not reloaded") }
      #expect(try place.push(Self.body([]), id: "7", key: "the-key-that-comes-after").status == 200)
      for secret in [FirehoseSender.key, "a-key-for-all-clusters", "the-key-that-comes-after"] {
        #expect(!exporter.process.errorText.contains(secret))
      }
    }
  }

  /// On a listener that asks API servers for passwords Firehose shows its key, and a password is no key.
  @Test func besideTheWebhook() throws {
    try Files.withTemporaryFolder { folder in
      // Of the word "prod-secret".
      let place = try Place(
        folder, users: "basic_auth_users: {prod: $2b$05$abcdefghijklmnopqrstu.EG/fRkf.XLHjh9PlMpXqnIHepe8c2D.}\n")
      let webhook = """
        queue: {limit_bytes: 1MiB}
        """
      let exporter = try Exporter(
        ["--input.webhook.listen-address", "127.0.0.1:\(place.port)"],
        configuration: place.configuration(more: webhook).replacing(
          "push.yml}", with: "push.yml, writers: [{user: prod, clusters: [default]}]}"), folder: folder)
      let list = Event.list([Event(number: 1).json])
      let url = "https://127.0.0.1:\(place.port)/webhook"
      let pushed = ["--cacert", place.authority, "--data-binary", "@-"]
      #expect(try curl(url, pushed, input: list).status == 401)
      #expect(
        try curl(url, pushed + ["-H", "X-Amz-Firehose-Access-Key: \(FirehoseSender.key)"], input: list).status == 401)
      #expect(try place.push(Self.body([Self.envelope("prod", 0..<3)])).status == 200)
      #expect(try place.push(Self.body([]), key: nil, ["-u", "prod:prod-secret"]).status == 401)
      // A body that comes slowly holds the queue: others are to come again, and are told so in the form.
      let slow = try RunningProcess(
        [
          try Program.tool("curl", package: "curl"), "-s", "--noproxy", "*", "--cacert", place.authority, place.url,
          "-H", "X-Amz-Firehose-Request-Id: slow", "-H", "X-Amz-Firehose-Access-Key: \(FirehoseSender.key)", "-H",
          "Transfer-Encoding: chunked", "-X", "POST", "-T", "-",
        ], input: .pipe)
      try slow.send(Array("{\"records\":[".utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 900_000))
      try exporter.page("a queue that is held") { $0.sum("kube_audit_queue_bytes") > 800_000 }
      let large = Self.body([Event(number: 5).line + [UInt8](repeating: UInt8(ascii: " "), count: 300_000)])
      let refused = try place.push(large, id: "large")
      #expect(refused.status == 503 && refused.headers["retry-after"] != nil)
      #expect(try JSON.parse(refused.body)["requestId"]?.string == "large")
      // The slow one is counted when it is whole.
      try slow.send(Array("{\"data\":\"\(Self.base64(Event(number: 6).line))\"}]}".utf8))
      slow.closeInput()
      #expect(try slow.waitForExit() == 0)
      #expect(slow.outputText.contains("\"requestId\":\"slow\"") && !slow.outputText.contains("errorMessage"))
      #expect(try place.push(large, id: "large").status == 200)
      try exporter.page("all of them") { $0.sum("kube_audit_requests_total") == 5 }
    }
  }

  /// What cannot work is said at the start.
  @Test func whatLetsAnybodyInIsRefused() throws {
    try Files.withTemporaryFolder { folder in
      let place = try Place(folder)
      let rows: [(String, [String])] = [
        (
          "inputs: {firehose: {listen_addresses: [\"127.0.0.1:\(place.port)\"]}}",
          ["no access key", "inputs.firehose.insecure"]
        ),
        ("inputs: {firehose: {access_keys: [{file: \(folder)/key}]}}", ["no input", "--input.file"]),
        ("inputs: {stdin: true, firehose: {access_keys: [{file: \(folder)/key}]}}", ["no address to deliver to"]),
        (place.configuration("[{file: \(folder)/nowhere}]"), ["nowhere"]),
        (place.configuration("[{file: a, environment: B}]"), ["either file or environment"]),
        (place.configuration("[{environment: NOT_SET}]"), ["NOT_SET"]),
        (place.configuration("[\(FirehoseSender.key)]"), ["access_keys"]),
      ]
      for (configuration, words) in rows {
        try Files.write(Array((configuration + "\n").utf8), to: folder + "/wrong.yaml")
        let refused = try Program.run(["serve", "--config.file", folder + "/wrong.yaml", "--config.check"])
        #expect(refused.status == 1 && words.allSatisfy { refused.errorText.contains($0) }, "\(refused.errorText)")
      }
      let tls = String(decoding: try Files.read(folder + "/push.yml"), as: UTF8.self)
      let certificates = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: \(place.authority)}"
      try Files.write(Array(tls.replacing("}\n", with: certificates + "\n").utf8), to: folder + "/push.yml")
      try Files.write(Array(place.configuration().utf8), to: folder + "/wrong.yaml")
      let refused = try Program.run(["serve", "--config.file", folder + "/wrong.yaml", "--config.check"])
      #expect(refused.status == 1 && refused.errorText.contains("client certificate"), "\(refused.errorText)")
    }
  }
}
