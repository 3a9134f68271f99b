internal import AuditEvents
internal import Metrics

/// The accounts and regions of clouds that have series, with their rendered labels: what clusters are to audit events.
///
/// - Bound: `limit` of them; further ones share the place `(other)`, which is there when it is needed.
struct CloudPlaces {
  struct Place {
    /// `cloud_provider="…",cloud_account="…",cloud_region="…"`.
    let labels: [UInt8]
    /// Its record was not handed over as it is.
    var isDirty = true
  }

  static let labels: [Label] = [.cloudProvider, .cloudAccount, .cloudRegion]
  private static let other = labels(account: Array("(other)".utf8), region: Array("(other)".utf8))

  private(set) var places: [Place] = []
  private var index: [[UInt8]: Int] = [:]
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// The place with these escaped label values. `isNew` says that it was made by this call.
  mutating func place(account: LabelBuffer, region: LabelBuffer) -> (place: Int, isNew: Bool) {
    let labels = Self.labels(account: account.bytes, region: region.bytes)
    if let known = index[labels] { return (known, false) }
    if index.count < limit { return (make(labels), true) }
    if let known = index[Self.other] { return (known, false) }
    return (make(Self.other), true)
  }

  private mutating func make(_ labels: [UInt8]) -> Int {
    index[labels] = places.count
    places.append(Place(labels: labels))
    return places.count - 1
  }

  private static func labels(account: [UInt8], region: [UInt8]) -> [UInt8] {
    Array("cloud_provider=\"aws\",cloud_account=\"".utf8) + account + Array("\",cloud_region=\"".utf8) + region
      + [UInt8(ascii: "\"")]
  }

  // MARK: - State

  static let version: UInt8 = 1

  mutating func markDirty(_ place: Int) { places[place].isDirty = true }

  /// The places whose record has changed. They are clean from here on.
  mutating func takeDirty() -> [Int] {
    let dirty = places.indices.filter { places[$0].isDirty }
    for place in dirty { places[place].isDirty = false }
    return dirty
  }

  /// Who a place is, and where its windows end.
  func record(_ place: Int, edge: Int64) -> [UInt8] {
    var writer = StateWriter(version: Self.version)
    writer.write(edge + 1)
    writer.write(rest: places[place].labels)
    return writer.bytes
  }

  /// Adds the place that a record speaks of, whatever the limit is today; answers its edge.
  mutating func restore(_ bytes: [UInt8], now: Int64) throws(StateDamage) -> Int64 {
    var reader = try StateReader(bytes, version: Self.version)
    let edge = try reader.readTime(upTo: now + 1) - 1
    let labels = reader.readRest()
    let first = Array("cloud_provider=\"aws\"".utf8)
    guard RenderedLabels.areWhole(labels, behind: first, Array(Self.labels.dropFirst())) else {
      throw StateDamage("its labels are none of a place")
    }
    guard index[labels] == nil, places.count < Int(UInt16.max) else { throw StateDamage("it is there twice") }
    places[make(labels)].isDirty = false
    return edge
  }
}
