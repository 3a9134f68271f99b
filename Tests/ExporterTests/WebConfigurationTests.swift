import Diagnostics
import TestSupport
import Testing

@testable import Exporter

/// Web configuration files, good and bad, with what exporter-toolkit says of them.
private struct Sample: CustomTestStringConvertible {
  let text: String
  /// A part of the failure; nil when the file is good.
  var failure: String?
  /// What promtool 2.42 says; nil where it does not know the key yet, or is deliberately laxer.
  var promtool: Bool?
  var testDescription: String { text.replacing("\n", with: "⏎") }

  init(_ text: String, _ failure: String? = nil, promtool: Bool? = nil) {
    (self.text, self.failure, self.promtool) = (text, failure, promtool)
  }

  private static let pair = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
  private static let verified = pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
  private static let hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

  static let all: [Sample] = [
    Sample("", promtool: true), Sample("{}", promtool: true), Sample("tls_server_config: {}\n", promtool: true),
    Sample("basic_auth_users:\n", promtool: true), Sample(pair, promtool: true), Sample(verified, promtool: true),
    Sample(pair + "  client_auth_type: RequireClientCert\n", promtool: true),
    Sample(pair + "  client_auth_type: \"\"\n", promtool: true),
    Sample(pair + "  client_auth_type: RequestClientCert\n", promtool: true),
    Sample(pair + "  min_version: TLS13\n", promtool: true), Sample(pair + "  max_version: TLS12\n", promtool: true),
    Sample(pair + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n", promtool: true),
    Sample(pair + "  curve_preferences: [CurveP256, X25519]\n  prefer_server_cipher_suites: false\n", promtool: true),
    Sample("basic_auth_users:\n  alice: \(hash)\n", promtool: true),
    Sample("http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n", promtool: true),
    Sample("http_server_config:\n  headers:\n    Content-Security-Policy: \"default-src 'self'\"\n", promtool: true),
    Sample("rate_limit:\n  interval: 100ms\n  burst: 20\n"), Sample("rate_limit:\n  interval: 0s\n"),
    Sample(verified + "  client_allowed_sans: [client.example, 10.0.0.1]\n"),

    Sample("tls_server_config:\n  cert_file: none.pem\n  key_file: server.key\n", "cert_file", promtool: false),
    Sample("tls_server_config:\n  cert_file: server.pem\n", "key_file (FILE, line 2): it is missing", promtool: false),
    Sample("tls_server_config:\n  key_file: server.key\n", "cert_file (FILE, line 2): it is missing", promtool: false),
    Sample("tls_server_config:\n  min_version: TLS12\n", "cert_file (FILE, line 2): it is missing"),
    Sample("tls_server_config:\n  cert_file: server.pem\n  key_file: other.key\n", "does not belong", promtool: false),
    Sample(
      "tls_server_config:\n  cert_file: server.key\n  key_file: server.key\n", "cert_file (FILE, line 2)",
      promtool: false),
    Sample(
      "tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem\n", "key_file (FILE, line 3)",
      promtool: false),
    Sample(pair + "  cert: text\n", "cert_file (FILE, line 2): cert is given too"),
    Sample(pair + "  client_auth_type: Bogus\n", "line 4): Bogus is not known", promtool: false),
    Sample(pair + "  client_ca_file: ca.pem\n", "the CA means nothing", promtool: false),
    Sample(pair + "  client_auth_type: RequireAndVerifyClientCert\n", "client_ca_file (FILE, line 2): it is missing"),
    Sample(
      pair + "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [x]\n", "their names prove nothing"),
    Sample(
      pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n",
      "client_ca_file (FILE, line 5)"),
    Sample(pair + "  min_version: TLS1.2\n", "is no TLS version", promtool: false),
    Sample(pair + "  min_version: TLS10\n", "TLS10 is broken"),
    Sample(pair + "  max_version: TLS11\n", "TLS11 is broken"),
    Sample(pair + "  min_version: TLS13\n  max_version: TLS12\n", "above max_version"),
    Sample(pair + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n", "cipher_suites (FILE, line 4)", promtool: false),
    Sample(
      pair + "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n",
      "none of them goes with"),
    Sample(pair + "  curve_preferences: [CurveP123]\n", "CurveP123", promtool: false),
    Sample(
      "basic_auth_users:\n  alice: hunter2-in-the-clear\n", "line 2): the value is no bcrypt hash", promtool: false),
    Sample("basic_auth_users:\n  alice: *hunter2-in-the-clear\n", "anchors are not read", promtool: false),
    Sample("basic_auth_users:\n  alice: !hunter2-in-the-clear x\n", "is not known"),
    Sample("basic_auth_users: [a]\n", "is given instead of users", promtool: false),
    Sample("basic_auth_users:\n  \"a:b\": \(hash)\n", "colon"),
    Sample("http_server_config:\n  headers:\n    X-Foo: bar\n", "line 3): the header cannot be set", promtool: false),
    Sample("http_server_config:\n  headers:\n    X-Frame-Options: allow\n", "is not allowed", promtool: false),
    Sample(
      "http_server_config:\n  headers:\n    Content-Security-Policy: \"a\\r\\nSet-Cookie: b\"\n", "control character"),
    Sample("rate_limit:\n  interval: 1s\n", "rate_limit.burst"),
    Sample("rate_limit:\n  interval: 1x\n", "is not a duration"),
    Sample("rate_limit:\n  interval: -1s\n", "is not a duration"),
    Sample("tls_server_conf: {}\n", "Did you mean tls_server_config?", promtool: false),
    Sample("tls_server_config:\n  certfile: x\n", "Did you mean tls_server_config.cert_file?", promtool: false),
    Sample("[]\n", "is given instead of a mapping", promtool: false),
    Sample("a: b: c\n", "FILE, line 1", promtool: false),
  ]
}

@Suite struct WebConfigurationTests {
  private static func prepare(_ folder: String) throws {
    let certificates = Certificates(folder: folder)
    try certificates.authority("ca")
    for name in ["server", "other"] {
      try certificates.issue(name, by: "ca", purpose: "serverAuth", names: "DNS:localhost,IP:127.0.0.1")
    }
  }

  /// The verdict and the place of every sample, and the same verdict from promtool where that knows the key.
  @Test func samplesAreJudgedAsTheToolkitDoes() throws {
    try Files.withTemporaryFolder { folder in
      try Self.prepare(folder)
      let file = folder + "/web.yml"
      for sample in Sample.all {
        try Files.write(Array(sample.text.utf8), to: file)
        var found = ""
        do throws(Failures) {
          var reader = WebConfigurationReader(file: file)
          _ = try reader.load()
        } catch { found = FailureReport.lines(error.all) }
        let shown = found.replacing(file, with: "FILE")
        if let failure = sample.failure {
          #expect(shown.contains(failure), "\(sample.testDescription): \(shown)")
        } else {
          #expect(found.isEmpty, "\(sample.testDescription): \(shown)")
        }
        #expect(!found.contains("hunter2"), "a secret is shown: \(found)")
        if let wanted = sample.promtool {
          let verdict = try Process.run(["promtool", "check", "web-config", file]).status == 0
          #expect(verdict == wanted, "promtool: \(sample.testDescription)")
          #expect(verdict == found.isEmpty, "\(sample.testDescription)")
        }
      }
    }
  }

  /// Whatever becomes of a file, it is read to an end, and nothing secret is shown: passwords that were written in the clear
  /// begin with `hunter`.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func mutationsAreReadToAnEnd(seed: UInt64) throws {
    try Files.withTemporaryFolder { folder in
      var random = SplitMix64(seed: seed)
      let file = folder + "/web.yml"
      let pieces = Sample.all.map(\.text).flatMap { $0.split(separator: "\n").map { $0 + "\n" } }
      var (good, bad) = (0, 0)
      for _ in 0..<500 {
        var text = (0..<Int(random.next() % 6)).flatMap { _ in
          Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8)
        }
        text += Array("basic_auth_users:\n  a: hunter\(random.next() % 100)\n".utf8).prefix(
          random.next() % 2 == 0 ? 0 : 60)
        for _ in 0..<(random.next() % 4) where !text.isEmpty {
          // Inside of a secret nothing is changed, or it could not be found again.
          let at = Int(random.next() % UInt64(text.count))
          if !String(decoding: text[max(0, at - 12)..<min(text.count, at + 12)], as: UTF8.self).contains("unt") {
            text[at] = UInt8(truncatingIfNeeded: random.next() % 128)
          }
        }
        try Files.write(text, to: file)
        do throws(Failures) {
          var reader = WebConfigurationReader(file: file)
          _ = try reader.load()
          good += 1
        } catch {
          bad += 1
          #expect(!error.all.isEmpty)
          let shown = FailureReport.lines(error.all)
          #expect(!shown.contains("hunter"), "\(String(decoding: text, as: UTF8.self)): \(shown)")
        }
      }
      #expect(good > 0 && bad > 100)
    }
  }

