internal import Metrics

/// The audit IDs of the latest events of some series, for OpenMetrics' exemplars.
///
/// - Bound: `limit` series of a family, those that were first counted last.
/// - Source: OpenMetrics 1.0, "Exemplars": name and value of its label together have at most 128 characters.
struct ExemplarBook {
  static let limit = 1_024
  private static let charactersLimit = 128

  private struct Event {
    /// Empty for one that is not told.
    let auditID: [UInt8]
    let time: Int64
  }

  private var all: [UInt32: Event] = [:]
  /// In the order in which they were begun.
  private var places: [UInt32] = []
  private var oldest = 0

  /// Notes the latest event of a series, or that it has no ID that could be told.
  ///
  /// - Parameter auditID: its label value, escaped.
  mutating func note(_ place: Int, auditID: [UInt8], time: Int64) {
    let place = UInt32(truncatingIfNeeded: place)
    let isTold =
      !auditID.isEmpty && EvidenceField.auditID.rawValue.utf8.count + auditID.count <= Self.charactersLimit
      && auditID.allSatisfy(Self.isPlain)
    let event = Event(auditID: isTold ? auditID : [], time: time)
    if all.updateValue(event, forKey: place) != nil { return }
    if places.count < Self.limit { return places.append(place) }
    all.removeValue(forKey: places[oldest])
    places[oldest] = place
    oldest = (oldest + 1) % Self.limit
  }

  /// As in a UUID and most other IDs. The ID may be a client's, and readers of exemplars are not all robust: Python's takes
  /// braces in a value for the end of it.
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: ":"):
      true
    default: false
    }
  }

  /// What a series shows; nothing before its first event.
  subscript(place: Int) -> Exemplar? {
    guard !all.isEmpty, let event = all[UInt32(truncatingIfNeeded: place)], !event.auditID.isEmpty else { return nil }
    return Exemplar(EvidenceField.auditID.rawValue, escaped: event.auditID, seconds: Double(event.time) / 1e6)
  }
}
