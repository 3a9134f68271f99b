internal import Counting
internal import Diagnostics

extension Failure {
  /// What the engine kept beside the counters cannot be taken up again.
  ///
  /// - Parameter what: names the piece; never its content.
  static func restoring(_ what: String) -> Failure {
    Failure(
      .countingState, what, at: .process,
      remedy: "Put back an older copy of the state; or move the state away, and all counts begin at 0")
  }
}

/// What numbers that were kept may be at most: beyond it they are damage, and counting on with them would overflow.
enum KeptLimit {
  /// Of a total: doubles, which is what is exported, are exact up to here.
  static let total: UInt64 = 1 << 53
  /// Of the time that something arrived at.
  static let time: ClosedRange<Microseconds> = 0...1 << 53
}
