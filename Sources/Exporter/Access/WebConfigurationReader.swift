internal import Concurrency
internal import Diagnostics
internal import YAML

/// Reads a web configuration file and the files that it names.
///
/// All failures at once, with file, line and remedy; none has a key, a password or a hash in it.
struct WebConfigurationReader {
  /// What was read.
  struct Loaded: Sendable {
    var configuration: WebConfiguration
    var context: TLSContext?
    /// What is allowed and should not be, for the log.
    var warnings: [String] = []
  }

  private let file: String
  private var complaints: Complaints
  private var warnings: [String] = []
  /// Every file that was read, this one first.
  private(set) var files: [String]

  init(file: String) {
    self.file = file
    complaints = Complaints(file: file)
    files = [file]
  }

  /// - Errors: everything that is wrong with the file and with the files it names.
  mutating func load() throws(Failures) -> Loaded {
    let text: [UInt8]
    do throws(Failure) { text = try FileText.read(file) } catch { throw Failures([error]) }
    var limits = YAMLDocument.Limits()
    limits.nodes = 20_000
    limits.isContentSecret = true
    let root = try YAMLDocument.parse(text, file: file, limits: limits)
    var loaded = Loaded(configuration: WebConfiguration())
    let sections = section(
      root, "", ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"])
    if let node = sections["tls_server_config"] { (loaded.configuration.tls, loaded.context) = tls(node) }
    if let node = sections["http_server_config"] { loaded.configuration.headers = http(node) }
    if let node = sections["basic_auth_users"] { loaded.configuration.users = users(node) }
    if let node = sections["rate_limit"] { loaded.configuration.rateLimit = rateLimit(node) }
    guard complaints.failures.isEmpty else { throw Failures(complaints.failures) }
    loaded.warnings = warnings
    return loaded
  }

  // MARK: - Sections

  private static let tlsKeys = [
    "cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type", "client_allowed_sans",
    "min_version", "max_version", "cipher_suites", "curve_preferences", "prefer_server_cipher_suites",
  ]

  private mutating func tls(_ node: YAMLNode) -> (WebConfiguration.TLSOptions?, TLSContext?) {
    let prefix = "tls_server_config."
    let nodes = section(node, prefix, Self.tlsKeys)
    guard !nodes.isEmpty else { return (nil, nil) }
    let before = complaints.failures.count
    var options = WebConfiguration.TLSOptions()
    options.certificate = pem(nodes, prefix, "cert") ?? []
    options.key = pem(nodes, prefix, "key", isSecret: true) ?? []
    for name in ["cert", "key"] where nodes[name] == nil && nodes[name + "_file"] == nil {
      complaints.key = prefix + name + "_file"
      complaints.add(
        Refusal("it is missing, and without it there is no TLS", "Add it, or remove tls_server_config"), at: node)
    }
    options.clients = clients(nodes, prefix, node)
    read(nodes, prefix, "min_version", Self.version) { options.minVersion = $0 }
    read(nodes, prefix, "max_version", Self.version) { options.maxVersion = $0 }
    if options.minVersion > options.maxVersion, let node = nodes["min_version"] ?? nodes["max_version"] {
      complaints.key = prefix + "min_version"
      complaints.add(Refusal("it is above max_version", "Lower it, or raise max_version"), at: node)
    }
    read(nodes, prefix, "cipher_suites", Shape<CipherSuite>.choice.list("list of cipher suites", limit: 32)) {
      options.suites = $0
    }
    read(nodes, prefix, "curve_preferences", Shape<Curve>.choice.list("list of curves", limit: 8)) {
      options.curves = $0
    }
    read(nodes, prefix, "prefer_server_cipher_suites", .bool) { options.isServerOrderPreferred = $0 }
    guard complaints.failures.count == before else { return (options, nil) }
    do throws(TLSContext.Fault) {
      return (options, try TLSContext(options))
    } catch {
      complain(error, nodes, prefix, node)
      return (options, nil)
    }
  }

  private static let version = Shape<WebConfiguration.TLSVersion>.text(
    "TLS version", range: "TLS12, TLS13",
    parse: { text throws(Refusal) in
      if text == "TLS10" || text == "TLS11" {
        throw Refusal("\(text) is broken and not spoken here", "Write TLS12 or TLS13, or leave it out")
      }
      guard let version = WebConfiguration.TLSVersion(rawValue: text) else {
        throw Refusal("\(Shape<String>.quoted(text)) is no TLS version", "Write TLS12 or TLS13")
      }
      return version
    },
    write: { $0.rawValue })

  private mutating func clients(
    _ nodes: [String: YAMLNode], _ prefix: String, _ section: YAMLNode
  ) -> WebConfiguration.ClientRules {
    var rules = WebConfiguration.ClientRules()
    let kinds = WebConfiguration.ClientCertificates.allCases.map(\.rawValue)
    let kind = Shape<WebConfiguration.ClientCertificates>.text(
      "choice",
      parse: { text throws(Refusal) in
        guard let kind = WebConfiguration.ClientCertificates(name: text) else {
          throw Refusal("\(Shape<String>.quoted(text)) is not known", "Write one of: \(kinds.joined(separator: ", "))")
        }
        return kind
      }, write: { $0.rawValue })
    let before = complaints.failures.count
    read(nodes, prefix, "client_auth_type", kind) { rules.certificates = $0 }
    rules.authorities = pem(nodes, prefix, "client_ca") ?? []
    let name = Shape<String>.checked("name") { text throws(Refusal) in
      let name = try Shape<String>.plain(text, limit: 1_024)
      return IPBytes(name).map { IPBytes.text($0.bytes) } ?? name
    }
    read(nodes, prefix, "client_allowed_sans", name.list("list of names", limit: 1_000)) { rules.allowedNames = $0 }
    guard complaints.failures.count == before else { return rules }
    let authority = nodes["client_ca_file"] ?? nodes["client_ca"]
    let certificate = "RequireAndVerifyClientCert"
    if rules.certificates.isVerified {
      guard authority == nil else { return rules }
      complaints.key = prefix + "client_ca_file"
      complaints.add(
        Refusal("it is missing, so no client certificate could be verified", "Add the CA that signs them"), at: section)
    } else if let node = authority {
      complaints.key = prefix + "client_auth_type"
      complaints.add(
        Refusal("client certificates are not verified, so the CA means nothing", "Write \(certificate)"), at: node)
    } else if let node = nodes["client_allowed_sans"] {
      complaints.key = prefix + "client_auth_type"
      complaints.add(
        Refusal("client certificates are not verified, so their names prove nothing", "Write \(certificate)"), at: node)
    }
    return rules
  }

  private mutating func complain(
    _ fault: TLSContext.Fault, _ nodes: [String: YAMLNode], _ prefix: String, _ section: YAMLNode
  ) {
    let (name, remedy) =
      switch fault.part {
      case .certificate: ("cert", "Give the certificate, and the chain below it, as PEM")
      case .key: ("key", "Give the certificate's own key as PEM, without a passphrase")
      case .authorities: ("client_ca", "Give the CA's certificates as PEM")
      case .suites: ("cipher_suites", "Add one that does, or leave cipher_suites out")
      case .library: ("cert", "See whether the system's GnuTLS policy forbids it")
      }
    let key = nodes[name + "_file"] == nil ? name : name + "_file"
    complaints.key = prefix + key
    complaints.add(
      Refusal(fault.what.hasSuffix(".") ? String(fault.what.dropLast()) : fault.what, remedy), at: nodes[key] ?? section
    )
  }

  private static let allowedHeaders: [(name: String, values: [String])] = [
    ("Content-Security-Policy", []), ("X-Frame-Options", ["deny", "sameorigin"]),
    ("X-Content-Type-Options", ["nosniff"]), ("X-XSS-Protection", []), ("Strict-Transport-Security", []),
  ]

  private mutating func http(_ node: YAMLNode) -> [WebConfiguration.Header] {
    let nodes = section(node, "http_server_config.", ["http2", "headers"])
    // HTTP/1.1 is spoken whatever it says: HTTP/2 is a wish that the protocol lets a server decline.
    read(nodes, "http_server_config.", "http2", .bool) { _ in }
    guard let node = nodes["headers"] else { return [] }
    let prefix = "http_server_config.headers."
    let given = section(node, prefix, Self.allowedHeaders.map(\.name), what: "the header cannot be set")
    var headers: [WebConfiguration.Header] = []
    for (name, values) in Self.allowedHeaders {
      let shape = Shape<String>.checked("text") { text throws(Refusal) in
        let text = text.isEmpty ? text : try Shape<String>.plain(text, limit: 4_096)
        guard text.isEmpty || values.isEmpty || values.contains(text) else {
          throw Refusal("\(Shape<String>.quoted(text)) is not allowed", "Write \(values.joined(separator: " or "))")
        }
        return text
      }
      read(given, prefix, name, shape) { if !$0.isEmpty { headers.append(.init(name: name, value: $0)) } }
    }
    return headers
  }

  private mutating func users(_ node: YAMLNode) -> [String: BcryptHash] {
    complaints.key = "basic_auth_users"
    guard case .mapping(let entries) = node.value else {
      complaints.add(Refusal("\(node.kind) is given instead of users", "Write USER: HASH, a line each"), at: node)
      return [:]
    }
    guard entries.count <= 1_000 else {
      complaints.add(Refusal("there are \(entries.count) users, more than 1000", "Use client certificates"), at: node)
      return [:]
    }
    var users: [String: BcryptHash] = [:]
    for entry in entries {
      let shape = Shape<BcryptHash>.text(
        "bcrypt hash", parse: { text throws(Refusal) in try BcryptHash(text) }, write: { _ in "" })
      // RFC 7617 ends the name at the first colon.
      if entry.key.contains(":") {
        complaints.add(Refusal("a user's name has a colon in it", "Take it out"), line: entry.line)
      } else if let hash = shape.read(entry.value, &complaints) {
        users[entry.key] = hash
        if hash.cost < 10 {
          warnings.append("the bcrypt hash in line \(entry.line) is cheap to guess: take a cost of 10")
        }
      }
    }
    return users
  }

  private mutating func rateLimit(_ node: YAMLNode) -> WebConfiguration.RateLimit? {
    let nodes = section(node, "rate_limit.", ["interval", "burst"])
    var limit = WebConfiguration.RateLimit(intervalMicroseconds: 0, burst: 0)
    read(nodes, "rate_limit.", "interval", GoDuration.shape) { limit.intervalMicroseconds = $0 }
    read(nodes, "rate_limit.", "burst", .integer(0...1_000_000)) { limit.burst = $0 }
    guard limit.intervalMicroseconds > 0 else { return nil }
    if limit.burst == 0 {
      complaints.key = "rate_limit.burst"
      complaints.add(
        Refusal("it is 0, so every request would be refused", "Write 1 or more"), at: nodes["burst"] ?? node)
    }
    return limit
  }

  // MARK: - Nodes

  /// The entries of a mapping that say something; others are complained about.
  private mutating func section(
    _ node: YAMLNode, _ prefix: String, _ keys: [String], what: String = "the key is not known"
  ) -> [String: YAMLNode] {
    guard !node.isNull else { return [:] }
    guard case .mapping(let entries) = node.value else {
      complaints.key = prefix.isEmpty ? "(root)" : String(prefix.dropLast())
      complaints.add(Refusal("\(node.kind) is given instead of a mapping", "Write KEY: VALUE, a line each"), at: node)
      return [:]
    }
    var nodes: [String: YAMLNode] = [:]
    for entry in entries {
      guard keys.contains(entry.key) else {
        complaints.key = prefix + entry.key
        let meant = NearestName.find(entry.key, among: keys).map { "Did you mean \(prefix + $0)?" }
        complaints.add(Refusal(what, meant ?? "Write some of: \(keys.joined(separator: ", "))"), line: entry.line)
        continue
      }
      // An empty text stands for nothing, as in the toolkit.
      if case .scalar(let scalar) = entry.value.value, scalar.isNull || scalar.text.isEmpty { continue }
      nodes[entry.key] = entry.value
    }
    return nodes
  }

  private mutating func read<V>(
    _ nodes: [String: YAMLNode], _ prefix: String, _ name: String, _ shape: Shape<V>, _ take: (V) -> Void
  ) {
    guard let node = nodes[name] else { return }
    complaints.key = prefix + name
    if let value = shape.read(node, &complaints) { take(value) }
  }

  /// The PEM text of `NAME`, or of the file that `NAME_file` names, from the configuration's folder on.
  private mutating func pem(
    _ nodes: [String: YAMLNode], _ prefix: String, _ name: String, isSecret: Bool = false
  ) -> [UInt8]? {
    if let node = nodes[name + "_file"] {
      complaints.key = prefix + name + "_file"
      if nodes[name] != nil {
        complaints.add(Refusal("\(name) is given too", "Keep one of the two"), at: node)
        return nil
      }
      let path = Shape<String>.checked("path") { text throws(Refusal) in try Shape<String>.plain(text, limit: 4_095) }
      guard let given = path.read(node, &complaints) else { return nil }
      let full = given.hasPrefix("/") ? given : folder + given
      files.append(full)
      do throws(Failure) {
        let bytes = try FileText.read(full)
        if isSecret, (try? FileFacts(path: full))?.isReadableByAll == true {
          warnings.append("\(full) can be read by every user of this machine: take that right away (chmod o-r)")
        }
        return bytes
      } catch {
        complaints.add(Refusal("\(full): \(error.what)", "Give the path of a file that this user can read"), at: node)
        return nil
      }
    }
    guard let node = nodes[name] else { return nil }
    complaints.key = prefix + name
    let text = Shape<String>.text("PEM text", parse: { $0 }, write: { _ in "" })
    return text.read(node, &complaints).map { Array($0.utf8) }
  }

  private var folder: String {
    file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
  }
}

/// A duration as Go's `time.ParseDuration` reads it, not negative: `1s`, `1m30s`, `0.5s`, `100ms`.
enum GoDuration {
  private static let units: [(name: String, microseconds: Double)] = [
    ("ns", 0.001), ("us", 1), ("µs", 1), ("ms", 1_000), ("s", 1e6), ("m", 60e6), ("h", 3_600e6),
  ]

  static let shape = Shape<Int64>.text(
    "duration", parse: { text throws(Refusal) in try microseconds(text) }, write: { "\(Double($0) / 1e6)s" })

  static func microseconds(_ text: String) throws(Refusal) -> Int64 {
    let refusal = Refusal(
      "\(Shape<String>.quoted(text)) is not a duration", "Write a number with a unit, such as 1s, 1m30s or 100ms")
    if text == "0" { return 0 }
    var rest = text[...]
    var total = 0.0
    guard !rest.isEmpty, rest.utf8.count <= 32 else { throw refusal }
    while !rest.isEmpty {
      let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(letters.count)
      guard let number = Double(digits), let unit = units.first(where: { $0.name == letters }) else { throw refusal }
      total += number * unit.microseconds
    }
    guard total < 1e15 else { throw refusal }
    return Int64(total.rounded(.up))
  }
}
