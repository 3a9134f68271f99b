/// What a web configuration file says, checked: the schema of Prometheus' exporter-toolkit.
///
/// - Source: prometheus/exporter-toolkit `docs/web-configuration.md`; docs/security.md states where this is stricter.
struct WebConfiguration: Sendable, Equatable {
  /// Nil: plain HTTP.
  var tls: TLSOptions?
  /// `http_server_config.headers`, added to every answer.
  var headers: [Header] = []
  /// `basic_auth_users`; empty: nobody is asked for a password.
  var users: [String: BcryptHash] = [:]
  /// `rate_limit`, nil when it is off.
  var rateLimit: RateLimit?

  struct Header: Sendable, Equatable {
    var name: String
    var value: String
  }

  struct RateLimit: Sendable, Equatable {
    /// Between two requests in the long run.
    var intervalMicroseconds: Int64
    /// Requests at once.
    var burst: Int
  }

  /// What certificates are asked of clients: crypto/tls' `ClientAuthType`.
  enum ClientCertificates: String, Sendable, CaseIterable {
    case none = "NoClientCert"
    case requested = "RequestClientCert"
    case required = "RequireAnyClientCert"
    case verifiedIfGiven = "VerifyClientCertIfGiven"
    case requiredAndVerified = "RequireAndVerifyClientCert"

    init?(name: String) {
      // The name that the toolkit keeps for old files.
      self.init(
        rawValue: name == "RequireClientCert" ? Self.required.rawValue : name.isEmpty ? Self.none.rawValue : name)
    }

    /// Whether the handshake fails without a certificate.
    var isRequired: Bool { self == .required || self == .requiredAndVerified }
    /// Whether a certificate proves anything.
    var isVerified: Bool { self == .verifiedIfGiven || self == .requiredAndVerified }
  }

  enum TLSVersion: String, Sendable, CaseIterable, Comparable {
    case tls12 = "TLS12"
    case tls13 = "TLS13"

    static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }
  }

  struct TLSOptions: Sendable, Equatable {
    /// PEM texts.
    var certificate: [UInt8] = []
    var key: [UInt8] = []
    var clients = ClientRules()
    var minVersion = TLSVersion.tls12
    var maxVersion = TLSVersion.tls13
    /// For TLS 1.2; empty for the default ones.
    var suites: [CipherSuite] = []
    /// Empty for the default ones.
    var curves: [Curve] = []
    var isServerOrderPreferred = true
  }

  /// Who may connect. A change of these ends connections that were made under other ones.
  struct ClientRules: Sendable, Equatable {
    var certificates = ClientCertificates.none
    /// PEM.
    var authorities: [UInt8] = []
    /// Nil for any; a certificate must carry one of them as subject alternative name.
    var allowedNames: [String]?
  }
}

/// A cipher suite by the name that Go's crypto/tls gives it.
///
/// Those of Go's `tls.CipherSuites()`; others are refused, as by the toolkit.
enum CipherSuite: String, Sendable, CaseIterable {
  case aes128GCM13 = "TLS_AES_128_GCM_SHA256"
  case aes256GCM13 = "TLS_AES_256_GCM_SHA384"
  case chacha13 = "TLS_CHACHA20_POLY1305_SHA256"
  case rsaAES128GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  case rsaAES256GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
  case rsaChaCha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
  case rsaAES128CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
  case rsaAES256CBC = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
  case ecdsaAES128GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
  case ecdsaAES256GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
  case ecdsaChaCha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
  case ecdsaAES128CBC = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
  case ecdsaAES256CBC = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"

  enum Signature: Sendable { case rsa, ecdsa }

  /// What the server's key must be; nil for the suites of TLS 1.3, which cannot be chosen and go with any.
  var signature: Signature? {
    if rawValue.hasPrefix("TLS_ECDHE_RSA_") { return .rsa }
    return rawValue.hasPrefix("TLS_ECDHE_ECDSA_") ? .ecdsa : nil
  }

  /// GnuTLS' name of the cipher.
  var cipher: String {
    switch self {
    case .aes128GCM13, .rsaAES128GCM, .ecdsaAES128GCM: "AES-128-GCM"
    case .aes256GCM13, .rsaAES256GCM, .ecdsaAES256GCM: "AES-256-GCM"
    case .chacha13, .rsaChaCha, .ecdsaChaCha: "CHACHA20-POLY1305"
    case .rsaAES128CBC, .ecdsaAES128CBC: "AES-128-CBC"
    case .rsaAES256CBC, .ecdsaAES256CBC: "AES-256-CBC"
    }
  }

  /// GnuTLS' name of what authenticates the records.
  var mac: String { rawValue.hasSuffix("_CBC_SHA") ? "SHA1" : "AEAD" }
}

/// A curve by the name that the toolkit gives it.
enum Curve: String, Sendable, CaseIterable {
  case p256 = "CurveP256"
  case p384 = "CurveP384"
  case p521 = "CurveP521"
  case x25519 = "X25519"

  var group: String {
    switch self {
    case .p256: "GROUP-SECP256R1"
    case .p384: "GROUP-SECP384R1"
    case .p521: "GROUP-SECP521R1"
    case .x25519: "GROUP-X25519"
    }
  }
}

extension WebConfiguration.TLSOptions {
  /// GnuTLS' priority string: forward secret and authenticated ciphers, TLS 1.2 and up, whatever the system's default is.
  ///
  /// GnuTLS chooses key exchange, cipher and MAC apart from each other. The server's key decides the key exchange, so what is
  /// left of a list of suites is exact; but the ciphers would hold for TLS 1.3 too, whose suites the schema leaves
  /// alone. So there are two strings: this is for the beginning, and with `version` the one for the version agreed on.
  func priorities(signature: CipherSuite.Signature?, version: WebConfiguration.TLSVersion? = nil) -> String {
    var parts = ["NORMAL", "-VERS-ALL"]
    let versions = version.map { [$0] } ?? [.tls13, .tls12].filter { (minVersion...maxVersion).contains($0) }
    parts += versions.map { $0 == .tls13 ? "+VERS-TLS1.3" : "+VERS-TLS1.2" }
    parts += ["-KX-ALL", "+ECDHE-ECDSA", "+ECDHE-RSA", "-CIPHER-ALL"]
    let usual: [CipherSuite] = [.aes128GCM13, .aes256GCM13, .chacha13]
    let chosen = suites.filter { $0.signature != nil && (signature == nil || $0.signature == signature) }
    var all = suites.isEmpty || version == .tls13 ? usual : chosen
    if version == nil, !suites.isEmpty { all += usual }
    for name in all.map(\.cipher) where !parts.contains("+" + name) { parts.append("+" + name) }
    parts.append("-MAC-ALL")
    for name in all.map(\.mac) where !parts.contains("+" + name) { parts.append("+" + name) }
    if !curves.isEmpty { parts += ["-GROUP-ALL"] + curves.map { "+" + $0.group } }
    if isServerOrderPreferred { parts.append("%SERVER_PRECEDENCE") }
    return parts.joined(separator: ":")
  }
}
