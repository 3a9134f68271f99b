import TestSupport
import Testing

/// Every kind of client certificate against every `client_auth_type`, over TLS 1.2 and 1.3, with the real openssl and curl.
@Suite struct CertificateTests {
  /// What a client shows, and whether it may pass where certificates are verified.
  enum Shown: String, CaseIterable {
    case none, good, goodByMail, goodByAddress, goodByURI, withoutPurpose, chained
    case wrongAuthority, selfSigned, expired, notYetValid, serverOnly, wrongName, nameInSubjectOnly, otherCase,
      unchained

    var isGood: Bool {
      switch self {
      case .good, .goodByMail, .goodByAddress, .goodByURI, .withoutPurpose, .chained: true
      default: false
      }
    }
  }

  static func make(_ folder: String) throws -> Certificates {
    let made = Certificates(folder: folder)
    for name in ["ca", "foreign"] { try made.authority(name) }
    try made.issue("server", by: "ca", purpose: "serverAuth", names: "DNS:localhost,IP:127.0.0.1")
    let name = "DNS:client.example"
    try made.issue("good", by: "ca", names: "DNS:other.example,\(name)")
    try made.issue("goodByMail", by: "ca", names: "email:client@example.org")
    try made.issue("goodByAddress", by: "ca", names: "IP:2001:db8:0:0:0:0:0:1")
    try made.issue("goodByURI", by: "ca", names: "URI:spiffe://example.org/client")
    try made.issue("withoutPurpose", by: "ca", purpose: nil, names: name)
    try made.issue("middle", by: "ca", purpose: nil, isAuthority: true)
    try made.issue("unchained", by: "middle", names: name)
    try made.issue("chained", by: "middle", names: name)
    try Files.write(try Files.read(made.certificate("middle")), to: made.certificate("chained"), append: true)
    try made.issue("wrongAuthority", by: "foreign", names: name)
    try made.issue("selfSigned", by: "selfSigned", names: name)
    try made.issue("expired", by: "ca", names: name, from: "20200101000000Z", until: "20210101000000Z")
    try made.issue("notYetValid", by: "ca", names: name, from: "20980101000000Z")
    try made.issue("serverOnly", by: "ca", purpose: "serverAuth", names: name)
    try made.issue("wrongName", by: "ca", names: "DNS:client.example.org,DNS:a.client.example")
    try made.issue("client.example", by: "ca")
    for file in ["pem", "key"] {
      try Files.write(try Files.read("\(folder)/client.example.\(file)"), to: "\(folder)/nameInSubjectOnly.\(file)")
    }
    try made.issue("otherCase", by: "ca", names: "DNS:CLIENT.example")
    return made
  }

  static let kinds = [
    "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
  ]