  @Test func inlineTextsAreReadAndSoIsEverythingElse() throws {
    try Files.withTemporaryFolder { folder in
      try Self.prepare(folder)
      let file = folder + "/web.yml"
      let block = { (name: String, path: String) in
        let lines = String(decoding: try Files.read(path), as: UTF8.self).split(separator: "\n")
        return "  \(name): |\n" + lines.map { "    \($0)\n" }.joined()
      }
      let text =
        "tls_server_config:\n" + (try block("cert", folder + "/server.pem"))
        + (try block("key", folder + "/server.key"))
        + (try block("client_ca", folder + "/ca.pem")) + """
            client_auth_type: VerifyClientCertIfGiven
            client_allowed_sans: [a, "2001:DB8::1"]
            min_version: TLS13
            prefer_server_cipher_suites: false
            curve_preferences: [CurveP384]
          http_server_config:
            headers: {X-Frame-Options: sameorigin, X-XSS-Protection: ""}
          rate_limit: {interval: 1m0.5s, burst: 3}
          basic_auth_users: {"": $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}

          """
      try Files.write(Array(text.utf8), to: file)
      var reader = WebConfigurationReader(file: file)
      let loaded = try reader.load()
      let tls = try #require(loaded.configuration.tls)
      #expect(tls.clients.certificates == .verifiedIfGiven)
      #expect(tls.clients.allowedNames == ["a", "2001:db8::1"])
      #expect(tls.minVersion == .tls13 && tls.maxVersion == .tls13)
      #expect(!tls.isServerOrderPreferred && tls.curves == [.p384])
      #expect(loaded.context != nil)
      #expect(loaded.configuration.headers == [.init(name: "X-Frame-Options", value: "sameorigin")])
      #expect(loaded.configuration.rateLimit == .init(intervalMicroseconds: 60_500_000, burst: 3))
      #expect(loaded.configuration.users.keys.sorted() == [""])
      #expect(reader.files == [file])
    }
  }

