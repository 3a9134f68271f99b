// Numbers as both formats read them.
extension Exposition {
  /// Bytes of the longest number: `-2.2250738585072014e-308`.
  static let numberLengthLimit = 24

  /// Integers up to 2^53 as digits, anything else in as few digits as read back to the same value.
  static func appendNumber(_ value: Double, to page: inout [UInt8]) {
    if value.magnitude <= 0x1p53, value == value.rounded(.towardZero) {
      appendInteger(Int64(value), to: &page)
    } else if value.isNaN {
      page += "NaN".utf8
    } else if value.isInfinite {
      page += (value < 0 ? "-Inf" : "+Inf").utf8
    } else {
      // Never ends in ".0": whole numbers beyond 2^53 are written with an exponent.
      page += value.description.utf8
    }
  }

  private static func appendInteger(_ value: Int64, to page: inout [UInt8]) {
    if value < 0 { page.append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    let start = page.count
    repeat {
      page.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    var (low, high) = (start, page.count - 1)
    while low < high {
      page.swapAt(low, high)
      low += 1
      high -= 1
    }
  }
}
