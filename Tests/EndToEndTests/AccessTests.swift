import Glibc
import TestSupport
import Testing

/// Passwords, who may push what, and rules that change while the exporter runs.
@Suite struct AccessTests {
  /// Of "scraper-secret", "prod-secret" and "test-secret", cost 10 and 4.
  private static let hashes = Result {
    try Dictionary(
      uniqueKeysWithValues: ["scraper", "prod", "test", "renewed"].map { name in
        (name, try bcrypt(name + "-secret"))
      })
  }

  /// By Python over the system's libcrypt: another way to the hash than the program's.
  private static func bcrypt(_ password: String) throws -> String {
    let python = try Program.tool("python3", package: "python3")
    let script = "import crypt,sys; print(crypt.crypt(sys.argv[1], '$2b$05$' + 'abcdefghijklmnopqrstu.'), end='')"
    let outcome = try Process.run([python, "-W", "ignore", "-c", script, password])
    try #require(outcome.status == 0 && outcome.outputText.hasPrefix("$2b$05$"), "\(outcome.errorText)")
    return outcome.outputText
  }

  private static func users(_ names: [String]) throws -> String {
    let hashes = try hashes.get()
    return "basic_auth_users:\n" + names.map { "  \($0): \(hashes[$0] ?? "")\n" }.joined()
  }

  private static func login(_ user: String, _ password: String? = nil) -> [String] {
    ["-u", "\(user):\(password ?? user + "-secret")"]
  }

  private static func body(_ number: Int) -> [UInt8] { Event.list([Event(number: number).json]) }

  /// Secrets that no output may hold.
  private static func secrets() throws -> [String] {
    try hashes.get().values + hashes.get().keys.map { $0 + "-secret" } + ["hunter2"]
  }

  @Test func scrapersNeedTheirPassword() throws {
    try Files.withTemporaryFolder { folder in
      let file = folder + "/web.yml"
      let headers =
        "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=60\n    X-Frame-Options: deny\n"
      try Files.write(Array((try Self.users(["scraper"]) + headers).utf8), to: file)
      let exporter = try Exporter(
        ["--input.stdin", "--web.config.file", file, "--web.enable-lifecycle"], client: Self.login("scraper"))
      let wrong: [[String]] = [
        [], Self.login("scraper", ""), Self.login("scraper", "scraper-secret "),
        Self.login("Scraper", "scraper-secret"),
        Self.login("nobody", "hunter2"), ["-H", "Authorization: Bearer x"], ["-H", "Authorization: Basic %%%"],
        Self.login("scraper") + Self.login("scraper", "x") + ["-H", "Authorization: Basic c2NyYXBlcjp4"],
      ]
      for path in ["/metrics", "/", "/-/healthy", "/-/ready", "/nothing", "/-/reload"] {
        for arguments in wrong {
          let answer = try curl(exporter.url + path, arguments)
          #expect(answer.status == 401, "\(path) \(arguments)")
          #expect(answer.headers["www-authenticate"]?.hasPrefix("Basic realm=") == true)
          #expect(answer.headers["strict-transport-security"] == "max-age=60")
        }
      }
      let page = try exporter.look()
      #expect(page.status == 200)
      #expect(page.headers["x-frame-options"] == "deny")
      #expect(page.headers["x-content-type-options"] == "nosniff")
      #expect(try curl(exporter.url + "/-/reload", ["-X", "POST"]).status == 401)
      #expect(try curl(exporter.url + "/-/reload", ["-X", "POST"] + Self.login("scraper")).status == 200)
      #expect(try curl(exporter.url + "/nothing", Self.login("scraper")).status == 404)
      let metrics = try exporter.scrape().text
      for secret in try Self.secrets() {
        #expect(!metrics.contains(secret) && !page.text.contains(secret))
        #expect(!exporter.process.errorText.contains(secret))
      }
    }
  }

  private static func writers(_ folder: String) -> String {
    """
    web:
      config_file: \(folder)/web.yml
    inputs:
      webhook:
        config_file: \(folder)/push.yml
        clusters: [prod, test, dev]
        writers:
          - {user: prod, clusters: [prod, default]}
          - {user: test, clusters: [test]}
          - {certificate: dev.example, clusters: [dev]}

    """
  }

