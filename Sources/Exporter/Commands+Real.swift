internal import Metrics

extension Commands {
  /// The program's own.
  static let real = Commands(serve: Exporter.serve, replay: Exporter.replay, metricsDocument: FamilyDocument.markdown)
}

/// Runs the exporter until it is told to stop.
@Sendable func serve(_ options: ServeOptions) -> Int32 { notWired("serve") }

/// Counts archives and prints the result.
@Sendable func replay(_ options: ReplayOptions) -> Int32 { notWired("replay") }

private func notWired(_ command: String) -> Int32 {
  Console.standard.error("\(command) is not part of this build.\n")
  return 1
}