  @Test func everyCertificateAgainstEveryType() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = try Self.make(folder)
      for kind in Self.kinds { try check(kind, certificates) }
    }
  }

  private func check(_ kind: String, _ certificates: Certificates) throws {
    let isVerified = kind.contains("Verify")
    let isRequired = kind.hasPrefix("Require")
    var text = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: \(kind)\n"
    if isVerified {
      text += "  client_ca_file: ca.pem\n  client_allowed_sans:\n    - client.example\n    - client@example.org\n"
      text += "    - \"2001:db8::1\"\n    - spiffe://example.org/client\n"
    }
    let file = certificates.folder + "/web.yml"
    try Files.write(Array(text.utf8), to: file)
    let trust = ["--cacert", certificates.certificate("ca")]
    let exporter = try Exporter(
      ["--input.stdin", "--web.config.file", file], scheme: "https", client: trust + show(.good, certificates))
    var served = 0
    for version in [["--tls-max", "1.2"], ["--tlsv1.3"]] {
      for shown in Shown.allCases {
        let mayPass = shown == .none ? !isRequired : !isVerified || shown.isGood
        let answer = try curl(exporter.url + "/-/healthy", trust + version + show(shown, certificates))
        #expect((answer.status == 200) == mayPass, "\(kind) \(version) \(shown): \(answer.status), curl \(answer.exit)")
        #expect(mayPass || answer.status == 0 && answer.exit != 0, "refused in the handshake")
        if mayPass { served += 1 }
      }
    }
    let page = try exporter.scrape()
    #expect(
      page.sum("kube_audit_http_requests_total", ["handler": "/-/healthy"]) == served, "no other request was answered")
  }

  private func show(_ shown: Shown, _ certificates: Certificates) -> [String] {
    let (certificate, key) = (certificates.certificate(shown.rawValue), certificates.key(shown.rawValue))
    return shown == .none ? [] : ["--cert", certificate, "--key", key]
  }

  /// What openssl's client agrees on with the server, or nil when the handshake fails.
  private func handshake(_ port: UInt16, _ arguments: [String]) throws -> String? {
    let openssl = try Program.tool("openssl", package: "openssl")
    let outcome = try Process.run(
      [openssl, "s_client", "-connect", "127.0.0.1:\(port)"] + arguments)
    let line = outcome.outputText.split(separator: "\n").first { $0.contains(", Cipher is ") }
    guard let line, !line.hasSuffix("(NONE)") else { return nil }
    return line.split(separator: " ").last.map(String.init)
  }

  @Test func versionsAndSuites() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue(
        "server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1", isRSA: true)
      let pair = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
      let file = folder + "/web.yml"
      func serving(_ text: String, _ body: (UInt16) throws -> Void) throws {
        try Files.write(Array((pair + text).utf8), to: file)
        let exporter = try Exporter(
          ["--input.stdin", "--web.config.file", file], scheme: "https",
          client: ["--cacert", certificates.certificate("ca")])
        try withExtendedLifetime(exporter) { try body(exporter.port) }
      }
      let old = ["-cipher", "ALL@SECLEVEL=0"]
      try serving("") { (port: UInt16) throws in
        #expect(try handshake(port, ["-tls1"] + old) == nil)
        #expect(try handshake(port, ["-tls1_1"] + old) == nil)
        #expect(try handshake(port, ["-tls1_2"] + old) == "ECDHE-RSA-AES128-GCM-SHA256")
        #expect(try handshake(port, ["-tls1_3"]) == "TLS_AES_128_GCM_SHA256")
        for weak in ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "aNULL", "eNULL"] {
          #expect(try handshake(port, ["-tls1_2", "-cipher", weak + "@SECLEVEL=0"]) == nil, "\(weak)")
        }
      }
      try serving("  min_version: TLS13\n") { (port: UInt16) throws in
        #expect(try handshake(port, ["-tls1_2"] + old) == nil)
        #expect(try handshake(port, ["-tls1_3"]) != nil)
      }
      // Suites are for TLS 1.2, exactly; the one for another kind of key goes with none here.
      let list = "[TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"
      try serving("  cipher_suites: \(list)\n  curve_preferences: [CurveP384]\n") { (port: UInt16) throws in
        #expect(try handshake(port, ["-tls1_2"] + old) == "ECDHE-RSA-AES256-SHA")
        #expect(try handshake(port, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]) == nil)
        #expect(try handshake(port, ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"]) == nil)
        for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
          #expect(try handshake(port, ["-tls1_3", "-ciphersuites", suite]) == suite)
        }
        #expect(try handshake(port, ["-tls1_3", "-curves", "X25519"]) == nil)
        #expect(try handshake(port, ["-tls1_3", "-curves", "P-384"]) != nil)
      }
      // None of them goes with the key: nothing is left for TLS 1.2.
      try serving("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n") { (port: UInt16) throws in
        #expect(try handshake(port, ["-tls1_2"] + old) == nil)
        #expect(try handshake(port, ["-tls1_3"]) != nil)
      }
      try serving("  max_version: TLS12\n") { (port: UInt16) throws in
        #expect(try handshake(port, ["-tls1_3"]) == nil)
        #expect(try handshake(port, ["-tls1_2"]) != nil)
        // Plain HTTP on the port of TLS gets nothing.
        #expect(try curl("http://127.0.0.1:\(port)/metrics").status == 0)
      }
    }
  }
}
