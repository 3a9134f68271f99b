public import AuditEvents
public import Counting
public import Rules

/// What the engine is told at its start.
public struct EngineSettings: Sendable {
  public var counting: CountingSettings
  /// Clusters that must be heard from; they are shown before their first event.
  public var expectedClusters: [String] = []
  public var decoding = AuditDecoder.Limits()
  /// The detection rules to evaluate, and which of those that match an event are told; nil for none. Set it with
  /// `detect`.
  public private(set) var rules: RuleSet?
  public private(set) var matching = Detector.Matching.all
  /// Told of each match that is counted, on the engine's thread.
  public var whenMatched: (@Sendable (DetectedMatch) -> Void)?
  /// What all streams together may have left unfinished: twice the longest event, so that one of them cannot keep others
  /// from being finished.
  var unfinishedBytesLimit: Int { 2 * decoding.eventBytes }

  public init(counting: CountingSettings) { self.counting = counting }

  /// Has these rules evaluated and counted.
  public mutating func detect(_ rules: RuleSet, matching: Detector.Matching = .all) {
    self.rules = rules
    self.matching = matching
    counting.detectionRules = rules.rules.map {
      DetectionRule(
        name: $0.name, priority: $0.priority.rawValue, isEnabled: $0.isEnabled,
        window: $0.window.map(DetectionWindow.init))
    }
  }
}

/// A rule that has matched an event.
public struct DetectedMatch: Sendable {
  /// Index of `RuleSet.rules`.
  public let rule: Int
  /// What the rule prints of the event. It tells names, also under pseudonyms.
  public let output: String
  /// What is told of the event; its number means nothing.
  public let evidence: EvidenceRow
}
