internal import Counting
internal import Diagnostics
internal import State

/// What the query of a request for evidence asks: `rule=…&user=…&since=1h`.
///
/// - Shape: names of `EvidenceField` with the value that they must have; `since` and `until`, each an RFC 3339 time, seconds
///   since the epoch, or how long ago (`15m`, `1h`); `limit`, the number of events. An empty value asks for nothing.
struct EvidenceRequest: Sendable, Equatable {
  /// What is wrong with it, for whoever asked.
  struct Fault: Error, Equatable {
    let text: String
  }

  private(set) var query = EvidenceQuery()
  /// The values as they were written, by name, without those that are empty.
  private(set) var given: [String: String] = [:]

  init() {}

  init(_ string: QueryString, now: Microseconds) throws(Fault) {
    for (name, value) in string.parameters where !value.isEmpty {
      guard given.updateValue(value, forKey: name) == nil else { throw Fault(text: "\(name) is given twice.") }
      switch name {
      case "since": query.since = try Self.time(value, of: name, now: now)
      case "until": query.until = try Self.time(value, of: name, now: now)
      case "limit":
        guard let limit = Int(value), (1...EvidenceQuery.limit).contains(limit) else {
          throw Fault(text: "limit is no number from 1 to \(EvidenceQuery.limit).")
        }
        query.limit = limit
      default:
        guard let field = EvidenceField(rawValue: name) else {
          let names = EvidenceField.allCases.map(\.rawValue) + ["since", "until", "limit"]
          throw Fault(text: "There is no parameter of this name. There are: \(names.joined(separator: ", ")).")
        }
        query.values[field] = value
      }
    }
  }

  private static func time(_ text: String, of name: String, now: Microseconds) throws(Fault) -> Microseconds {
    if let time = Timestamp.read(text) { return time }
    if let seconds = Double(text), (0...4e9).contains(seconds) { return Microseconds(seconds * 1e6) }
    if let seconds = PageFormat.seconds(ofWindow: text) { return now - Microseconds(seconds) * 1_000_000 }
    throw Fault(
      text: "\(name) is no time. Write 2026-01-05T08:00:00Z, seconds since 1970, or how long ago: 15m, 1h, 2d.")
  }
}
