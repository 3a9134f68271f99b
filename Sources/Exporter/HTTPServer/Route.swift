/// A path and what answers there.
struct Route: Sendable {
  /// Answers at once or later: `HTTPResponder.answer` is called exactly once, from any thread.
  typealias Handler = @Sendable (HTTPRequest, HTTPResponder) -> Void

  enum Match: Sendable {
    case exact
    /// The path itself and everything below it.
    case below
  }

  /// Bodies are read for routes that have one of these; elsewhere they are thrown away.
  struct BodyPolicy: Sendable {
    /// 413 above.
    let limitBytes: Int
    /// Judges the head before the body is read: nil to go on, or the answer.
    let admit: @Sendable (HTTPRequest) -> HTTPResponse?
    /// Takes `more` bytes of a budget for a body that already holds `held`; false is answered with 503.
    let reserve: @Sendable (_ more: Int, _ held: Int) -> Bool
    /// Gives back what was reserved and did not reach the handler.
    let release: @Sendable (Int) -> Void
    /// How long the request may take to arrive as a whole; nil for what holds of every request.
    var requestSeconds: Int?
  }

  /// Also the label `handler`: `/metrics`.
  let pattern: String
  let match: Match
  /// Upper case. `HEAD` goes with `GET`.
  let methods: [String]
  let body: BodyPolicy?
  /// Called with the status of every answer given here.
  let didAnswer: (@Sendable (Int) -> Void)?
  let handler: Handler
  /// Whether the handler itself finds out who asks: no password is asked for, whatever the listener asks of others.
  var asksOwnCredential = false
  /// Puts every answer of this path into the form that its clients read, those included that the handler did not give.
  var form: (@Sendable (HTTPRequest, HTTPResponse) -> HTTPResponse)?

  init(
    _ pattern: String, _ match: Match = .exact, methods: [String] = ["GET"], body: BodyPolicy? = nil,
    didAnswer: (@Sendable (Int) -> Void)? = nil, handler: @escaping Handler
  ) {
    self.pattern = pattern
    self.match = match
    self.methods = methods.contains("GET") ? methods + ["HEAD"] : methods
    self.body = body
    self.didAnswer = didAnswer
    self.handler = handler
  }

  /// The value of the header `Allow`.
  var allow: String { methods.joined(separator: ", ") }

  func matches(_ path: String) -> Bool {
    path == pattern || match == .below && path.hasPrefix(pattern) && path.dropFirst(pattern.count).hasPrefix("/")
  }
}

/// The routes of one server, below an optional prefix.
struct Router: Sendable {
  enum Found: Sendable {
    /// A route, and the path without the prefix.
    case route(Route, path: String)
    case redirect(to: String)
    case nothing
  }

  /// Empty, or `/x/y`: begins with a slash and does not end in one.
  let prefix: String
  let routes: [Route]

  init(prefix: String = "", _ routes: [Route]) {
    self.prefix = prefix
    self.routes = routes
  }

  func find(_ path: String) -> Found {
    guard !prefix.isEmpty else { return find(below: path) }
    if path == "/" || path == prefix { return .redirect(to: prefix + "/") }
    guard path.hasPrefix(prefix + "/") else { return .nothing }
    return find(below: String(path.dropFirst(prefix.count)))
  }

  private func find(below path: String) -> Found {
    routes.first { $0.matches(path) }.map { .route($0, path: path) } ?? .nothing
  }
}
