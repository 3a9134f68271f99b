internal import CCurl
public import Concurrency
public import Diagnostics

extension Failure.Reason {
  /// libcurl is not on this machine, or too old.
  public static let transportLibrary = Failure.Reason("transport_library")
}

/// What holds for all requests of a client.
public struct ClientSettings: Sendable, Equatable {
  /// Certificates of authorities in PEM form, instead of the system's.
  public var authoritiesFile: String?
  /// Idle connections that are kept.
  public var connectionsLimit = 16
  public var userAgent = "kube-audit-exporter"
  public init() {}
}

/// Outbound HTTP over libcurl: one thread sends one request after another over connections that stay open.
///
/// libcurl is loaded with the first client. Raising the stop signal ends a transfer at once, wherever it is.
@safe public final class HTTPClient {
  // SAFETY: both are made in `init`, belong to this object alone, and are freed once, in `deinit`; the class is not
  // Sendable, so that one thread uses them.
  private let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private let library: CurlLibrary
  private let settings: ClientSettings
  /// Raised when nothing more shall be sent.
  public let stop: StopSignal
  /// How long one wait is where the stop signal has no descriptor.
  private static let waitMilliseconds: Int32 = 500

  /// - Errors: reason `transport_library`.
  public init(_ settings: ClientSettings = ClientSettings(), stop: StopSignal) throws(Failure) {
    library = try CurlLibrary.get()
    guard let easy = unsafe library.api.easy_init() else { throw CurlLibrary.failure("curl_easy_init") }
    guard let multi = unsafe library.api.multi_init() else {
      unsafe library.api.easy_cleanup(easy)
      throw CurlLibrary.failure("curl_multi_init")
    }
    unsafe (self.easy, self.multi) = (easy, multi)
    self.settings = settings
    self.stop = stop
    unsafe library.withAPI {
      _ = unsafe kae_curl_multi_set_long($0, multi, CURLMOPT_MAXCONNECTS, settings.connectionsLimit)
    }
  }

  deinit {
    unsafe library.api.easy_cleanup(easy)
    _ = unsafe library.api.multi_cleanup(multi)
  }

  /// Sends once, and waits for the whole answer, whatever its status. Redirects are not followed.
  public func send(_ request: HTTPRequest) throws(TransferFault) -> HTTPAnswer {
    guard request.isWellFormed else {
      throw TransferFault(.malformed, "no http or https URL, or a character that no head may hold")
    }
    guard !stop.isRaised else { throw TransferFault(.stopped, "stopping") }
    let incoming = Incoming(request.limits)
    // Keeps open connections and what is known of TLS sessions and names.
    unsafe library.api.easy_reset(easy)
    var lines: UnsafeMutablePointer<curl_slist>?
    defer { unsafe library.api.slist_free_all(lines) }
    for line in headLines(request) { unsafe lines = library.api.slist_append(lines, line) }
    var code = unsafe library.withAPI { unsafe prepare($0, request, lines, incoming) }
    // SAFETY: libcurl holds `incoming` unretained; it lives until the transfer is over, which `drive` sees to.
    if code == CURLE_OK { code = withExtendedLifetime(incoming) { drive() } }
    return try answer(code, incoming)
  }

  /// What is set explicitly is what goes out: libcurl adds neither `Expect` nor a content type of its own.
  private func headLines(_ request: HTTPRequest) -> [String] {
    let hasType = request.headers.contains { $0.name.lowercased() == "content-type" }
    // A header without a value is written with a semicolon, or libcurl takes it for one to leave out.
    return request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
      + (request.body.isEmpty ? [] : ["Expect:"] + (hasType ? [] : ["Content-Type:"]))
  }

