internal import Diagnostics
internal import Inputs
internal import Metrics

/// Everything that the page shows: plain values at one instant.
struct PageModel: Sendable {
  struct Input: Sendable {
    var name: String
    var status: InputStatus.Snapshot
  }

  /// With trends; without them there are no plots.
  var readings: Readings
  var inputs: [Input]
  var version: String
  /// Unix time of the process' start, and now.
  var startedAt: Microseconds
  var now: Microseconds
  /// What every link begins with: empty, or `/x/y`.
  var linkPrefix: String
  var telemetryPath: String
  /// Whether events are kept that can be asked for.
  var hasEvidence = false
  /// By the names of rules, what an audit policy must have for them; asked for when a rule is shown that has less.
  var neededPolicies: @Sendable () -> [String: [String]] = { [:] }
  /// Why the exporter is not ready; nil when it is.
  var obstacle: String?
  /// Where documentation and runbooks are; no link when empty.
  var projectURL = ""
}
