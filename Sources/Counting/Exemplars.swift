internal import AuditEvents
internal import Metrics

/// The audit IDs of the latest events of some series, for OpenMetrics' exemplars.
///
/// - Bound: `limit` series of a family, those that were counted last.
/// - Source: OpenMetrics 1.0, "Exemplars": name and value of its label together have at most 128 characters.
struct ExemplarBook {
  static let limit = 1_024
  private static let charactersLimit = 128

  private var all: [UInt32: Exemplar] = [:]
  /// In the order in which they were begun.
  private var places: [UInt32] = []
  private var oldest = 0

  /// Notes the latest event of a series, or that it has no ID that could be told.
  ///
  /// - Parameter auditID: its label value, escaped.
  mutating func note(_ place: Int, auditID: [UInt8], time: Int64) {
    let place = UInt32(truncatingIfNeeded: place)
    guard !auditID.isEmpty, EvidenceField.auditID.rawValue.utf8.count + auditID.count <= Self.charactersLimit,
      auditID.allSatisfy(Self.isPlain)
    else { return all[place] = nil }
    let exemplar = Exemplar(EvidenceField.auditID.rawValue, escaped: auditID, seconds: Double(time) / 1e6)
    if all.updateValue(exemplar, forKey: place) != nil { return }
    if places.count < Self.limit { return places.append(place) }
    if places[oldest] != place { all[places[oldest]] = nil }
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
  subscript(place: Int) -> Exemplar? { all.isEmpty ? nil : all[UInt32(truncatingIfNeeded: place)] }
}
