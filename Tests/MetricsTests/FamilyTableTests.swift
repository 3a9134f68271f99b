import Metrics
import TestSupport
import Testing

/// The family table against the enum of families, the design and the rules for names.
@Suite struct FamilyTableTests {
  @Test func everyFamilyIsDeclaredOnce() {
    #expect(Families.all.count == FamilyID.allCases.count)
    #expect(Set(Families.all.map(\.id)) == Set(FamilyID.allCases))
    for id in FamilyID.allCases { #expect(Families.family(id).id == id) }
  }

  /// DESIGN.md, section 4, as far as it is built: name without `kube_audit_`, type, labels.
  static let design: [(names: String, kind: Family.Kind, labels: String)] = [
    ("requests_total", .counter, "k8s_cluster, verb, code"),
    ("denied_requests_total", .counter, "k8s_cluster, code, reason, user, source_ip"),
    ("server_errors_total", .counter, "k8s_cluster, code, verb, resource"),
    ("rbac_mutations_total", .counter, "k8s_cluster, resource, verb, user, outcome"),
    ("tracked_requests_total", .counter, "k8s_cluster, object, verb, outcome"),
    ("impersonated_requests_total", .counter, "k8s_cluster, user, impersonated_user"),
    ("events_by_stage_total", .counter, "k8s_cluster, audit_stage"),
    ("window_requests", .gauge, "k8s_cluster, window, code_class"),
    ("window_denied_requests", .gauge, "k8s_cluster, window, code, reason, user, source_ip"),
    ("window_distinct_users", .gauge, "k8s_cluster, window, source_ip"),
    ("window_server_error_ratio", .gauge, "k8s_cluster, window"),
    ("window_rbac_mutations", .gauge, "k8s_cluster, window, resource, verb, user, outcome"),
    ("window_tracked_requests", .gauge, "k8s_cluster, window, object, verb, user, outcome"),
    ("detections_total", .counter, "k8s_cluster, rule, priority"),
    ("detection_overruns_total", .counter, ""),
    ("rule_evaluable rule_noisy", .gauge, "k8s_cluster, rule"),
    ("window_detections", .gauge, "k8s_cluster, window, rule, priority"),
    // CloudTrail: who called what about clusters.
    (
      "cloud_api_calls_total", .counter, "cloud_provider, cloud_account, cloud_region, operation, error_code, principal"
    ),
    (
      "window_cloud_api_calls", .gauge,
      "cloud_provider, cloud_account, cloud_region, window, operation, error_code, principal"
    ),
    (
      "cluster_logging_changes_total", .counter,
      "cloud_provider, cloud_account, cloud_region, k8s_cluster, log_type, change, principal, source_ip"
    ),
    (
      "window_cluster_logging_changes", .gauge,
      "cloud_provider, cloud_account, cloud_region, window, k8s_cluster, log_type, change, principal, source_ip"
    ),
    ("role_assumptions_total", .counter, "cloud_provider, cloud_account, cloud_region, user, role, error_code"),
    (
      "cloud_insight_calls_per_minute cloud_insight_baseline_calls_per_minute", .gauge,
      "cloud_provider, cloud_account, cloud_region, cloud_service, operation, error_code, insight"
    ),
    ("cluster_expected", .gauge, "k8s_cluster"),
    ("cluster_last_event_timestamp_seconds event_lag_seconds", .gauge, "k8s_cluster, input"),
    (
      "events_received_total events_counted_total events_not_a_request_total events_duplicate_total", .counter, "input"
    ),
    ("events_ignored_total events_rejected_total events_dropped_total", .counter, "input, reason"),
    (
      "events_salvaged_total events_skewed_total events_late_total input_bytes_total source_gap_bytes_total", .counter,
      "input"
    ),
    ("clock_steps_total", .counter, "direction"),  // Section 3, "Window": the clock may be set.
    ("digests_evicted_total", .counter, "input"),  // Section 3, "Duplicate": an early eviction is counted.
    ("push_requests_total", .counter, "input, code"),
    ("queue_bytes queue_limit_bytes", .gauge, ""),
    ("series series_limit", .gauge, "family"),
    ("series_overflow_total series_expired_value_total", .counter, "family"),
    ("input_up input_last_success_timestamp_seconds", .gauge, "input"),
    ("input_errors_total", .counter, "input, reason"),
    // The word `service` belongs to scrapers under the Prometheus operator.
    ("cloud_requests_total", .counter, "cloud_service, operation, cloud_region, outcome"),
    ("log_groups", .gauge, "cloud_account, cloud_region, state"),
    ("log_groups_read_timestamp_seconds", .gauge, "cloud_account, cloud_region"),
    ("stream_read_timestamp_seconds", .gauge, "cloud_account, cloud_region, stream"),
    ("cluster_log_type_enabled", .gauge, "cloud_provider, cloud_account, cloud_region, k8s_cluster, log_type"),
    ("cluster_logging_status", .gauge, "cloud_provider, cloud_account, cloud_region, k8s_cluster, status"),
    // Section 4 has statuses for what the API says; what it says of the log group, and what it does not list, is apart.
    ("cluster_log_retention_seconds", .gauge, "cloud_provider, cloud_account, cloud_region, k8s_cluster"),
    ("cluster_unlisted", .gauge, "k8s_cluster"),
    (
      "clusters_logging_disabled posture_up posture_last_success_timestamp_seconds", .gauge,
      "cloud_provider, cloud_account, cloud_region"
    ),
    ("state_durable state_last_commit_timestamp_seconds state_size_bytes", .gauge, ""),
    ("state_filesystem_avail_bytes", .gauge, ""),  // Section 2: a bound that is not ours, and visible.
    ("state_commit_duration_seconds", .histogram, ""),
    ("state_commit_errors_total", .counter, ""),
    // What windowed rules remember: a bound of its own kind.
    ("rule_window_bytes rule_window_limit_bytes", .gauge, ""),
    ("rule_window_overflow_total", .counter, "k8s_cluster, rule"),
    ("http_requests_total", .counter, "handler, code"),
    ("exporter_build_info", .info, "version, revision, branch, swiftversion, goos, goarch"),
    ("exporter_config_last_reload_successful", .gauge, ""),
    ("exporter_config_last_reload_success_timestamp_seconds", .gauge, ""),
  ]

  @Test func labelsAndTypesAreTheDesigns() throws {
    var left = Set(Families.all.map(\.name).filter { !$0.hasPrefix("process_") })
    for (names, kind, labels) in Self.design {
      for name in names.split(separator: " ").map({ "kube_audit_\($0)" }) {
        let family = try #require(Families.all.first { $0.name == name }, "\(name) is missing")
        #expect(family.kind == kind, "\(name)")
        #expect(family.labels.map(\.rawValue).joined(separator: ", ") == labels, "\(name)")
        left.remove(name)
      }
    }
    #expect(left.isEmpty, "not in the design: \(left)")
    #expect(Families.family(.deniedRequests).seriesLimit == 5_000)
    #expect(Families.family(.windowDeniedRequests).seriesLimit == 500)
    // A client's text in a label needs a limit.
    for family in Families.all where !Set(family.labels).isDisjoint(with: [.user, .sourceIP, .verb, .resource]) {
      #expect(family.seriesLimit != nil, "\(family.name)")
    }
  }

  /// The rules of Prometheus' linter, and of OpenMetrics for names that must not clash.
  @Test(arguments: Families.all.map(\.id)) func nameKeepsTheRules(id: FamilyID) {
    let family = Families.family(id)
    let words = family.name.split(separator: "_")
    #expect(family.name.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil)
    #expect(family.name.hasPrefix("kube_audit_") || family.name.hasPrefix("process_"))
    #expect((family.kind == .counter) == family.name.hasSuffix("_total"))
    #expect((family.kind == .info) == family.name.hasSuffix("_info"))
    let abbreviations: Set<Substring> = [
      "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
    ]
    let foreign: Set<Substring> = [
      "milliseconds", "minutes", "hours", "days", "weeks", "bits", "kilobytes", "kibibytes", "megabytes", "percent",
      "counter", "gauge", "histogram", "summary", "count", "sum", "bucket", "created",
    ]
    #expect(abbreviations.isDisjoint(with: words) && foreign.isDisjoint(with: words))
    #expect(
      words.contains("seconds") == (family.unit == .seconds) && words.contains("bytes") == (family.unit == .bytes))
    #expect(Set(family.labels).count == family.labels.count)
    // Kept free for the scraper's own labels.
    let taken: Set = [
      "cluster", "stage", "region", "zone", "job", "instance", "le", "quantile", "type", "env", "service",
    ]
    #expect(taken.isDisjoint(with: family.labels.map(\.rawValue)))
    #expect((family.labels.contains(.window)) == family.name.hasPrefix("kube_audit_window_"))
  }

  @Test func openMetricsNamesDoNotClash() {
    let samples = Set(Families.all.map(\.name))
    #expect(Set(Families.all.map(\.openMetricsName)).count == Families.all.count)
    for family in Families.all {
      for suffix in ["", "_total", "_created", "_info", "_count", "_sum", "_bucket"] {
        let name = family.openMetricsName + suffix
        #expect(name == family.name || !samples.contains(name), "\(family.name) and \(name)")
      }
    }
  }

  @Test(arguments: Families.all.map(\.id)) func helpIsOnePlainSentence(id: FamilyID) {
    let help = Families.family(id).help
    #expect(help.utf8.allSatisfy { (0x20..<0x7f).contains($0) } && !help.contains("\\") && !help.contains("\""))
    #expect(help.hasSuffix(".") && help.first?.isLowercase == false && (20...100).contains(help.count))
    #expect(Families.all.filter { $0.help == help }.count == 1)
  }

  @Test func labelNamesAreLegal() {
    for label in Label.allCases {
      #expect(label.rawValue.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil)
      #expect(Families.all.contains { $0.labels.contains(label) }, "\(label.rawValue) is on no family")
    }
  }
}
