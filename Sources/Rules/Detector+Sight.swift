public import AuditEvents

/// What one rule saw of an event.
public struct RuleSighting: Sendable {
  /// Index of `RuleSet.rules`.
  public let rule: Int
  public let sight: RuleSight
}

extension Detector {
  /// What the rules see of the event that was evaluated last, each rule that it would be about if its bodies were complete.
  /// Nothing where that was told for this class of events, its level and `stamp` before, nor for a level that is not known.
  ///
  /// - Parameter stamp: below `UInt32.max`; another one makes everything new. Of stamps that differ in the lowest two bits,
  ///   four are told apart at a time.
  @inline(__always)
  public mutating func sightings(_ event: borrowing AuditEvent, stamp: UInt32) -> [RuleSighting] {
    guard event.level != .unknown, let range = unseenQuestions(at: event.level, stamp: stamp), !range.isEmpty else {
      return []
    }
    return sightings(range, event.level)
  }
}
