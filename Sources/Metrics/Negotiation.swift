/// In which format and encoding a scrape is answered: what the client likes best of what there is.
///
/// Formats are chosen as Go's client library chooses them: OpenMetrics without a version counts as 0.0.1, which differs
/// in its content type alone; parameters other than `version`, `q` and `escaping` do not matter; whatever cannot be
/// matched or read gets the text format 0.0.4. There is no request that cannot be answered (never a 406).
public struct Negotiation: Sendable, Equatable {
  public enum Encoding: String, Sendable { case identity, gzip }

  public let format: ExpositionFormat
  /// The value of the answer's `Content-Type`. It names an escaping scheme if the client did; `underscores` is true of
  /// any page whose names need no escaping.
  public let contentType: String
  public let encoding: Encoding

  /// The value of the answer's `Vary`: which headers were looked at.
  public static let vary = "Accept, Accept-Encoding"

  /// Decides by the values of the request's headers; nil or empty where there is none. Headers that came several times
  /// are joined with commas.
  public init(accept: String?, acceptEncoding: String?) {
    (format, contentType) = Self.format(for: HeaderClause.parse(accept ?? ""))
    encoding = Self.encoding(for: HeaderClause.parse(acceptEncoding ?? ""))
  }

  private static func format(for clauses: [HeaderClause]) -> (ExpositionFormat, String) {
    // Swift's sort is stable: of two that are liked as much, the one named first is taken.
    for clause in clauses.sorted(by: { $0.quality > $1.quality }) where clause.quality > 0 {
      let version = clause.parameters["version"] ?? ""
      let escaping = clause.parameters["escaping"] == nil ? "" : "; escaping=underscores"
      switch (clause.value, version) {
      case ("application/openmetrics-text", "1.0.0"):
        return (.openMetrics, ExpositionFormat.openMetrics.contentType + escaping)
      case ("application/openmetrics-text", ""), ("application/openmetrics-text", "0.0.1"):
        return (.openMetrics, "application/openmetrics-text; version=0.0.1; charset=utf-8" + escaping)
      case ("text/plain", ""), ("text/plain", "0.0.4"), ("text/*", _), ("*/*", _):
        return (.text, ExpositionFormat.text.contentType + escaping)
      default: continue
      }
    }
    return (.text, ExpositionFormat.text.contentType)
  }

  /// gzip if the client likes it better than no encoding at all; what it does not name it does not ask for.
  private static func encoding(for clauses: [HeaderClause]) -> Encoding {
    func quality(_ name: String) -> Double {
      (clauses.first { $0.value == name } ?? clauses.first { $0.value == "*" })?.quality ?? 0
    }
    return quality("gzip") > quality("identity") ? .gzip : .identity
  }
}

/// One element of a header such as `Accept`: `text/plain; version=0.0.4; q=0.5`.
private struct HeaderClause {
  /// In lower case.
  let value: String
  /// Names in lower case, quotes removed.
  let parameters: [String: String]
  /// 0 to 1; 0 means that the client will not have it. An unreadable one counts as 0.
  let quality: Double

  /// Elements beyond this are not looked at; Prometheus sends five.
  static let countLimit = 32

  static func parse(_ header: String) -> [HeaderClause] {
    header.split(separator: ",", maxSplits: countLimit).prefix(countLimit).compactMap { HeaderClause($0) }
  }

  private init?(_ text: Substring) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false)
    guard let first = parts.first else { return nil }
    value = Self.trim(first).lowercased()
    if value.isEmpty { return nil }
    var parameters: [String: String] = [:]
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { continue }
      parameters[Self.trim(pair[0]).lowercased()] = String(Self.trim(pair[1], also: "\""))
    }
    self.parameters = parameters
    quality = parameters["q"].map { Self.quality($0) } ?? 1
  }

  private static func quality(_ text: String) -> Double {
    guard let value = Double(text), value >= 0, value.isFinite else { return 0 }
    return min(value, 1)
  }

  private static func trim(_ text: Substring, also quote: Character = " ") -> Substring {
    func isOuter(_ character: Character) -> Bool { character == " " || character == "\t" || character == quote }
    var text = text.drop(while: isOuter)
    while let last = text.last, isOuter(last) { text.removeLast() }
    return text
  }
}
