/// Every family, declared once. Exposition, docs/metrics.md and the checks on alerts and dashboards read it.
public enum Families {
  /// All families, in the order in which they are exposed and documented.
  public static let all: [Family] = sections.flatMap(\.families)

  /// All families, by what they are about.
  public static let sections: [FamilySection] = [
    requests, windows, clusters, posture, cloudTrail, accounting, clouds, bounds, state, exporter,
  ]

  /// The declaration of one family.
  public static func family(_ id: FamilyID) -> Family {
    // A table by sections cannot be checked at compile time; a test asks for every one.
    guard let family = byID[id] else { preconditionFailure("\(id) is not in the family table") }
    return family
  }

  /// Series of one counter family that events may make in one cluster.
  public static let counterSeriesLimit = 2_000
  /// The same for refused requests, which are told apart by user and source IP.
  public static let deniedSeriesLimit = 5_000
  /// Series of one window gauge shown for one cluster and one window.
  public static let windowSeriesLimit = 500
  /// Clusters that may be told apart.
  public static let clusterLimit = 1_000

  /// Accounts and regions of clouds that may be told apart.
  public static let cloudPlaceLimit = 1_000

  private static let byID = Dictionary(all.map { ($0.id, $0) }) { first, _ in first }

  // MARK: Requests