  private func prepare(
    _ api: UnsafePointer<kae_curl>, _ request: HTTPRequest, _ lines: UnsafeMutablePointer<curl_slist>?,
    _ incoming: Incoming
  ) -> CURLcode {
    // Of what cannot be set, the first tells.
    var result = CURLE_OK
    func keep(_ code: CURLcode) { if result == CURLE_OK { result = code } }
    func set(_ option: CURLoption, _ value: Int) { unsafe keep(kae_curl_set_long(api, easy, option, value)) }
    func set(_ option: CURLoption, _ value: String) { unsafe keep(kae_curl_set_text(api, easy, option, value)) }
    set(CURLOPT_URL, request.url)
    set(CURLOPT_CUSTOMREQUEST, request.method)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, request.limits.connectMilliseconds)
    set(CURLOPT_TIMEOUT_MS, request.limits.wholeMilliseconds)
    set(CURLOPT_LOW_SPEED_LIMIT, 1)
    set(CURLOPT_LOW_SPEED_TIME, max(1, request.limits.silenceSeconds))
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
    set(CURLOPT_ACCEPT_ENCODING, "gzip")
    set(CURLOPT_USERAGENT, settings.userAgent)
    if let file = settings.authoritiesFile { set(CURLOPT_CAINFO, file) }
    // Without this option libcurl reads http_proxy, https_proxy, all_proxy and no_proxy.
    if !request.usesProxy { set(CURLOPT_PROXY, "") }
    unsafe keep(kae_curl_set_headers(api, easy, lines))
    if !request.body.isEmpty {
      // The size first: the copy is of so many bytes.
      unsafe keep(kae_curl_set_off(api, easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
      unsafe keep(kae_curl_set_bytes(api, easy, CURLOPT_COPYPOSTFIELDS, request.body))
    }
    let user = unsafe Unmanaged.passUnretained(incoming).toOpaque()
    unsafe keep(kae_curl_set_sinks(api, easy, takeBody, takeHead, user))
    return result
  }

  /// Runs the transfer to its end, or until the stop signal is raised.
  private func drive() -> CURLcode {
    guard unsafe library.api.multi_add_handle(multi, easy) == CURLM_OK else { return CURLE_FAILED_INIT }
    defer { _ = unsafe library.api.multi_remove_handle(multi, easy) }
    var stopping = curl_waitfd(fd: stop.descriptor, events: Int16(CURL_WAIT_POLLIN), revents: 0)
    let descriptors: UInt32 = stop.descriptor >= 0 ? 1 : 0
    while !stop.isRaised {
      var running: Int32 = 0
      guard unsafe library.api.multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      var result = CURLE_OK
      let isDone = unsafe library.withAPI { unsafe kae_curl_finished($0, multi, &result) }
      if isDone != 0 { return result }
      let code = unsafe library.api.multi_poll(multi, &stopping, descriptors, Self.waitMilliseconds, nil)
      guard code == CURLM_OK else { return CURLE_FAILED_INIT }
    }
    return CURLE_ABORTED_BY_CALLBACK
  }

  private func answer(_ code: CURLcode, _ incoming: Incoming) throws(TransferFault) -> HTTPAnswer {
    guard code == CURLE_OK else { throw fault(code, incoming) }
    func fact(_ info: CURLINFO) -> Int {
      var value = 0
      let code = unsafe library.withAPI { unsafe kae_curl_info_long($0, easy, info, &value) }
      return code == CURLE_OK ? value : 0
    }
    let version = fact(CURLINFO_HTTP_VERSION)
    return HTTPAnswer(
      status: fact(CURLINFO_RESPONSE_CODE), headers: incoming.headers, body: incoming.body,
      version: version >= Int(CURL_HTTP_VERSION_2_0) ? 2 : 1, newConnections: fact(CURLINFO_NUM_CONNECTS))
  }

  private func fault(_ code: CURLcode, _ incoming: Incoming) -> TransferFault {
    if let text = incoming.excess { return TransferFault(.tooLarge, text) }
    if stop.isRaised { return TransferFault(.stopped, "stopping") }
    let text = unsafe library.api.easy_strerror(code).map { unsafe String(cString: $0).lowercased() } ?? "failed"
    switch code {
    case CURLE_OPERATION_TIMEDOUT: return TransferFault(.timeout, text)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
      return TransferFault(.unreachable, text)
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
      CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
      return TransferFault(.tls, text)
    case CURLE_URL_MALFORMAT: return TransferFault(.malformed, text)
    default: return TransferFault(.broken, text)
    }
  }
}

/// What arrives of one answer, within its limits.
private final class Incoming {
  private(set) var headers: [Header] = []
  private(set) var body: [UInt8] = []
  /// Why nothing more is taken.
  private(set) var excess: String?
  private var headBytes = 0
  private let limits: TransferLimits

  init(_ limits: TransferLimits) { self.limits = limits }

  func takeBody(_ piece: UnsafeRawBufferPointer) -> Bool {
    guard body.count + piece.count <= limits.bodyBytes else {
      excess = "the answer's body has more than \(limits.bodyBytes) bytes"
      return false
    }
    // SAFETY: the piece is lent for the call, and this copies it.
    unsafe body.append(contentsOf: piece)
    return true
  }

  func takeHead(_ line: UnsafeRawBufferPointer) -> Bool {
    headBytes += line.count
    guard headBytes <= limits.headBytes else {
      excess = "the answer's head has more than \(limits.headBytes) bytes"
      return false
    }
    // SAFETY: as above.
    let text = unsafe String(decoding: line, as: UTF8.self)
    // A status line: a 100 or a proxy's answer to CONNECT came before.
    if text.hasPrefix("HTTP/") { headers.removeAll() }
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return true }
    let value = text[text.index(after: colon)...].utf8.drop { $0 == 0x20 || $0 == 0x09 }
    let end = value.reversed().drop { $0 <= 0x20 }.count
    headers.append(Header(text[..<colon].lowercased(), String(Substring(value.prefix(end)))))
    return true
  }
}

// Any other number than that of the bytes ends the transfer.
private func takeBody(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
  guard let user = unsafe user else { return 0 }
  // SAFETY: libcurl lends `size * count` bytes for the call; `user` is the `Incoming` that `send` keeps alive.
  let incoming = unsafe Unmanaged<Incoming>.fromOpaque(user).takeUnretainedValue()
  return unsafe incoming.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : -1
}

private func takeHead(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?
) -> Int {
  guard let user = unsafe user else { return 0 }
  // SAFETY: as above.
  let incoming = unsafe Unmanaged<Incoming>.fromOpaque(user).takeUnretainedValue()
  return unsafe incoming.takeHead(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : -1
}

/// libcurl's functions, found once for the process.
@safe private struct CurlLibrary {
  // Written once, before anybody reads it.
  private nonisolated(unsafe) static let loaded: (table: kae_curl, missing: String?) = {
    var table = unsafe kae_curl()
    let missing = unsafe kae_curl_load(&table).map { unsafe String(cString: $0) }
    return unsafe (table, missing)
  }()
  // SAFETY: points into a library that is never unloaded; every function was found.
  let api: kae_curl

  static func get() throws(Failure) -> CurlLibrary {
    if let missing = unsafe loaded.missing { throw failure(missing) }
    return unsafe CurlLibrary(api: loaded.table)
  }

  func withAPI<R>(_ body: (UnsafePointer<kae_curl>) -> R) -> R {
    // SAFETY: the table is lent for the call.
    unsafe withUnsafePointer(to: api) { unsafe body($0) }
  }

  static func failure(_ missing: String) -> Failure {
    Failure(
      .transportLibrary, "\(missing) is missing", at: .process,
      remedy: "Install libcurl 7.85 or newer: the Debian package libcurl4")
  }
}
