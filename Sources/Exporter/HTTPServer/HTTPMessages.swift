internal import AuditEvents
internal import Metrics

/// The head of a request, and its body once that has arrived.
struct HTTPRequest: Sendable {
  let method: String
  /// As it was sent, percent signs not undone, without the query and without the route prefix; begins with `/`.
  let path: String
  /// As it was sent, without the question mark; `QueryString` takes it apart.
  var query = ""
  /// In the order they came, names in lower case. At most the server's memory limit for one connection.
  let headers: [Header]
  /// Nil for routes that take none.
  var body: Body?
  /// Who sent it; nil on a listener that asks nobody.
  var sender: Sender?

  struct Header: Sendable {
    let name: String
    let value: String
  }

  /// A body with the part of the budget that it holds, which belongs to whoever handles the request.
  struct Body: Sendable {
    /// Sealed.
    let bytes: ByteBuffer
    let reservedBytes: Int
  }

  /// The values of every header of that name, joined with commas as RFC 9110 allows; nil when there is none.
  func header(_ name: String) -> String? {
    let values = headers.lazy.filter { $0.name == name }.map(\.value)
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }
}

/// An answer. Headers that the server adds itself: `Date`, `Content-Length`, `Connection`, `X-Content-Type-Options`.
struct HTTPResponse: Sendable {
  var status: Int
  /// Names and values are ours alone, never a client's.
  var headers: [(name: String, value: String)]
  var body: HTTPBody

  init(_ status: Int, headers: [(name: String, value: String)] = [], body: HTTPBody) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A line of plain text; a final line break is added.
  static func text(_ status: Int, _ text: String, headers: [(name: String, value: String)] = []) -> HTTPResponse {
    HTTPResponse(
      status, headers: [("Content-Type", "text/plain; charset=utf-8")] + headers,
      body: text.isEmpty ? .empty : HTTPBody(Array(text.utf8) + [0x0a]))
  }

  /// What it says, where that is a short text.
  var text: String { body.text }

  /// 503, to be tried again.
  static func unavailable(_ text: String, retryAfterSeconds: Int = 1) -> HTTPResponse {
    .text(503, text, headers: [("Retry-After", String(retryAfterSeconds))])
  }
}

extension HTTPResponse {
  /// A page that is held compressed, in the encoding that the client likes.
  init(
    _ status: Int, headers: [(name: String, value: String)], packed: PackedPage, _ encoding: Negotiation.Encoding
  ) {
    let headers = headers + [("Vary", Negotiation.vary)]
    switch encoding {
    case .gzip:
      self.init(status, headers: headers + [("Content-Encoding", "gzip")], body: .bytes(packed.gzip))
    case .identity: self.init(status, headers: headers, body: .unpacked(packed))
    }
  }

  /// The same for people, never kept by their browser.
  init(_ status: Int, page: PackedPage, _ encoding: Negotiation.Encoding, hasForm: Bool = false) {
    let headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
    self.init(status, headers: headers + Page.securityHeaders(hasForm: hasForm), packed: page, encoding)
  }
}
