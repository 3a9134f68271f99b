public import Crypto
public import Diagnostics
public import Transport

/// AWS Signature Version 4 in headers, for all services but S3, whose paths are signed otherwise.
///
/// - Source: docs.aws.amazon.com/IAM, "AWS Signature Version 4 for API requests"; the test vectors of awslabs/aws-c-auth.
public struct SignatureV4: Sendable {
  /// Where and for what a request is signed.
  public struct Scope: Sendable, Hashable {
    public let region: String
    public let service: String
    public init(region: String, service: String) {
      self.region = region
      self.service = service
    }
  }

  /// The parts of a signature, as the vectors show them.
  struct Parts: Equatable {
    var canonicalRequest: String
    var stringToSign: String
    var signature: String
    var authorization: String
  }

  private let sha256: SHA256

  public init(_ sha256: SHA256) { self.sha256 = sha256 }

  /// Adds `X-Amz-Date`, `X-Amz-Security-Token` where the credentials have one, and `Authorization`. Every header that is
  /// already there is signed.
  ///
  /// - Parameter time: of the signature; the service refuses what is more than five minutes away from its own.
  public func sign(
    _ request: inout HTTPRequest, _ credentials: Credentials, _ scope: Scope, at time: Microseconds
  ) {
    request.headers.append(Header("X-Amz-Date", AWSTime.basic(time)))
    if let token = credentials.sessionToken { request.headers.append(Header("X-Amz-Security-Token", token)) }
    let parts = parts(of: request, credentials, scope)
    request.headers.append(Header("Authorization", parts.authorization))
  }

  /// - Parameter normalizes: whether the path's dot segments and empty segments are removed first.
  func parts(
    of request: HTTPRequest, _ credentials: Credentials, _ scope: Scope, normalizes: Bool = true
  ) -> Parts {
    let url = URLParts(request.url)
    let headers = canonicalHeaders(request.headers, host: url.host)
    let names = headers.map(\.name).joined(separator: ";")
    let canonical = [
      request.method, canonicalPath(url.path, normalizes: normalizes), canonicalQuery(url.query),
      headers.map { "\($0.name):\($0.value)\n" }.joined(), names, sha256.hexDigest(request.body),
    ].joined(separator: "\n")
    let date = headers.first { $0.name == "x-amz-date" }?.value ?? ""
    let day = String(date.prefix(8))
    let scopeText = "\(day)/\(scope.region)/\(scope.service)/aws4_request"
    let toSign = "AWS4-HMAC-SHA256\n\(date)\n\(scopeText)\n" + sha256.hexDigest(Array(canonical.utf8))
    var key = Array("AWS4\(credentials.secretKey)".utf8)
    for part in [day, scope.region, scope.service, "aws4_request"] {
      key = sha256.authenticate(Array(part.utf8), key: key)
    }
    let signature = SHA256.hex(sha256.authenticate(Array(toSign.utf8), key: key))
    let authorization =
      "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scopeText), SignedHeaders=\(names), Signature=\(signature)"
    return Parts(
      canonicalRequest: canonical, stringToSign: toSign, signature: signature, authorization: authorization)
  }

  /// By name; values without outer white space and with single inner spaces, those of one name joined by commas.
  private func canonicalHeaders(_ headers: [Header], host: String) -> [Header] {
    var values: [String: [String]] = [:]
    for header in headers {
      let value = header.value.split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" }.joined(separator: " ")
      values[header.name.lowercased(), default: []].append(value)
    }
    if values["host"] == nil { values["host"] = [host] }
    return values.map { Header($0.key, $0.value.joined(separator: ",")) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// What goes over the wire is encoded once more.
  private func canonicalPath(_ path: String, normalizes: Bool) -> String {
    guard normalizes else { return URLParts.encoded(path.isEmpty ? "/" : path, keeping: "/") }
    var segments: [Substring] = []
    for segment in path.split(separator: "/") {
      switch segment {
      case ".": break
      case "..": _ = segments.popLast()
      default: segments.append(segment)
      }
    }
    let last = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let isFolder = segments.isEmpty || ["", ".", ".."].contains(last)
    let joined = segments.map { "/" + $0 }.joined() + (isFolder ? "/" : "")
    return URLParts.encoded(joined, keeping: "/")
  }

  /// Sorted by encoded name, then by encoded value, byte by byte.
  private func canonicalQuery(_ query: String) -> String {
    let pairs = query.split(separator: "&").map { pair -> (name: String, value: String) in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let texts = parts.map { URLParts.encoded(URLParts.decoded(String($0))) }
      return (texts[0], texts.count > 1 ? texts[1] : "")
    }
    return pairs.sorted {
      $0.name == $1.name
        ? $0.value.utf8.lexicographicallyPrecedes($1.value.utf8) : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }
}

/// A URL taken apart as it stands, nothing decoded.
struct URLParts: Equatable {
  let scheme: String
  /// As the `Host` header has it: with the port, unless it is the scheme's own. In lower case.
  let host: String
  /// From the first slash on; may be empty.
  let path: String
  /// Behind the question mark.
  let query: String

  init(_ url: String) {
    let halves = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    query = halves.count > 1 ? String(halves[1]) : ""
    let rest = halves.first ?? ""
    let mark = rest.range(of: "://")
    scheme = mark.map { String(rest[..<$0.lowerBound]).lowercased() } ?? ""
    let location = mark.map { rest[$0.upperBound...] } ?? rest
    let slash = location.firstIndex(of: "/") ?? location.endIndex
    path = String(location[slash...])
    let authority = location[..<slash].lowercased()
    let ownPort = scheme == "https" ? ":443" : ":80"
    host = authority.hasSuffix(ownPort) ? String(authority.dropLast(ownPort.count)) : authority
  }

  /// The name or address without a port; IPv6 addresses in their brackets.
  var hostName: String {
    if host.hasPrefix("[") { return host.prefix { $0 != "]" } + "]" }
    return String(host.prefix { $0 != ":" })
  }

  private static let digits = Array("0123456789ABCDEF".utf8)

  /// Names and values as in a query or a form.
  static func form(_ pairs: [(String, String)]) -> String {
    pairs.map { encoded($0.0) + "=" + encoded($0.1) }.joined(separator: "&")
  }

  /// RFC 3986: all but letters, digits, `-`, `_`, `.`, `~` becomes `%XX`; besides, `keeping` stays.
  static func encoded(_ text: String, keeping: Unicode.Scalar? = nil) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      let letter = byte | 0x20
      let isPlain =
        letter >= 0x61 && letter <= 0x7a || byte >= 0x30 && byte <= 0x39 || [0x2d, 0x5f, 0x2e, 0x7e].contains(byte)
      if isPlain || keeping.map({ UInt8(ascii: $0) == byte }) == true {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// `%XX` undone; a percent sign that begins none stays.
  static func decoded(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count,
        let code = UInt8(String(decoding: bytes[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
      {
        out.append(code)
        at += 3
      } else {
        out.append(bytes[at])
        at += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

extension Substring {
  /// Where `text` first stands.
  fileprivate func range(of text: String) -> Range<Index>? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
      at = index(after: at)
    }
    return nil
  }
}
