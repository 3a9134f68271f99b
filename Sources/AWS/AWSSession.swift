internal import Crypto
public import Concurrency
public import Diagnostics
public import Transport

extension Failure.Reason {
  /// OpenSSL's libcrypto is not on this machine.
  public static let signingLibrary = Failure.Reason("signing_library")
}

/// Calls to AWS services from one thread, signed with credentials that are kept fresh.
public final class AWSSession {
  let environment: ProcessEnvironment
  let caller: Caller
  let signer: SignatureV4
  /// How far the services' clock is ahead of this machine's, once one of them complained.
  private var clockOffset: Microseconds = 0
  private var caches: [CredentialSource: CredentialCache] = [:]
  /// How long a container's and an instance's metadata may take for an answer.
  var containerMilliseconds = 2_000
  var instanceMilliseconds = 1_000

  /// - Errors: reason `transport_library` or `signing_library`.
  public static func make(
    _ environment: ProcessEnvironment, policy: CallPolicy, stop: StopSignal
  ) throws(Failure) -> AWSSession {
    var settings = ClientSettings()
    settings.authoritiesFile = environment["AWS_CA_BUNDLE"]
    return try AWSSession(environment, Caller(try HTTPClient(settings, stop: stop), policy: policy))
  }

  /// The same over a caller of one's own.
  public init(_ environment: ProcessEnvironment, _ caller: Caller) throws(Failure) {
    guard let sha256 = SHA256.load() else {
      throw Failure(
        .signingLibrary, "libcrypto.so.3 is missing", at: .process,
        remedy: "Install OpenSSL 3: the Debian package libssl3")
    }
    self.environment = environment
    self.caller = caller
    signer = SignatureV4(sha256)
  }

  /// Now, by the services' clock as far as it is known.
  public var now: Microseconds { caller.timing.clock.now + clockOffset }

  /// Credentials from there, fresh enough for a request.
  ///
  /// - Parameter region: whose STS is asked.
  /// - Errors: a reason `credentials_…`, which names the link that failed.
  public func credentials(_ source: CredentialSource, region: String) throws(Failure) -> Credentials {
    var cache = caches[source] ?? CredentialCache()
    defer { caches[source] = cache }
    return try cache.credentials(at: caller.timing.clock.now) { () throws(Failure) -> Credentials in
      try CredentialFetcher(session: self, region: region).fetch(source)
    }
  }

  /// One call of a JSON service.
  ///
  /// - Parameters:
  ///   - body: the operation's parameters, a JSON object.
  ///   - quota: what it is throttled by; nil for none.
  ///   - read: takes what is needed out of the answer's body; nil when it is not what the protocol has.
  public func call<Value: Sendable>(
    _ service: AWSService, _ operation: String, region: String, source: CredentialSource, body: String,
    quota: (key: QuotaKey, rate: Throttle.Rate)? = nil, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let headers = [
      Header("Content-Type", "application/x-amz-json-1.1"), Header("X-Amz-Target", service.target + "." + operation),
    ]
    let url = service.endpoint(region: region, environment) + "/"
    return try send(
      HTTPRequest("POST", url, headers: headers, body: Array(body.utf8)),
      as: CallName(service: service.name, operation: operation, region: region), source: source, quota: quota,
      read: read)
  }

  /// One call of a service whose operations are paths.
  ///
  /// - Parameters:
  ///   - path: encoded, from the first slash on.
  ///   - query: names and values, not encoded.
  public func get<Value: Sendable>(
    _ service: AWSService, _ operation: String, region: String, source: CredentialSource, path: String,
    query: [(String, String)] = [], quota: (key: QuotaKey, rate: Throttle.Rate)? = nil, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let pairs = URLParts.form(query)
    let url = service.endpoint(region: region, environment) + path + (pairs.isEmpty ? "" : "?" + pairs)
    return try send(
      HTTPRequest("GET", url), as: CallName(service: service.name, operation: operation, region: region),
      source: source, quota: quota, read: read)
  }

