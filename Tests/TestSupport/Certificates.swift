/// Certificates as the real openssl makes them, in a folder: `NAME.pem` and `NAME.key`.
public struct Certificates: Sendable {
  public let folder: String

  public struct Malformed: Error, CustomStringConvertible { public let description: String }

  public init(folder: String) { self.folder = folder }

  public func certificate(_ name: String) -> String { "\(folder)/\(name).pem" }
  public func key(_ name: String) -> String { "\(folder)/\(name).key" }

  /// A CA that signs itself.
  public func authority(_ name: String) throws {
    try openssl(
      ["req", "-x509", "-days", "30", "-subj", "/CN=\(name)", "-out", certificate(name)] + newKey(name, isRSA: false))
  }

  /// A certificate of `authority`, or of itself.
  ///
  /// - Parameters:
  ///   - purpose: the extended key usage, `clientAuth` or `serverAuth`; nil for none.
  ///   - names: subject alternative names, `DNS:x,IP:127.0.0.1`; empty for none.
  ///   - from, until: `20200101000000Z`.
  ///   - isAuthority: whether it may sign others.
  public func issue(
    _ name: String, by authority: String, purpose: String? = "clientAuth", names: String = "",
    from: String = "20240101000000Z", until: String = "20990101000000Z", isAuthority: Bool = false, isRSA: Bool = false
  ) throws {
    let request = "\(folder)/\(name).csr"
    try openssl(["req", "-new", "-subj", "/CN=\(name)", "-out", request] + newKey(name, isRSA: isRSA))
    let database = "\(folder)/\(name).db"
    try Files.write([], to: database)
    let configuration = """
      [ca]
      default_ca = own
      [own]
      database = \(database)
      rand_serial = yes
      new_certs_dir = \(folder)
      default_md = sha256
      policy = policy
      x509_extensions = extensions
      [policy]
      commonName = supplied
      [extensions]
      basicConstraints = CA:\(isAuthority ? "TRUE" : "FALSE")
      \(purpose.map { "extendedKeyUsage = \($0)" } ?? "")
      \(names.isEmpty ? "" : "subjectAltName = \(names)")

      """
    try Files.write(Array(configuration.utf8), to: "\(folder)/\(name).cnf")
    let signing =
      authority == name
      ? ["-selfsign", "-keyfile", key(name)] : ["-cert", certificate(authority), "-keyfile", key(authority)]
    try openssl(
      [
        "ca", "-batch", "-notext", "-config", "\(folder)/\(name).cnf", "-in", request, "-out", certificate(name),
        "-startdate", from, "-enddate", until,
      ] + signing)
  }

  private func newKey(_ name: String, isRSA: Bool) -> [String] {
    (isRSA ? ["-newkey", "rsa:2048"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
      + ["-nodes", "-keyout", key(name)]
  }

  private func openssl(_ arguments: [String]) throws {
    guard let program = Process.find("openssl") else {
      throw Malformed(description: "openssl is missing; install the Debian package openssl")
    }
    let outcome = try Process.run([program] + arguments)
    guard outcome.status == 0 else { throw Malformed(description: "openssl \(arguments): \(outcome.errorText)") }
  }
}
