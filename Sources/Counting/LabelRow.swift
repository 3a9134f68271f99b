internal import Metrics

/// Writes the rendered labels of one series, name by name, in one reused array.
struct LabelRow {
  private(set) var bytes: [UInt8] = []

  /// Begins with the labels of a cluster.
  mutating func begin(_ cluster: [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: cluster)
  }

  /// Appends a label. `name` is what stands before the value: `,code="`.
  mutating func add(_ name: StaticString, _ value: StaticString) {
    LabelValue.append(literal: name, to: &bytes)
    LabelValue.append(literal: value, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends a label whose value is escaped already.
  mutating func add(_ name: StaticString, _ value: [UInt8]) {
    LabelValue.append(literal: name, to: &bytes)
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends `,code="…"`: 100 to 599, else `unknown`.
  mutating func add(code: UInt16) {
    guard code >= 100, code <= 599 else { return add(",code=\"", "unknown") }
    LabelValue.append(literal: ",code=\"", to: &bytes)
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code / 100))
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code / 10 % 10))
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code % 10))
    bytes.append(UInt8(ascii: "\""))
  }

  /// Rendered labels with the values of `labels` replaced by `(other)`.
  static func folding(_ row: [UInt8], _ labels: [Label]) -> [UInt8] {
    let names = labels.map { Array($0.rawValue.utf8) }
    var out: [UInt8] = []
    var at = 0
    while at < row.count, let equals = row[at...].firstIndex(of: UInt8(ascii: "=")) {
      let name = Array(row[at..<equals])
      var end = equals + 2
      while end < row.count, row[end] != UInt8(ascii: "\"") { end += row[end] == UInt8(ascii: "\\") ? 2 : 1 }
      if !out.isEmpty { out.append(UInt8(ascii: ",")) }
      out += name + Array("=\"".utf8)
      if names.contains(name) {
        LabelValue.append(literal: "(other)", to: &out)
      } else {
        out += row[(equals + 2)..<end]
      }
      out.append(UInt8(ascii: "\""))
      at = end + 2
    }
    return out
  }
}
