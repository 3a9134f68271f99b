public import AuditEvents
public import Counting

/// What the engine is told at its start.
public struct EngineSettings: Sendable {
  public var counting: CountingSettings
  /// Clusters that must be heard from; they are shown before their first event.
  public var expectedClusters: [String] = []
  public var decoding = AuditDecoder.Limits()
  /// What all streams together may have left unfinished: twice the longest event, so that one of them cannot keep others
  /// from being finished.
  var unfinishedBytesLimit: Int { 2 * decoding.eventBytes }

  public init(counting: CountingSettings) { self.counting = counting }
}