  @Test func whatEverybodyCanReadIsWarnedOf() throws {
    try Files.withTemporaryFolder { folder in
      try Self.prepare(folder)
      let file = folder + "/web.yml"
      try Files.write(
        Array("tls_server_config: {cert_file: server.pem, key_file: server.key}\n".utf8), to: file)
      for (mode, count) in [("600", 0), ("640", 0), ("644", 1)] {
        _ = try Process.run(["chmod", mode, folder + "/server.key"])
        var reader = WebConfigurationReader(file: file)
        let warnings = try reader.load().warnings
        #expect(warnings.count == count && warnings.allSatisfy { $0.contains("server.key can be read by every user") })
        #expect(reader.files == [file, folder + "/server.pem", folder + "/server.key"])
      }
    }
  }

  /// GnuTLS' own reading of the string: nothing older than TLS 1.2, nothing without forward secrecy.
  @Test func prioritiesSayWhatTheOptionsSay() {
    var options = WebConfiguration.TLSOptions()
    #expect(
      options.priorities(signature: .rsa)
        == "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM"
        + ":+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE")
    options.suites = [.rsaAES256CBC, .ecdsaAES128GCM]
    options.isServerOrderPreferred = false
    #expect(
      options.priorities(signature: .rsa, version: .tls12)
        == "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-CBC:-MAC-ALL:+SHA1")
    options.curves = [.x25519]
    options.minVersion = .tls13
    #expect(options.priorities(signature: .rsa).contains(":+VERS-TLS1.3:-KX"))
    #expect(options.priorities(signature: .rsa).hasSuffix(":-GROUP-ALL:+GROUP-X25519"))
  }

  @Test(arguments: [
    ("1s", 1_000_000), ("1m30s", 90_000_000), ("0", 0), ("0.5s", 500_000), ("2h", 7_200_000_000), ("5us", 5),
  ])
  func durationsOfGo(text: String, microseconds: Int64) throws {
    #expect(try GoDuration.microseconds(text) == microseconds)
  }
}
