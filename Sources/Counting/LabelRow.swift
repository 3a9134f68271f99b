internal import Metrics

/// Writes the rendered labels of one series, name by name, in one reused array.
struct LabelRow {
  private(set) var bytes = LabelBuffer()

  /// Begins with the labels of a cluster.
  mutating func begin(_ cluster: [UInt8]) {
    bytes.clear()
    bytes.append(cluster)
  }

  /// Appends labels that another row holds.
  mutating func append(_ other: LabelRow) { bytes.append(other.bytes) }

  /// Appends a label. `name` is what stands before the value: `,code="`.
  mutating func add(_ name: StaticString, _ value: StaticString) {
    bytes.append(literal: name)
    bytes.append(literal: value)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends a label whose value is escaped already.
  mutating func add(_ name: StaticString, _ value: [UInt8]) {
    bytes.append(literal: name)
    bytes.append(value)
    bytes.append(UInt8(ascii: "\""))
  }

  /// The same.
  mutating func add(_ name: StaticString, _ value: LabelBuffer) {
    bytes.append(literal: name)
    bytes.append(value)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends `,code="…"`: 100 to 599, else `unknown`.
  mutating func add(code: UInt16) {
    guard code >= 100, code <= 599 else { return add(",code=\"", "unknown") }
    bytes.append(literal: ",code=\"")
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code / 100))
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code / 10 % 10))
    bytes.append(0x30 + UInt8(truncatingIfNeeded: code % 10))
    bytes.append(UInt8(ascii: "\""))
  }

  /// Fills the row with rendered labels in which the values of `labels` are replaced by `(other)`.
  mutating func fold(_ row: ArraySlice<UInt8>, _ labels: [Label]) {
    bytes.clear()
    var at = row.startIndex
    while at < row.endIndex {
      let start = at
      while at < row.endIndex, row[at] != UInt8(ascii: "=") { at += 1 }
      let name = row[start..<at]
      let isFolded = labels.contains { $0.rawValue.utf8.elementsEqual(name) }
      let value = at + 2
      at = value
      while at < row.endIndex, row[at] != UInt8(ascii: "\"") { at += row[at] == UInt8(ascii: "\\") ? 2 : 1 }
      bytes.append(row[start..<value])
      if isFolded {
        bytes.append(literal: "(other)")
        bytes.append(UInt8(ascii: "\""))
      } else {
        bytes.append(row[value...at])
      }
      // Over the quote; a comma follows unless this was the last.
      at += 1
      if at < row.endIndex {
        bytes.append(UInt8(ascii: ","))
        at += 1
      }
    }
  }
}
