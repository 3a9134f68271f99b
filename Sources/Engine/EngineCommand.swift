public import Metrics

/// What others ask of the engine, done between two batches.
public enum EngineCommand: Sendable {
  /// Seal an epoch, commit it, and show the readings at its end. Called from the commit thread.
  case read(@Sendable (Readings) -> Void)
  /// The same with trends, for a page.
  case readWithTrends(@Sendable (Readings) -> Void)
  /// Show the readings of now, before anything of them is committed: of use for their gauges alone. Called from the
  /// engine's thread.
  case readNow(@Sendable (Readings) -> Void)
  /// The readings of this number were shown to a scraper: what they held may expire (DESIGN.md, "Bounded family").
  case scraped(UInt32)
  /// Count with other settings from here on: what a reload may change.
  case apply(EngineSettings)
}
