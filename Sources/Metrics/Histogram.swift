/// How often values fell into which range: fixed bounds, one count each, and the sum.
///
/// - Shape: a value belongs to the first bound that it does not exceed; what exceeds all has a count of its own.
public struct Histogram: Sendable, Equatable {
  /// Upper bounds, ascending. None is a whole number, so that both formats write them alike (`1` and `1.0`).
  public let bounds: [Double]
  /// One for each bound, and one for what exceeds them all.
  public private(set) var counts: [UInt64]
  public private(set) var sum: Double = 0

  public init(bounds: [Double]) {
    self.bounds = bounds
    counts = [UInt64](repeating: 0, count: bounds.count + 1)
  }

  /// How many values there were.
  public var count: UInt64 { counts.reduce(0, +) }

  public mutating func observe(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }
}