  @Test func eachCredentialWritesItsOwnClusters() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue("server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      try certificates.issue("dev", by: "ca", names: "DNS:dev.example")
      try certificates.issue("unlisted", by: "ca", names: "DNS:unlisted.example")
      let tls = """
        tls_server_config:
          cert_file: server.pem
          key_file: server.key
          client_auth_type: VerifyClientCertIfGiven
          client_ca_file: ca.pem

        """
      try Files.write(Array((tls + (try Self.users(["prod", "test"]))).utf8), to: folder + "/push.yml")
      try Files.write(Array(try Self.users(["scraper"]).utf8), to: folder + "/web.yml")
      let configuration = Self.writers(folder)
      let exporter = try Exporter(
        configuration: configuration, folder: folder, webhook: true, pushScheme: "https", client: Self.login("scraper"))
      let trust = ["--cacert", certificates.certificate("ca")]
      let prod = Self.login("prod"), test = Self.login("test")
      let dev = ["--cert", certificates.certificate("dev"), "--key", certificates.key("dev")]
      let unlisted = ["--cert", certificates.certificate("unlisted"), "--key", certificates.key("unlisted")]
      let cases: [(path: String, credentials: [String], status: Int)] = [
        ("/webhook/prod", prod, 200), ("/webhook", prod, 200), ("/webhook/test", prod, 403),
        ("/webhook/dev", prod, 403),
        ("/webhook/nothing", prod, 404), ("/webhook/test", test, 200), ("/webhook", test, 403),
        ("/webhook/", test, 403),
        ("/webhook/prod", test, 403), ("/webhook/%70rod", test, 403), ("/webhook/%74est", test, 200),
        ("/webhook/test?x=prod", test, 200), ("/webhook/prod", [], 401), ("/webhook/nothing", [], 401),
        ("/nothing", [], 401),
        ("/webhook/prod", Self.login("scraper"), 401), ("/webhook/dev", dev, 401), ("/webhook/dev", dev + test, 200),
        ("/webhook/test", dev + test, 200), ("/webhook/prod", dev + test, 403), ("/webhook/dev", unlisted + test, 403),
        ("/metrics", prod, 404), ("/webhook/prod", Self.login("prod", "hunter2"), 401),
      ]
      for (number, (path, credentials, status)) in cases.enumerated() {
        let answer = try exporter.push(Self.body(number), to: path, trust + credentials)
        #expect(answer.status == status, "\(path) \(credentials.filter { !$0.contains("/") }): \(answer.text)")
      }
      try pushLargeBodies(exporter, trust, prod)
      // Somebody who pushes is nobody to the scrapers' listener.
      #expect(try curl(exporter.url + "/metrics", prod).status == 401)
      let page = try exporter.page("every push") {
        $0.sum("kube_audit_requests_total") == cases.count { $0.2 == 200 }
      }
      #expect(page.sum("kube_audit_requests_total", ["k8s_cluster": "prod"]) == 1)
      #expect(page.sum("kube_audit_requests_total", ["k8s_cluster": "dev"]) == 1)
      #expect(page.sum("kube_audit_push_requests_total", ["code": "403"]) == cases.count { $0.2 == 403 } + 1)
      expectBalance(page)
      // Taken away while it runs.
      let fewer = configuration.replacing("[prod, default]", with: "[prod]")
      try Files.write(Array(fewer.utf8), to: folder + "/exporter.yaml")
      exporter.process.signal(SIGHUP)
      try exporter.process.wait(for: "fewer rights") {
        try exporter.push(Self.body(99), to: "/webhook", trust + prod).status == 403 ? true : nil
      }
      #expect(try exporter.push(Self.body(98), to: "/webhook/prod", trust + prod).status == 200)
    }
  }

  /// Of strangers, and of somebody who may not write there: each is told so, however much it wants to send.
  private func pushLargeBodies(_ exporter: Exporter, _ trust: [String], _ prod: [String]) throws {
    // A wrong password that is asked for the first time, and one that is known to be wrong.
    let large = Self.body(1) + [UInt8](repeating: 0x20, count: 3_000_000)
    let wrong = Self.login("prod", "large")
    for framing in [["-H", "Expect:"], [], ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"]] {
      #expect(try exporter.push(large, to: "/webhook/prod", trust + wrong + framing).status == 401)
    }
    #expect(try exporter.push(large, to: "/webhook/test", trust + prod).status == 403)
  }

  @Test func whatWouldLetAnybodyInIsRefused() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue("server", by: "ca", purpose: "serverAuth")
      let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
      let verified = tls + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
      let users = try Self.users(["prod"])
      let ownWriter = "[{user: prod, clusters: [default]}]"
      let certificate = "[{certificate: x, clusters: [default]}]"
      let cases: [(String, String, String?)] = [
        (tls, "[]", "pushes are not authenticated"), (tls, ownWriter, "nobody is known to be a writer"),
        (
          verified.replacing("RequireAndVerify", with: "VerifyClientCertIfGiven #"), "[]",
          "pushes are not authenticated"
        ),
        (users, "[]", "nobody may write"), (users, "[{user: other, clusters: [default]}]", "user other is not in"),
        (users, "[{user: prod, clusters: [nowhere]}]", "cluster nowhere is not known"),
        (users, "[{user: prod, certificate: x, clusters: [default]}]", "either user or certificate"),
        (users, certificate, "would prove nothing"), (users, ownWriter, nil), (verified, certificate, nil),
      ]
      for (web, writers, failure) in cases {
        try Files.write(Array(web.utf8), to: folder + "/push.yml")
        let configuration = """
          inputs:
            webhook:
              listen_addresses: [":9999"]
              config_file: \(folder)/push.yml
              writers: \(writers)

          """
        try Files.write(Array(configuration.utf8), to: folder + "/c.yaml")
        let outcome = try Program.run(["serve", "--config.file", folder + "/c.yaml", "--config.check"])
        #expect(outcome.status == (failure == nil ? 0 : 1), "\(web) \(writers): \(outcome.errorText)")
        if let failure { #expect(outcome.errorText.contains(failure), "\(outcome.errorText)") }
      }
    }
  }

  /// A new certificate and a new password take effect by themselves; broken ones change nothing and are reported.
  @Test func filesAreTakenOverWhenTheyChange() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.authority("second")
      for (name, authority) in [("server", "ca"), ("next", "second")] {
        try certificates.issue(name, by: authority, purpose: "serverAuth", names: "IP:127.0.0.1")
      }
      let file = folder + "/web.yml"
      let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
      try Files.write(Array((tls + (try Self.users(["scraper"]))).utf8), to: file)
      let first = ["--cacert", certificates.certificate("ca")],
        second = ["--cacert", certificates.certificate("second")]
      let exporter = try Exporter(
        ["--input.stdin", "--web.config.file", file], scheme: "https", client: ["-k"] + Self.login("scraper"))
      let succeeded = "kube_audit_exporter_config_last_reload_successful"
      #expect(try exporter.scrape().sum(succeeded) == 1)

      // Half a renewal: the key does not go with the certificate. The old pair stays.
      try Files.write(try Files.read(certificates.certificate("next")), to: certificates.certificate("server"))
      try exporter.page("a failed reload") { $0.sum(succeeded) == 0 }
      #expect(try curl(exporter.url + "/-/ready", first + Self.login("scraper")).status == 200)
      #expect(exporter.process.errorText.contains("the key does not belong to the certificate"))
      // The other half.
      try Files.write(try Files.read(certificates.key("next")), to: certificates.key("server"))
      try exporter.page("a reload") { $0.sum(succeeded) == 1 }
      #expect(try curl(exporter.url + "/-/ready", second + Self.login("scraper")).status == 200)
      #expect(try curl(exporter.url + "/-/ready", first + Self.login("scraper")).exit == 60)

      // Another password, and a file that is broken afterwards.
      let renewed = "basic_auth_users:\n  scraper: \(try Self.hashes.get()["renewed"] ?? "")\n"
      try Files.write(Array((tls + renewed).utf8), to: file)
      try exporter.process.wait(for: "the new password") {
        try curl(exporter.url + "/-/ready", ["-k"] + Self.login("scraper", "renewed-secret")).status == 200 ? true : nil
      }
      #expect(try curl(exporter.url + "/-/ready", ["-k"] + Self.login("scraper")).status == 401)
      try Files.write(Array("basic_auth_users:\n  scraper: hunter2\n".utf8), to: file)
      try exporter.process.wait(for: "a refusal in the log") {
        exporter.process.errorText.contains("the value is no bcrypt hash") ? true : nil
      }
      #expect(try curl(exporter.url + "/-/ready", ["-k"] + Self.login("scraper", "renewed-secret")).status == 200)
      for secret in try Self.secrets() { #expect(!exporter.process.errorText.contains(secret)) }
    }
  }

  /// Certificates are exchanged all the time while scrapers come and go and pushes arrive: nobody is turned away.
  @Test func rulesChangeUnderLoad() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      for name in ["a", "b"] {
        try certificates.issue(name, by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      }
      let file = folder + "/web.yml"
      func text(_ name: String) throws -> [UInt8] {
        Array(
          "tls_server_config:\n  cert_file: \(name).pem\n  key_file: \(name).key\n\(try Self.users(["scraper"]))".utf8)
      }
      try Files.write(try text("a"), to: file)
      let client = ["--cacert", certificates.certificate("ca")] + Self.login("scraper")
      let exporter = try Exporter(["--input.stdin", "--web.config.file", file], scheme: "https", client: client)
      // One client that keeps its connection, as far as it may, and comes back where not.
      let curl = try Program.tool("curl", package: "curl")
      let loop = try RunningProcess(
        [
          curl, "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}\\n", "--rate", "1800000/h", "--retry",
          "0",
        ] + client + ["\(exporter.url)/metrics?[1-1500]"])
      for round in 0..<12 {
        try Files.write(try text(round % 2 == 0 ? "b" : "a"), to: file + ".new")
        try #require(unsafe rename(file + ".new", file) == 0)
        exporter.process.signal(SIGHUP)
        for _ in 0..<5 { #expect(try exporter.scrape().sum("kube_audit_exporter_config_last_reload_successful") == 1) }
      }
      #expect(try loop.waitForExit() == 0)
      let codes = loop.outputText.split(separator: "\n")
      #expect(codes.count == 1_500)
      #expect(codes.filter { $0 != "200" }.isEmpty, "\(Set(codes))")
    }
  }

  /// Connections that say nothing, stop in the middle of a handshake, or idle: scrapers still get in.
  @Test func whoeverKeepsAPlaceForNothingLosesIt() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue("server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      let file = folder + "/web.yml"
      try Files.write(Array("tls_server_config: {cert_file: server.pem, key_file: server.key}\n".utf8), to: file)
      let exporter = try Exporter(
        ["--input.stdin", "--web.config.file", file], scheme: "https",
        client: ["--cacert", certificates.certificate("ca")])
      // The beginning of a ClientHello whose rest never comes.
      let half: [UInt8] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]
      var stuck: [RawConnection] = []
      for number in 0..<700 {
        let connection = try RawConnection(port: exporter.port)
        if number % 2 == 0 { connection.send(half) }
        stuck.append(connection)
        if number % 100 == 99 { #expect(try !exporter.scrape().samples.isEmpty) }
      }
      #expect(stuck.count == 700)
      for _ in 0..<5 { #expect(try !exporter.scrape().samples.isEmpty) }
    }
  }

  @Test func tooManyRequestsAre429() throws {
    try Files.withTemporaryFolder { folder in
      let file = folder + "/web.yml"
      try Files.write(Array("rate_limit: {interval: 1h, burst: 300}\n".utf8), to: file)
      let exporter = try Exporter(["--input.stdin", "--web.config.file", file])
      let answer = try curl(exporter.url + "/-/healthy?[1-301]", ["-o", "/dev/null"])
      #expect(answer.exit == 0)
      let last = try curl(exporter.url + "/-/healthy")
      #expect(last.status == 429)
      #expect(last.headers["retry-after"] != nil)
    }
  }
}
