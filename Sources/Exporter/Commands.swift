internal import Diagnostics
internal import Rules

/// What `serve` needs to start.
struct ServeOptions: Sendable {
  let settings: Settings
  /// The web configuration files that they name.
  var listeners = ListenerRules()
  /// What hides users and source IPs; nil where they are shown by name.
  var pseudonyms: PseudonymKey?
  /// The detection rules that they name; nil for none.
  var rules: RuleSet?
  /// Reads file and flags again, for a reload.
  let load: @Sendable () throws(Failures) -> Settings
}

/// What `replay` needs.
struct ReplayOptions: Sendable {
  let settings: Settings
  /// What hides users and source IPs; nil where they are shown by name.
  var pseudonyms: PseudonymKey?
  /// The detection rules that the settings name; nil for none.
  var rules: RuleSet?
  let format: ReplayFormat
  /// How to print each match of a rule, in the place of counts; nil for counts.
  var matches: MatchFormat?
  /// At least one; `-` is standard input.
  let files: [String]
}

/// What `replay` prints.
enum ReplayFormat: String, Sendable, CaseIterable { case table, json, openmetrics }

/// What the commands do, apart from how they are called: each answers with the exit code.
struct Commands: Sendable {
  let serve: @Sendable (ServeOptions) -> Int32
  let replay: @Sendable (ReplayOptions) -> Int32
  /// docs/metrics.md.
  let metricsDocument: @Sendable () -> String
}
