internal import Concurrency
internal import Diagnostics

/// Who sent a request, as far as it was proven.
struct Sender: Sendable, Equatable {
  /// A user whose password was right.
  var user: String?
  /// The names in a certificate that was verified.
  var certificateNames: [String] = []
}

/// Stands before one listener: TLS for its connections, then for each request rate limit and password.
///
/// The rules can be replaced at any time; whether TLS is spoken cannot.
final class Gate: Sendable {
  enum Verdict {
    /// Come in; nil where nobody is asked who they are.
    case pass(Sender?)
    case refuse(HTTPResponse)
    /// The password is being checked; `tell` of `judge` will be called.
    case wait(Sender)
  }

  let isTLS: Bool
  private let rules: Lock<AccessRules>
  private let passwords: Lock<PasswordChecker?>
  private let bucket: Lock<TokenBucket?>
  private let hook = Lock<@Sendable () -> Void>({})

  /// - Errors: reason `thread`.
  init(_ rules: AccessRules) throws(Failure) {
    isTLS = rules.context != nil
    self.rules = Lock(rules)
    let users = rules.configuration.users
    passwords = Lock(users.isEmpty ? nil : try PasswordChecker(users))
    bucket = Lock(rules.configuration.rateLimit.map { TokenBucket($0, now: Clock.monotonic) })
  }

  /// What to do when connections should come back because TLS has changed.
  func whenTLSChanges(_ hook: @escaping @Sendable () -> Void) { self.hook.withLock { $0 = hook } }

  /// Other rules for every connection and request from now on; answers whether they are other ones.
  func replace(_ fresh: AccessRules) throws(Failure) -> Bool {
    let old = rules.withLock { $0 }
    guard fresh.configuration != old.configuration else { return false }
    var fresh = fresh
    let isTLSNew = fresh.configuration.tls != old.configuration.tls
    if !isTLSNew { fresh.context = old.context }
    let users = fresh.configuration.users
    if let checker = passwords.withLock({ $0 }) {
      checker.replace(users)
    } else if !users.isEmpty {
      let checker = try PasswordChecker(users)
      passwords.withLock { $0 = checker }
    }
    let limit = fresh.configuration.rateLimit
    bucket.withLock { bucket in
      if bucket?.limit != limit { bucket = limit.map { TokenBucket($0, now: Clock.monotonic) } }
    }
    rules.withLock { $0 = fresh }
    if isTLSNew { hook.withLock { $0 }() }
    return true
  }

  /// Ends the thread that checks passwords. Call it once, when no request is left.
  func stop() { passwords.withLock { $0 }?.stop() }

  /// The headers that every answer gets.
  var headers: [(name: String, value: String)] {
    rules.withLock { $0.configuration.headers }.map { ($0.name, $0.value) }
  }

  /// What a new connection is made with; nil where TLS is not spoken.
  func newPeer() -> TLSPeer? { rules.withLock { $0.context }.map { TLSPeer($0) } }

  /// Whether a connection was made under other rules than today's.
  func isOutdated(_ peer: TLSPeer?) -> Bool {
    guard let peer else { return false }
    return rules.withLock { $0.context !== peer.context }
  }

  /// Judges a request by its head.
  ///
  /// - Parameters:
  ///   - asksPassword: whether it is to be asked for, where there are users; who comes without shows who they are otherwise.
  ///   - tell: called when the verdict was to wait, on another thread: whether the password is right.
  func judge(
    authorization: String?, peer: TLSPeer?, asksPassword: Bool = true, from address: @autoclosure () -> ClientAddress,
    tell: @escaping PasswordChecker.Tell
  ) -> Verdict {
    let rules = rules.withLock { $0 }
    guard bucket.withLock({ $0?.take(now: Clock.monotonic) ?? true }) else {
      return .refuse(.text(429, "Too many requests.", headers: [("Retry-After", "1")]))
    }
    if isTLS {
      // The handshake has refused everybody else; this holds even if it had not.
      guard let peer, peer.isAdmitted else { return .refuse(.text(403, "This connection was not admitted.")) }
      if let now = rules.context, now !== peer.context, now.clients != peer.context.clients {
        return .refuse(.unavailable("Other certificates are asked for now. Connect again."))
      }
    }
    let sender = Sender(certificateNames: peer?.names ?? [])
    guard asksPassword, !rules.configuration.users.isEmpty else { return .pass(rules.isAuthenticating ? sender : nil) }
    return login(authorization, sender, address(), tell)
  }

  private func login(
    _ authorization: String?, _ sender: Sender, _ address: ClientAddress, _ tell: @escaping PasswordChecker.Tell
  ) -> Verdict {
    guard let login = authorization.flatMap({ BasicLogin(authorization: $0) }),
      login.password.count <= BcryptHash.passwordBytesLimit, let checker = passwords.withLock({ $0 })
    else { return .refuse(Self.unauthorized) }
    var sender = sender
    sender.user = login.user
    switch checker.check(login, from: address, tell: tell) {
    case .right: return .pass(sender)
    case .wrong: return .refuse(Self.unauthorized)
    case .checking: return .wait(sender)
    case .busy: return .refuse(.unavailable("Too many passwords are being checked.", retryAfterSeconds: 5))
    }
  }

  /// The same whether the name, the password or both are wrong.
  static var unauthorized: HTTPResponse {
    .text(
      401, "Unauthorized.",
      headers: [("WWW-Authenticate", "Basic realm=\"kube-audit-exporter\", charset=\"UTF-8\"")])
  }
}

/// `burst` at once, and in the long run one each interval.
struct TokenBucket: Sendable {
  let limit: WebConfiguration.RateLimit
  private var tokens: Double
  private var last: Microseconds

  init(_ limit: WebConfiguration.RateLimit, now: Microseconds) {
    self.limit = limit
    tokens = Double(limit.burst)
    last = now
  }

  /// Takes one; false when there is none.
  mutating func take(now: Microseconds) -> Bool {
    let gained = Double(now - last) / Double(limit.intervalMicroseconds)
    tokens = min(Double(limit.burst), tokens + gained)
    last = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
