public import AuditEvents

/// What one rule saw of an event.
public struct RuleSighting: Sendable {
  /// Index of `RuleSet.rules`.
  public let rule: Int
  public let sight: RuleSight
}

extension Detector {
  /// Numbers of what the rules see of the event that was evaluated last, one for each rule that it would be about if its
  /// bodies were complete: for `sighting`, before the next event. None where these were given for this class of events, its
  /// level and `stamp` before, nor for a level that is not known.
  ///
  /// - Parameter stamp: below `UInt32.max`; another one makes everything new. Of stamps that differ in the lowest two bits,
  ///   four are told apart at a time.
  @inline(__always)
  public mutating func newSightings(_ event: borrowing AuditEvent, stamp: UInt32) -> Range<Int> {
    guard event.level != .unknown else { return 0..<0 }
    return unseenQuestions(at: event.level, stamp: stamp) ?? 0..<0
  }

  /// What a rule sees of that event, at its level.
  public func sighting(_ number: Int, at level: Level) -> RuleSighting {
    let question = question(number)
    let sight: RuleSight =
      switch level {
      case .metadata: question.sights.metadata
      case .request: question.sights.request
      default: .matches
      }
    return RuleSighting(rule: Int(question.rule), sight: sight)
  }
}