  /// The same with a body, a JSON object.
  public func post<Value: Sendable>(
    _ service: AWSService, _ operation: String, region: String, source: CredentialSource, path: String, body: String,
    quota: (key: QuotaKey, rate: Throttle.Rate)? = nil, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let url = service.endpoint(region: region, environment) + path
    let headers = [Header("Content-Type", "application/json")]
    return try send(
      HTTPRequest("POST", url, headers: headers, body: Array(body.utf8)),
      as: CallName(service: service.name, operation: operation, region: region), source: source, quota: quota,
      read: read)
  }

  /// One call of a service that takes forms and answers XML. Unsigned where `source` is nil.
  func form<Value: Sendable>(
    _ service: AWSService, _ operation: String, version: String, region: String, source: CredentialSource?,
    parameters: [(String, String)] = [], read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let body = URLParts.form([("Action", operation)] + parameters + [("Version", version)])
    let headers = [Header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
    let url = service.endpoint(region: region, environment) + "/"
    return try send(
      HTTPRequest("POST", url, headers: headers, body: Array(body.utf8)),
      as: CallName(service: service.name, operation: operation, region: region), source: source, read: read)
  }

  /// Sends a request, signed unless `source` is nil.
  func send<Value: Sendable>(
    _ request: HTTPRequest, as name: CallName, source: CredentialSource?,
    quota: (key: QuotaKey, rate: Throttle.Rate)? = nil, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let scope = SignatureV4.Scope(region: name.region, service: name.service)
    return try caller.call(name, quota: quota) { () throws(CallFailure) -> HTTPRequest in
      guard let source else { return request }
      var signed = request
      do throws(Failure) {
        signer.sign(&signed, try credentials(source, region: name.region), scope, at: now)
      } catch {
        let place = if case .path(let path) = error.place { path + ": " } else { "" }
        throw CallFailure(.denied, code: error.reason.label, "\(place)\(error.what). \(error.remedy)")
      }
      return signed
    } judge: { answer in
      guard answer.status != 200 else {
        if let value = read(answer.body) { return .success(value) }
        return .again(.unreadable, CallFailure(.unreadable, "the answer is not what \(name.operation) answers"))
      }
      return verdict(AWSFault(answer), answer, source)
    }
  }

  private func verdict<Value: Sendable>(
    _ fault: AWSFault, _ answer: HTTPAnswer, _ source: CredentialSource?
  ) -> Verdict<Value> {
    let outcome = fault.outcome
    let failure = CallFailure(outcome, code: fault.code, fault.text)
    if let source, fault.isExpired {
      caches[source] = nil
      return .mended(outcome, failure)
    }
    if source != nil, fault.isAboutTheClock, correctClock(by: answer) { return .mended(outcome, failure) }
    return outcome == .throttled || outcome == .serverError ? .again(outcome, failure) : .final(outcome, failure)
  }

  /// Services refuse signatures that are more than five minutes old or new. Answers whether the clock was that wrong.
  private func correctClock(by answer: HTTPAnswer) -> Bool {
    guard let seconds = answer.header("date").flatMap({ HTTPDate.seconds($0) }) else { return false }
    let offset = seconds * 1_000_000 - caller.timing.clock.now
    guard abs(offset - clockOffset) > 240_000_000 else { return false }
    clockOffset = offset
    return true
  }
}

/// Credentials of one source, and when they came.
struct CredentialCache {
  /// The pause after fresh ones could not be had while the old ones still served.
  static let retryPause: Microseconds = 60_000_000

  private var kept: (credentials: Credentials, obtained: Microseconds)?
  private var nextTry: Microseconds = .min

  /// What is kept, or what `fetch` gets.
  mutating func credentials(
    at now: Microseconds, _ fetch: () throws(Failure) -> Credentials
  ) throws(Failure) -> Credentials {
    guard let kept else { return try renew(now, fetch) }
    switch kept.credentials.freshness(at: now, obtained: kept.obtained) {
    case .fresh: return kept.credentials
    case .spent: return try renew(now, fetch)
    case .ageing:
      guard now >= nextTry else { return kept.credentials }
      do throws(Failure) { return try renew(now, fetch) } catch {
        nextTry = now + Self.retryPause
        return kept.credentials
      }
    }
  }

  private mutating func renew(
    _ now: Microseconds, _ fetch: () throws(Failure) -> Credentials
  ) throws(Failure) -> Credentials {
    let fresh = try fetch()
    kept = (fresh, now)
    return fresh
  }
}
