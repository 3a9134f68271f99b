internal import CGnuTLS

/// What TLS needs on one listener: certificate and key, what is asked of clients, versions and ciphers.
///
/// Every connection is prepared with the context of its time, so a new one needs no restart. libmicrohttpd alone asks for
/// a client certificate and never judges it: here the handshake itself does.
// Unchecked: everything is set in `init`; GnuTLS reads credentials and priorities of several sessions at once.
@safe final class TLSContext: @unchecked Sendable {
  let clients: WebConfiguration.ClientRules
  // SAFETY: allocated in `init`, freed in `deinit`. A session that uses them belongs to a connection whose `TLSPeer` holds
  // this object until the session is gone.
  private let credentials: gnutls_certificate_credentials_t
  private let priorities: gnutls_priority_t
  /// For TLS 1.2 once it has been agreed on; nil when `priorities` say it all.
  private let oldPriorities: gnutls_priority_t?
  private let allowedNames: Set<String>?

  /// Which part of the options GnuTLS refuses, and its reason, which has no secret in it.
  struct Fault: Error {
    enum Part: Sendable { case certificate, key, authorities, suites, library }
    let part: Part
    let what: String
  }

  init(_ options: WebConfiguration.TLSOptions) throws(Fault) {
    let owner = try CredentialsOwner()
    try owner.take(certificate: options.certificate, key: options.key)
    if options.clients.certificates.isVerified { try owner.take(authorities: options.clients.authorities) }
    let signature = try owner.signature()
    var options = options
    if !options.suites.isEmpty, !options.suites.contains(where: { $0.signature == signature }) {
      guard options.maxVersion == .tls13 else {
        throw Fault(part: .suites, what: "none of them goes with the certificate's key")
      }
      // Nothing is left for TLS 1.2.
      options.minVersion = .tls13
    }
    let first = try PrioritiesOwner(options.priorities(signature: signature))
    var second: PrioritiesOwner?
    if !options.suites.isEmpty, options.minVersion == .tls12 {
      second = try PrioritiesOwner(options.priorities(signature: signature, version: .tls12))
    }
    clients = options.clients
    allowedNames = options.clients.allowedNames.map(Set.init)
    unsafe credentials = owner.release()
    unsafe priorities = first.release()
    unsafe oldPriorities = second?.release()
    unsafe gnutls_certificate_set_verify_function(credentials, judgeClient)
  }

  deinit {
    unsafe gnutls_certificate_free_credentials(credentials)
    unsafe gnutls_priority_deinit(priorities)
    if let old = unsafe oldPriorities { unsafe gnutls_priority_deinit(old) }
  }

  /// Makes a session that has not begun its handshake one of this context; false when GnuTLS refuses.
  // SAFETY: `peer` is held by the session's connection until after the session's end.
  @unsafe fileprivate func prepare(_ session: gnutls_session_t, _ peer: TLSPeer) -> Bool {
    guard unsafe gnutls_priority_set(session, priorities) == 0,
      unsafe gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials)) == 0
    else { return false }
    // Never GNUTLS_CERT_REQUIRE: the library would end the handshake without a word. `judge` does it with one, and nobody is
    // served whom it has not admitted.
    let isAsked = clients.certificates != .none
    unsafe gnutls_certificate_server_set_request(session, isAsked ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE)
    // The slot of a session store, of which there is none: sessions are not resumed.
    unsafe gnutls_db_set_ptr(session, Unmanaged.passUnretained(peer).toOpaque())
    if unsafe oldPriorities != nil { unsafe gnutls_handshake_set_post_client_hello_function(session, versionAgreed) }
    return true
  }

  /// The client's hello has been read and the version is known: from here on the suites chosen for it hold.
  @unsafe fileprivate func narrow(_ session: gnutls_session_t) -> Int32 {
    guard let old = unsafe oldPriorities, unsafe gnutls_protocol_get_version(session) == GNUTLS_TLS1_2 else { return 0 }
    return unsafe gnutls_priority_set(session, old)
  }

  /// The names that the client's certificate proves, or the alert that ends the handshake.
  @unsafe fileprivate func judge(_ session: gnutls_session_t) -> Result<[String], TLSAlert> {
    var count: UInt32 = 0
    let leaf = unsafe gnutls_certificate_get_peers(session, &count)
    guard let leaf = unsafe leaf, count > 0 else {
      guard clients.certificates.isRequired else { return .success([]) }
      // TLS 1.2 does not know the alert that says so.
      let isNew = unsafe gnutls_protocol_get_version(session) != GNUTLS_TLS1_2
      return .failure(TLSAlert(code: isNew ? GNUTLS_A_CERTIFICATE_REQUIRED : GNUTLS_A_HANDSHAKE_FAILURE))
    }
    guard clients.certificates.isVerified else { return .success([]) }
    var status: UInt32 = 0
    guard unsafe kae_gnutls_verify_client(session, &status) == 0 else { return .failure(TLSAlert(status: status)) }
    guard let names = unsafe CertificateNames(leaf) else { return .failure(TLSAlert(code: GNUTLS_A_BAD_CERTIFICATE)) }
    if let allowedNames, allowedNames.isDisjoint(with: names.alternatives) {
      return .failure(TLSAlert(code: GNUTLS_A_BAD_CERTIFICATE))
    }
    return .success(names.all)
  }
}

