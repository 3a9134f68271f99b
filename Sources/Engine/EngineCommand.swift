public import Metrics

/// What others ask of the engine, done between two batches.
public enum EngineCommand: Sendable {
  /// Seal an epoch, commit it, and show its readings.
  case read(@Sendable (Readings) -> Void)
}
