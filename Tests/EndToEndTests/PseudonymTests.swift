import Glibc
import TestSupport
import Testing

/// With a key, no name of a user and no source IP is anywhere: not shown, not logged, not kept.
@Suite struct PseudonymTests {
  /// Parts of names and addresses that tell them, however the rest of them is written.
  private static let telling = ["mallory", "MALLORY", "203.0.113.", "2001:db8:", "ip-10-9-8-"]

  /// Hostile names, each with a part that tells it, as they stand in the log.
  private static let names =
    HostileTests.names.filter { $0.log.count < 1000 }.map { Array("mallory".utf8) + $0.log }
    + [
      #"(mallory"#, #"\\mallory"#, #"\u006dallory"#, #"mallory\u0000"#, "user-mallory", "ip-203.0.113.7",
      "system:node:ip-10-9-8-7", "SYSTEM:mallory", " system:mallory", "203.0.113.200",
    ].map { Array($0.utf8) } + [[UInt8](repeating: 0x61, count: 90_000) + Array("mallory".utf8)]

  /// Refused, allowed to change rights, acting as others, behind a proxy; and lines that cannot be read.
  private static func log() -> [UInt8] {
    let mark = Array("%NAME%".utf8)
    var log: [UInt8] = []
    for (number, name) in names.enumerated() {
      let rbac = #""resource":"clusterroles","name":"x","apiGroup":"rbac.authorization.k8s.io","apiVersion":"v1""#
      let ip = ["203.0.113.\(number)", "2001:db8:5:5::\(number)", #"mallory's host", "10.1.1.1"#][number % 3]
      var events = [
        Event(user: "%NAME%", sourceIP: ip, code: 403, decision: "forbid", number: 3 * number),
        Event(user: "%NAME%", sourceIP: ip, verb: "delete", object: rbac, number: 3 * number + 1),
      ].map(\.json)
      let other = #""impersonatedUser":{"username":"%NAME%"},"sourceIPs":"#
      events.append(
        Event(user: "carol", sourceIP: ip, number: 3 * number + 2).json.replacing(#""sourceIPs":"#, with: other))
      events.append(#"{"kind":"Event","user":{"username":"%NAME%"},"sourceIPs":["203.0.113.9"#)
      for event in events {
        var rest = Array(event.utf8)[...]
        while let at = rest.indices.first(where: { rest[$0...].starts(with: mark) }) {
          log += rest[..<at] + name
          rest = rest[(at + mark.count)...]
        }
        log += rest + [0x0A]
      }
    }
    return log
  }

  /// Nothing that tells a name, whatever the bytes are.
  private static func expectSilent(_ bytes: [UInt8], _ what: String) {
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(!bytes.isEmpty, "\(what) is empty")
    for part in telling { #expect(!text.contains(part), "\(what) tells \(part)") }
  }

  private static func key(_ folder: String, _ name: String = "key", _ text: String = "0123456789abcdef") throws
    -> String
  {
    try Files.write(Array(String(repeating: text, count: 4).utf8) + [0x0A], to: "\(folder)/\(name)")
    return "\(folder)/\(name)"
  }

  private static func files(of state: String) throws -> [(name: String, bytes: [UInt8])] {
    let names = ["", "-wal", "-shm"].map { "kube-audit-exporter.db" + $0 }
    return names.compactMap { name in (try? Files.read(state + "/" + name)).map { (name, $0) } }
  }

  @Test func noNameIsShownOrLoggedOrKept() throws {
    try Files.withTemporaryFolder { folder in
      let (key, state) = (try Self.key(folder), folder + "/state")
      try Files.write(Self.log(), to: folder + "/audit.log")
      let configuration = """
        pseudonyms: {key_file: \(key)}
        trusted_proxies: [10.0.0.0/8]
        inputs: {file: [\(folder)/audit.log]}
        limits: {series_per_ipv6_network: 3}

        """
      let exporter = try Exporter(
        ["--log.level", "debug"], configuration: configuration, folder: folder, storage: state)
      let page = try exporter.page(received: 4 * Self.names.count)
      expectBalance(page)
      let refused = page.samples("kube_audit_denied_requests_total")
      #expect(refused.allSatisfy { $0.labels["user"]?.contains("user-") == true })
      let addresses = refused.compactMap { $0.labels["source_ip"] }
      #expect(addresses.allSatisfy { $0.hasPrefix("ip-") || $0.hasPrefix("net-") })
      #expect(addresses.contains { $0.hasPrefix("net-") })
      #expect(page.sum("kube_audit_rbac_mutations_total") == Self.names.count)
      #expect(page.sum("kube_audit_impersonated_requests_total") == Self.names.count)
      // The client's address behind the proxy, not the proxy's.
      let host = try Program.run(["pseudonym", "--pseudonyms.key-file", key, "--kind", "source-ip", "mallory's host"])
      #expect(addresses.contains(String(host.outputText.prefix { $0 != "\t" })))
      Self.expectSilent(Array(page.text.utf8), "/metrics")
      let open = try curl(exporter.url + "/metrics", ["-H", "Accept: \(ServingTests.openMetricsType)"])
      Self.expectSilent(Array(open.text.utf8), "/metrics as OpenMetrics")
      Self.expectSilent(Array(try exporter.look().text.utf8), "the page")
      for file in try Self.files(of: state) where file.name != "kube-audit-exporter.db-shm" {
        Self.expectSilent(file.bytes, file.name)
      }
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
      for file in try Self.files(of: state) { Self.expectSilent(file.bytes, file.name + " after the end") }
      Self.expectSilent(Array(exporter.process.errorText.utf8), "the log")
      #expect(!exporter.process.errorText.contains("0123456789abcdef"))
    }
  }

  @Test func replayHidesThemToo() throws {
    try Files.withTemporaryFolder { folder in
      let key = try Self.key(folder)
      try Files.write(Self.log(), to: folder + "/audit.log")
      for format in ["table", "json", "openmetrics"] {
        let outcome = try Program.run(
          ["replay", "--format", format, "--pseudonyms.key-file", key, folder + "/audit.log"])
        #expect(outcome.status == 0)
        #expect(outcome.outputText.contains("user-") && outcome.outputText.contains("ip-"))
        Self.expectSilent(outcome.output, "replay as \(format)")
        #expect(!Self.telling.contains { outcome.errorText.contains($0) })
      }
    }
  }

  /// What somebody without our program would compute.
  @Test func pseudonymsAreOpenSSLs() throws {
    try Files.withTemporaryFolder { folder in
      let key = try Self.key(folder)
      let openssl = try Program.tool("openssl", package: "openssl")
      let names = [
        ("user", "alice", "alice"), ("user", "Ünïcödé 名前", "Ünïcödé 名前"), ("user", "(other)", "(other)"),
        ("user", String(repeating: "x", count: 70_000), String(repeating: "x", count: 70_000)),
        ("ip", "203.0.113.7", "203.0.113.7"), ("ip", "::FFFF:203.0.113.7", "203.0.113.7"),
        ("ip", "2001:DB8:0::1", "2001:db8::1"), ("net", "2001:db8::1", "2001:db8::/64"),
      ]
      for (kind, name, content) in names {
        let mac = try Process.run(
          [
            openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt",
            "key:" + String(repeating: "0123456789abcdef", count: 4),
          ],
          input: Array("\(kind):\(content)".utf8))
        let digits = mac.outputText.split(separator: " ").last?.prefix(20) ?? ""
        let ours = try Program.run(["pseudonym", "--pseudonyms.key-file", key, "-"], input: Array(name.utf8))
        let lines = ours.outputText.split(separator: "\n").map { $0.prefix { $0 != "\t" } }
        #expect(digits.count == 20 && lines.contains("\(kind)-\(digits)"), "\(kind) \(name.prefix(20)): \(lines)")
      }
    }
  }

  @Test func aStateKeepsItsKey() throws {
    try Files.withTemporaryFolder { folder in
      let (key, other) = (try Self.key(folder), try Self.key(folder, "other", "fedcba9876543210"))
      let (hidden, open) = (folder + "/hidden", folder + "/open")
      for (state, arguments) in [(hidden, ["--pseudonyms.key-file", key]), (open, [])] {
        for round in 1...2 {
          let exporter = try Exporter(arguments, webhook: true, storage: state)
          #expect(try exporter.push(Event.list([Event(code: 403, number: round).json])).status == 200)
          let page = try exporter.page("both rounds") { $0.sum("kube_audit_denied_requests_total") == round }
          #expect(page.samples("kube_audit_denied_requests_total").count == 1)
          exporter.process.signal(SIGKILL)
          _ = try exporter.process.waitForExit()
        }
      }
      let refused: [(state: String, arguments: [String], why: String)] = [
        (hidden, ["--pseudonyms.key-file", other], "another key"), (hidden, [], "there is no key"),
        (open, ["--pseudonyms.key-file", key], "in the clear"),
      ]
      for (state, arguments, why) in refused {
        let before = try Self.files(of: state).map(\.bytes)
        let outcome = try Program.run(
          ["serve", "--input.stdin", "--web.listen-address", "127.0.0.1:0", "--storage.path", state] + arguments)
        #expect(outcome.status == 1 && outcome.errorText.contains(why), "\(outcome.errorText)")
        #expect(outcome.errorText.contains(state) && outcome.errorText.contains("move the state away"))
        #expect(try Self.files(of: state).first?.bytes.count ?? 0 >= before.first?.count ?? 0)
      }
      // Refused, not spoilt.
      let exporter = try Exporter(["--pseudonyms.key-file", key], webhook: true, storage: hidden)
      #expect(try exporter.scrape().sum("kube_audit_denied_requests_total") == 2)
    }
  }

  @Test func aKeyIsCheckedAndNeverTold() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array("short-secret".utf8), to: folder + "/short")
      try Files.write([UInt8](repeating: 0x6B, count: 5000), to: folder + "/long")
      for (file, why) in [("short", "32 at least"), ("long", "no key"), ("missing", "cannot be opened")] {
        for command in [["serve", "--config.check", "--input.stdin"], ["replay", "/dev/null"], ["pseudonym", "x"]] {
          let outcome = try Program.run(command + ["--pseudonyms.key-file", "\(folder)/\(file)"])
          #expect(outcome.status == 1 && outcome.errorText.contains(why), "\(command) \(outcome.errorText)")
          #expect(outcome.errorText.contains("pseudonyms.key_file") && !outcome.errorText.contains("secret"))
        }
      }
      let key = try Self.key(folder)
      for (mode, isWarned) in [(mode_t(0o644), true), (0o640, false)] {
        let code = unsafe chmod(key, mode)
        #expect(code == 0)
        let exporter = try Exporter(["--input.stdin", "--pseudonyms.key-file", key])
        #expect(exporter.process.errorText.contains("read by every user of this machine") == isWarned)
        #expect(exporter.process.errorText.contains("shown and kept as pseudonyms"))
      }
    }
  }
}
