/// A request to somebody else's service, as it goes out.
public struct HTTPRequest: Sendable {
  /// `GET`, `POST`, `PUT`.
  public var method: String
  /// `https://host[:port]/path?query`, encoded as it goes over the wire: nothing is normalised.
  public var url: String
  /// Sent in this order, besides `Host`, `User-Agent` and `Accept-Encoding`. A value may be a secret.
  public var headers: [Header]
  public var body: [UInt8]
  public var limits = TransferLimits()
  /// Whether the proxies of the environment are used; never for addresses of the machine's own link.
  public var usesProxy = true

  public init(_ method: String, _ url: String, headers: [Header] = [], body: [UInt8] = []) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }

  /// Whether it is for HTTP, and nothing in it could end a line of the head before its time.
  var isWellFormed: Bool {
    func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
    return (url.hasPrefix("https://") || url.hasPrefix("http://")) && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
      && isPrintable(method)
      && headers.allSatisfy { isPrintable($0.name) && isPrintable($0.value) && !$0.name.isEmpty }
  }
}

/// One line of a head.
public struct Header: Sendable, Hashable {
  public let name: String
  public let value: String
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// What one transfer may take.
public struct TransferLimits: Sendable, Equatable {
  /// Until the connection stands, its TLS included.
  public var connectMilliseconds = 5_000
  /// Without a byte in either direction; whole seconds, at least one.
  public var silenceSeconds = 20
  /// All of it.
  public var wholeMilliseconds = 60_000
  /// Of the answer's head: its lines together.
  public var headBytes = 64 << 10
  /// Of the answer's body, decompressed.
  public var bodyBytes = 16 << 20
  public init() {}
}

/// An answer, whatever its status.
public struct HTTPAnswer: Sendable {
  public let status: Int
  /// Names in lower case, in the order in which they came.
  public let headers: [Header]
  /// Decompressed.
  public let body: [UInt8]
  /// 1 for HTTP/1.1, 2 for HTTP/2.
  public let version: Int
  /// Connections that had to be opened for it: 0 when an open one was used again.
  public let newConnections: Int

  public init(status: Int, headers: [Header] = [], body: [UInt8] = [], version: Int = 1, newConnections: Int = 0) {
    self.status = status
    self.headers = headers
    self.body = body
    self.version = version
    self.newConnections = newConnections
  }

  /// The first header of this name, given in lower case.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Why there is no answer.
public struct TransferFault: Error, Sendable, Equatable {
  /// A bounded set.
  public enum Kind: String, Sendable, CaseIterable {
    /// The stop signal was raised.
    case stopped
    /// No connection: the name, the address or a proxy.
    case unreachable
    /// One of the limits of time passed.
    case timeout
    /// The other side is not who it should be, or TLS failed otherwise.
    case tls
    /// The answer is longer than the limits allow.
    case tooLarge = "too_large"
    /// The connection ended in the middle, or what came is no HTTP.
    case broken
    /// It was never sent: a character that no head may hold, or a URL that is none.
    case malformed
  }

  public let kind: Kind
  /// For people; holds no secret.
  public let text: String

  public init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }

  /// Whether the same request may do better a moment later.
  public var isTransient: Bool { kind == .unreachable || kind == .timeout || kind == .broken }
}
