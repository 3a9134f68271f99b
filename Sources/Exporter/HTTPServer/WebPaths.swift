internal import Diagnostics

/// Where this server's paths begin, and where people's browsers find them: not the same behind a proxy that strips a prefix.
///
/// - Source: Prometheus' and blackbox_exporter's `--web.external-url` and `--web.route-prefix`.
struct WebPaths: Sendable, Equatable {
  /// What every path here begins with: empty, or `/x/y`.
  let routePrefix: String
  /// What every link begins with: empty, or `/x/y`.
  let linkPrefix: String

  /// - Parameters:
  ///   - externalURL: under which address the exporter is reached: `https://example.org/audit`, or a path alone. Nil or
  ///     empty when as it is.
  ///   - routePrefix: the path that requests arrive with; by default the external address's.
  /// - Errors: reason `setting` with the key `web.external_url` or `web.route_prefix`.
  init(externalURL: String?, routePrefix: String?) throws(Failure) {
    let external = try Self.path(ofURL: externalURL ?? "")
    let own: String
    if let routePrefix, !routePrefix.isEmpty {
      own = try Self.normal(routePrefix, key: "web.route_prefix")
    } else {
      own = external
    }
    self.routePrefix = own
    linkPrefix = externalURL?.isEmpty ?? true ? own : external
  }

  private static func path(ofURL text: String) throws(Failure) -> String {
    let key = "web.external_url"
    if text.isEmpty || text.hasPrefix("/") { return try normal(text, key: key) }
    guard let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) else {
      throw failure(key, "\"\(text)\" is no http or https address", "Write https://HOST/PATH")
    }
    let rest = text.dropFirst(scheme.count)
    let host = rest.prefix { $0 != "/" }
    guard !host.isEmpty, host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".-:[]_".contains($0)) }) else {
      throw failure(key, "\"\(text)\" names no host", "Write https://HOST/PATH")
    }
    return try normal(String(rest.dropFirst(host.count)), key: key)
  }

  private static func normal(_ path: String, key: String) throws(Failure) -> String {
    let parts = path.split(separator: "/")
    let isPlain = parts.allSatisfy { part in
      part != "." && part != ".." && part.utf8.allSatisfy(isUnreserved)
    }
    guard isPlain else {
      throw failure(
        key, "\"\(path)\" is no plain path", "Use letters, digits, hyphens, full stops, _ and ~ between slashes")
    }
    return parts.map { "/" + $0 }.joined()
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func failure(_ key: String, _ what: String, _ remedy: String) -> Failure {
    Failure(.webPath, what, at: .setting(key: key, file: nil, line: nil), remedy: remedy)
  }
}

extension Failure.Reason {
  /// A path or address under which this server cannot be reached.
  static let webPath = Failure.Reason("web_path")
}