  static let requests = FamilySection(
    title: "Requests",
    introduction: """
      Each request to an API server is counted once, when its last audit event arrives. Counters say how much happened \
      in all: ask them with `rate()` or `increase()`. A counter that is born with a value is invisible to \
      `increase()`, so what has to page someone has a window gauge too.
      """,
    families: [
      Family(
        .requests, .counter, [.cluster, .verb, .code], limit: counterSeriesLimit,
        help: "Requests to the API server, each counted once when it ended.",
        note: """
          The total of all requests, refused and failed ones included. A long watch counts when it ends. `code` is \
          `unknown` where an event carries none.
          """,
        query: "sum by (k8s_cluster, verb) (rate(kube_audit_requests_total[5m]))"),
      Family(
        .deniedRequests, .counter, [.cluster, .code, .reason, .user, .sourceIP], limit: deniedSeriesLimit,
        help: "Requests answered 401 or 403, by why, by whom and from where.",
        note: "`reason` tells who refused: see [reasons of denial](#reason-of-a-denial).",
        query: "topk(10, sum by (user, source_ip) (increase(kube_audit_denied_requests_total[1h])))"),
      Family(
        .serverErrors, .counter, [.cluster, .code, .verb, .resource], limit: counterSeriesLimit,
        help: "Requests answered with a 5xx code, by what they asked for.",
        query: "sum by (k8s_cluster, resource) (rate(kube_audit_server_errors_total[5m]))"),
      Family(
        .rbacMutations, .counter, [.cluster, .resource, .verb, .user, .outcome], limit: counterSeriesLimit,
        help: "Changes of roles, cluster roles and their bindings that were asked for, by outcome.",
        note: "Tries that were refused count as well: look at `outcome`.",
        query: #"sum by (k8s_cluster, user) (increase(kube_audit_rbac_mutations_total{outcome="success"}[1d]))"#),
      Family(
        .trackedRequests, .counter, [.cluster, .object, .verb, .outcome], limit: counterSeriesLimit,
        help: "Requests for objects that the configuration tracks, by outcome.",
        note: "`object` is the name under which the configuration tracks a class of requests.",
        query: #"sum by (k8s_cluster, verb) (increase(kube_audit_tracked_requests_total{object="aws-auth"}[1d]))"#),
      Family(
        .impersonatedRequests, .counter, [.cluster, .user, .impersonatedUser], limit: counterSeriesLimit,
        help: "Requests made by one user in the name of another.",
        note: "`user` is who authenticated, here and in every other family.",
        query: "sum by (user, impersonated_user) (increase(kube_audit_impersonated_requests_total[1d]))"),
      Family(
        .eventsByStage, .counter, [.cluster, .auditStage],
        help: "Audit events by their stage.",
        note: """
          A failed authentication is logged at `ResponseStarted` alone. Where that stage never shows, the audit policy \
          hides it, and no 401 can be seen at all.
          """,
        query: "sum by (k8s_cluster, audit_stage) (rate(kube_audit_events_by_stage_total[1h]))"),
      Family(
        .detections, .counter, [.cluster, .rule, .priority], limit: counterSeriesLimit,
        help: "Requests that a detection rule matched, each rule once for a request.",
        note: """
          Every loaded rule is there from the start, at 0, in every cluster. Whatever else a request did, it counts for \
          each rule that matches it. Without rules files there is none.
          """,
        query: #"sum by (k8s_cluster, rule) (increase(kube_audit_detections_total{priority="critical"}[1d]))"#),
      Family(
        .detectionOverruns, .counter, [],
        help: "Events of which a field that a detection rule asks for was too large to be read.",
        note: """
          The field was answered as missing. It takes more than 64 MiB, or a million values, of one event: whoever writes \
          that may be hiding something. Begins at 0 with each start.
          """,
        query: "increase(kube_audit_detection_overruns_total[1d]) > 0"),
      Family(
        .ruleEvaluable, .gauge, [.cluster, .rule], limit: counterSeriesLimit,
        help: "Whether a detection rule can match at the audit levels seen of its requests: 0 or 1.",
        note: """
          0 means that the level leaves out the bodies that the rule asks for, so that it is silent whatever happens; \
          where levels differ among such requests, one that suffices makes 1. Seen are the last two hours in which \
          such requests came, for a day at most; a rule whose requests were not seen has no series. Not kept across \
          restarts. There is a series for every rule in as many clusters as `limits.detections` has room for.
          """,
        query: "kube_audit_rule_evaluable == 0"),
      Family(
        .ruleNoisy, .gauge, [.cluster, .rule], limit: counterSeriesLimit,
        help: "Whether a detection rule matches because bodies are left out at an audit level seen: 0 or 1.",
        note: """
          1 means that the rule negates a test of a body which the level leaves out, so that it matches whatever the \
          body says; one such level among its requests makes 1. There where `kube_audit_rule_evaluable` is.
          """,
        query: "kube_audit_rule_noisy == 1"),
    ])

  // MARK: Windows

  static let windows = FamilySection(
    title: "Sliding windows",
    introduction: """
      How many requests fell into the last minutes, as a plain number: compare it with a threshold, without `rate()`. \
      How far a window reaches and where it ends is told under [windows](#windows). A series is absent while its \
      window is empty. At most \(windowSeriesLimit) series are shown for each family, window and cluster; what remains \
      is in the series whose values are `(other)`, so that the sum is exact.
      """,
    families: [
      Family(
        .windowRequests, .gauge, [.cluster, .window, .codeClass],
        help: "Requests inside the sliding window, by the class of their code.",
        note: "`code_class` is `1xx` to `5xx`, or `unknown`.",
        query: #"sum by (k8s_cluster) (kube_audit_window_requests{window="5m"})"#),
      Family(
        .windowDeniedRequests, .gauge, [.cluster, .window, .code, .reason, .user, .sourceIP],
        limit: windowSeriesLimit,
        help: "Requests answered 401 or 403 inside the sliding window.",
        note: """
          The spike that pages. Quota and pod security refuse with 403 too; `reason="authorization"` leaves them out.
          """,
        query: """
          sum by (k8s_cluster, user) (kube_audit_window_denied_requests{window="5m", reason="authorization"}) > 50
          """),
      Family(
        .windowDistinctUsers, .gauge, [.cluster, .window, .sourceIP], limit: windowSeriesLimit,
        help: "Different user names refused from one source IP inside the sliding window.",
        note: """
          Exact up to 64 names, then an estimate within 3 %. One address that tries many names is guessing. Do not sum \
          it: a name that was refused from two addresses is in both.
          """,
        query: #"kube_audit_window_distinct_users{window="15m"} > 10"#),
      Family(
        .windowServerErrorRatio, .gauge, [.cluster, .window],
        help: "Share of requests answered with a 5xx code inside the sliding window, 0 to 1.",
        note: "Absent while the window holds no request.",
        query: #"kube_audit_window_server_error_ratio{window="5m"} > 0.05"#),
      Family(
        .windowRBACMutations, .gauge, [.cluster, .window, .resource, .verb, .user, .outcome],
        limit: windowSeriesLimit,
        help: "Changes of roles and bindings that were asked for inside the sliding window.",
        query: #"sum by (k8s_cluster, user) (kube_audit_window_rbac_mutations{window="1h", outcome="success"}) > 0"#),
      Family(
        .windowTrackedRequests, .gauge, [.cluster, .window, .object, .verb, .user, .outcome],
        limit: windowSeriesLimit,
        help: "Requests for tracked objects inside the sliding window.",
        query: #"sum by (user) (kube_audit_window_tracked_requests{window="15m", object="secret-reads"}) > 20"#),
      Family(
        .windowDetections, .gauge, [.cluster, .window, .rule, .priority], limit: windowSeriesLimit,
        help: "Requests inside the sliding window that a detection rule matched.",
        query: #"kube_audit_window_detections{window="15m", priority=~"emergency|alert|critical"} > 0"#),
    ])

  // MARK: Clusters

  static let clusters = FamilySection(
    title: "Clusters and their feeds",
    introduction: """
      Which clusters ought to be heard, when each was heard last, and how far behind each feed is. Up to \
      \(clusterLimit) clusters are told apart.
      """,
    families: [
      Family(
        .clusterExpected, .gauge, [.cluster],
        help: "1 for every cluster that the configuration names or a cloud lists.",
        note: "It finds the cluster that was never heard of, which has no series of its own anywhere else.",
        query: """
          kube_audit_cluster_expected unless on (k8s_cluster) kube_audit_cluster_last_event_timestamp_seconds
          """),
      Family(
        .clusterLastEvent, .gauge, [.cluster, .input],
        help: "Event time of the newest audit event, as Unix time.",
        query: "time() - max by (k8s_cluster) (kube_audit_cluster_last_event_timestamp_seconds) > 900"),
      Family(
        .eventLag, .gauge, [.cluster, .input],
        help: "How far the newest audit event was behind the clock when it arrived.",
        note: "Set whenever a newer event arrives. Windows end this far behind the clock.",
        query: "max by (k8s_cluster, input) (kube_audit_event_lag_seconds) > 600"),
      Family(
        .clockSteps, .counter, [.direction],
        help: "How often the system's clock was set by more than two minutes while the exporter ran.",
        note: """
          `forward` empties windows at once, also after the machine was asleep. `back` begins all windows anew, when the \
          exporter starts with a clock that is behind its state too. Totals are right either way. Begins at 0 with each start.
          """,
        query: "sum by (instance, direction) (increase(kube_audit_clock_steps_total[1h])) > 0"),
    ])
}