/// The TLS side of one connection: which rules it was made under and what its certificate proved.
///
/// Written during the handshake and read by requests, both on the connection's thread.
// Unchecked: as just said; other threads only hold it.
@safe final class TLSPeer: @unchecked Sendable {
  let context: TLSContext
  /// Whether the handshake got as far as judging the client, and judged well; from the start where nothing is asked.
  private(set) var isAdmitted: Bool
  /// Whether the client was refused, and told so by an alert.
  private(set) var isRefused = false
  /// Alternative names of a verified certificate, and its common name.
  private(set) var names: [String] = []

  init(_ context: TLSContext) {
    self.context = context
    isAdmitted = context.clients.certificates == .none
  }

  /// Prepares a session that has not begun; false when it cannot be.
  // SAFETY: this object outlives the session: the connection's watch holds both.
  @unsafe func prepare(_ session: OpaquePointer) -> Bool { unsafe context.prepare(session, self) }

  @unsafe fileprivate func judge(_ session: gnutls_session_t) -> Int32 {
    switch unsafe context.judge(session) {
    case .success(let names):
      self.names = names
      isAdmitted = true
      return 0
    case .failure(let alert):
      isRefused = true
      // The library that runs the handshake sends none.
      unsafe gnutls_alert_send(session, GNUTLS_AL_FATAL, alert.code)
      return -1
    }
  }
}

/// Why a handshake ends.
private struct TLSAlert: Error {
  let code: gnutls_alert_description_t

  init(code: gnutls_alert_description_t) { self.code = code }

  /// - Parameter status: what verification found, `gnutls_certificate_status_t`.
  init(status: UInt32) {
    func has(_ flag: gnutls_certificate_status_t) -> Bool { status & UInt32(flag.rawValue) != 0 }
    if has(GNUTLS_CERT_EXPIRED) || has(GNUTLS_CERT_NOT_ACTIVATED) {
      code = GNUTLS_A_CERTIFICATE_EXPIRED
    } else if has(GNUTLS_CERT_SIGNER_NOT_FOUND) {
      code = GNUTLS_A_UNKNOWN_CA
    } else if has(GNUTLS_CERT_PURPOSE_MISMATCH) {
      code = GNUTLS_A_UNSUPPORTED_CERTIFICATE
    } else {
      code = GNUTLS_A_BAD_CERTIFICATE
    }
  }
}

private func peerOf(_ session: gnutls_session_t?) -> TLSPeer? {
  // SAFETY: what `TLSContext.prepare` put there; alive as long as the session.
  unsafe gnutls_db_get_ptr(session).map { unsafe Unmanaged<TLSPeer>.fromOpaque($0).takeUnretainedValue() }
}

private func judgeClient(_ session: gnutls_session_t?) -> Int32 {
  guard let session = unsafe session, let peer = unsafe peerOf(session) else { return -1 }
  return unsafe peer.judge(session)
}

private func versionAgreed(_ session: gnutls_session_t?) -> Int32 {
  guard let session = unsafe session, let peer = unsafe peerOf(session) else { return GNUTLS_E_INTERNAL_ERROR }
  return unsafe peer.context.narrow(session)
}
