internal import CGnuTLS

/// Owns credentials until they are handed over.
@safe struct CredentialsOwner: ~Copyable {
  // SAFETY: allocated in `init`, freed in `deinit` unless `release` handed it over.
  private let raw: gnutls_certificate_credentials_t

  init() throws(TLSContext.Fault) {
    var made: gnutls_certificate_credentials_t?
    let code = unsafe gnutls_certificate_allocate_credentials(&made)
    guard code == 0, let made = unsafe made else { throw .init(part: .library, what: reason(code)) }
    unsafe raw = made
  }

  deinit { unsafe gnutls_certificate_free_credentials(raw) }

  consuming func release() -> gnutls_certificate_credentials_t {
    let raw = unsafe self.raw
    discard self
    return unsafe raw
  }

  func take(certificate: [UInt8], key: [UInt8]) throws(TLSContext.Fault) {
    // By itself first: it tells whether certificate or key is at fault, and the call below loses memory over a certificate
    // that cannot be read (GnuTLS 3.7.9).
    try judge(certificate: certificate)
    // SAFETY: the library copies both texts during the call.
    let code = unsafe withDatum(certificate) { certificate in
      unsafe withDatum(key) { key in
        unsafe gnutls_certificate_set_x509_key_mem2(raw, &certificate, &key, GNUTLS_X509_FMT_PEM, nil, 0)
      }
    }
    guard code < 0 else { return }
    let isMismatch = code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
    throw .init(part: .key, what: isMismatch ? "the key does not belong to the certificate" : reason(code))
  }

  func take(authorities: [UInt8]) throws(TLSContext.Fault) {
    // SAFETY: the library copies the text during the call.
    let count = unsafe withDatum(authorities) {
      unsafe gnutls_certificate_set_x509_trust_mem(raw, &$0, GNUTLS_X509_FMT_PEM)
    }
    guard count < 1 else { return }
    throw .init(part: .authorities, what: count == 0 ? "there is no certificate in it" : reason(count))
  }

  /// What the key of the first certificate signs with; nil for a kind that has no suites of its own.
  func signature() throws(TLSContext.Fault) -> CipherSuite.Signature? {
    var key: gnutls_x509_privkey_t?
    let code = unsafe gnutls_certificate_get_x509_key(raw, 0, &key)
    guard code == 0, let key = unsafe key else { throw .init(part: .key, what: reason(code)) }
    // SAFETY: a copy that is ours to free.
    defer { unsafe gnutls_x509_privkey_deinit(key) }
    switch gnutls_pk_algorithm_t(UInt32(bitPattern: unsafe gnutls_x509_privkey_get_pk_algorithm(key))) {
    case GNUTLS_PK_RSA, GNUTLS_PK_RSA_PSS: return .rsa
    case GNUTLS_PK_ECDSA, GNUTLS_PK_EDDSA_ED25519, GNUTLS_PK_EDDSA_ED448: return .ecdsa
    default: return nil
    }
  }

  private func judge(certificate text: [UInt8]) throws(TLSContext.Fault) {
    var list: UnsafeMutablePointer<gnutls_x509_crt_t?>?
    var count: UInt32 = 0
    let code = unsafe withDatum(text) {
      unsafe gnutls_x509_crt_list_import2(&list, &count, &$0, GNUTLS_X509_FMT_PEM, 0)
    }
    guard code >= 0, let list = unsafe list else { throw .init(part: .certificate, what: reason(code)) }
    // SAFETY: `count` certificates and the list itself, ours to free.
    for at in 0..<Int(count) { unsafe gnutls_x509_crt_deinit(list[at]) }
    unsafe kae_gnutls_free(list)
  }
}

/// Owns priorities until they are handed over.
@safe struct PrioritiesOwner: ~Copyable {
  // SAFETY: as above.
  private let raw: gnutls_priority_t

  init(_ text: String) throws(TLSContext.Fault) {
    var made: gnutls_priority_t?
    let code = unsafe gnutls_priority_init(&made, text, nil)
    guard code == 0, let made = unsafe made else { throw .init(part: .suites, what: reason(code)) }
    unsafe raw = made
  }

  deinit { unsafe gnutls_priority_deinit(raw) }

  consuming func release() -> gnutls_priority_t {
    let raw = unsafe self.raw
    discard self
    return unsafe raw
  }
}

/// The names in a certificate.
struct CertificateNames {
  /// Subject alternative names: DNS names, e-mail addresses, URIs, and IP addresses in canonical notation.
  private(set) var alternatives: [String] = []
  private(set) var commonName: String?
  var all: [String] { alternatives + (commonName.map { [$0] } ?? []) }

  /// More names than this are not read.
  private static let namesLimit = 64
  private static let nameBytesLimit = 2_048

  // SAFETY: `leaf` is the peer's certificate in DER, lent for the call.
  @unsafe init?(_ leaf: UnsafePointer<gnutls_datum_t>) {
    var made: gnutls_x509_crt_t?
    guard unsafe gnutls_x509_crt_init(&made) == 0, let certificate = unsafe made else { return nil }
    defer { unsafe gnutls_x509_crt_deinit(certificate) }
    guard unsafe gnutls_x509_crt_import(certificate, leaf, GNUTLS_X509_FMT_DER) == 0 else { return nil }
    for number in 0..<UInt32(Self.namesLimit) {
      var bytes = [UInt8](repeating: 0, count: Self.nameBytesLimit)
      var count = bytes.count
      let kind = unsafe gnutls_x509_crt_get_subject_alt_name(certificate, number, &bytes, &count, nil)
      if kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE { break }
      guard kind >= 0, count <= bytes.count else { continue }
      if let name = Self.name(Array(bytes[..<count]), kind: gnutls_x509_subject_alt_name_t(UInt32(kind))) {
        alternatives.append(name)
      }
    }
    var bytes = [UInt8](repeating: 0, count: Self.nameBytesLimit)
    var count = bytes.count
    if unsafe gnutls_x509_crt_get_dn_by_oid(certificate, "2.5.4.3", 0, 0, &bytes, &count) == 0, count <= bytes.count {
      commonName = Self.text(Array(bytes[..<count]))
    }
  }

  private static func name(_ bytes: [UInt8], kind: gnutls_x509_subject_alt_name_t) -> String? {
    switch kind {
    case GNUTLS_SAN_DNSNAME, GNUTLS_SAN_RFC822NAME, GNUTLS_SAN_URI: text(bytes)
    case GNUTLS_SAN_IPADDRESS: bytes.count == 4 || bytes.count == 16 ? IPBytes.text(bytes) : nil
    default: nil
    }
  }

  /// Nil for what is no text, a zero in it included: it could make one name look like another.
  private static func text(_ bytes: [UInt8]) -> String? {
    bytes.isEmpty || bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
  }
}

/// Lends bytes in GnuTLS' form; the library does not write to them.
private func withDatum(_ bytes: [UInt8], _ body: (inout gnutls_datum_t) -> Int32) -> Int32 {
  var bytes = bytes
  return unsafe bytes.withUnsafeMutableBufferPointer { room in
    // SAFETY: the buffer outlives `body`.
    var datum = unsafe gnutls_datum_t(data: room.baseAddress, size: UInt32(room.count))
    return unsafe body(&datum)
  }
}

private func reason(_ code: Int32) -> String {
  // SAFETY: a constant text of the library.
  unsafe gnutls_strerror(code).map { unsafe String(cString: $0) } ?? "GnuTLS refuses it (\(code))"
}
