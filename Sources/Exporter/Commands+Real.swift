internal import Metrics

extension Commands {
  /// The program's own.
  static let real = Commands(serve: Exporter.serve, replay: Exporter.replay, metricsDocument: FamilyDocument.markdown)
}
