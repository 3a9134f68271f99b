public import AuditEvents
public import Counting

/// What the engine is told at its start.
public struct EngineSettings: Sendable {
  public var counting: CountingSettings
  public var decoding = AuditDecoder.Limits()

  public init(counting: CountingSettings) { self.counting = counting }
}
