internal import Counting
internal import Diagnostics

/// Every setting, once. The file reader, the flags, `--config.check` and docs/configuration.md come from this list.
enum Schema {
  static let all: [Setting] =
    inputs + firehose + kinesis + cloudwatch + cloudtrail + posture + queue + clusters + storage + counting + rules
    + limits
    + web + log

  /// The setting that a flag sets.
  static func setting(flag: String) -> Setting? { all.first { $0.flag == flag } }

  private static let inputs: [Setting] = [
    Setting(
      "inputs.file", \.inputs.files,
      Shape<Settings.Inputs.File>.inputFile.list("list of paths or {path, cluster}", limit: 256), flag: "input.file",
      example: "[{path: /var/log/kubernetes/audit.log, cluster: prod}]", fields: Shape<Settings.Inputs.File>.fields,
      help: "Audit logs to follow, across rotation; plain or gzip. On the command line: a path or pattern each."),
    Setting(
      "inputs.file_start", \.inputs.fileStart, .choice, flag: "input.file.start",
      help: "Where to begin in a file that is there at the start. Files that appear later are read from the beginning."),
    Setting(
      "inputs.stdin", \.inputs.stdin, .bool, flag: "input.stdin", example: "true",
      help:
        "Read audit events from standard input: a pipe, or a file, which is read on after a restart where it was counted to."
    ),
    Setting(
      "inputs.webhook.listen_addresses", \.inputs.webhook.listenAddresses,
      Shape<ListenAddress>.address.list("list of addresses", limit: 16),
      flag: "input.webhook.listen-address", example: "[\"127.0.0.1:10404\"]",
      help: "Addresses to take pushes of the API server's audit webhook at, on /webhook and /webhook/<cluster>."),
    Setting(
      "inputs.webhook.config_file", \.inputs.webhook.configFile, .path, flag: "input.webhook.config.file",
      example: "/etc/kube-audit-exporter/push.yml",
      help:
        "The web configuration file of the listener for pushes: TLS, client certificates, passwords, in the format of "
        + "`web.config_file`. Its credentials are its own: those of scrapers open nothing here. A change of the file, or of a "
        + "file that it names, takes effect by itself."),
    Setting(
      "inputs.webhook.writers", \.inputs.webhook.writers,
      Shape<Settings.Webhook.Writer>.writer.list("list of {user, clusters} or {certificate, clusters}", limit: 1000),
      isReloadable: true, example: "[{user: kube-apiserver, clusters: [default]}]",
      fields: Shape<Settings.Webhook.Writer>.fields,
      help:
        "Who may write events of which cluster, once `inputs.webhook.config_file` asks for passwords or certificates. Others "
        + "get 403."),
    Setting(
      "inputs.webhook.insecure", \.inputs.webhook.isInsecure, .bool, flag: "input.webhook.insecure",
      help:
        "Let the webhook listen without authentication on addresses that other machines reach. Anybody there can then write "
        + "events. Not needed with authentication."),
    Setting(
      "inputs.webhook.clusters", \.inputs.webhook.clusters,
      ClusterName.shape.list("list of cluster names", limit: 1000),
      example: "[prod, staging]",
      help:
        "Clusters that /webhook/<cluster> takes events for, besides `clusters` and `cluster.name`. Each is expected."),
    Setting(
      "inputs.webhook.body_limit_bytes", \.inputs.webhook.bodyLimitBytes, .bytes(1 << 20...1 << 30),
      help:
        "The largest body as it arrives. A larger one is answered 413 and lost, so keep it above the API server's batches."
    ),
    Setting(
      "inputs.webhook.decoded_limit_bytes", \.inputs.webhook.decodedLimitBytes, .bytes(1 << 20...1 << 30),
      help: "The same after decompression."),
  ]

  private static let queue: [Setting] = [
    Setting(
      "queue.limit_bytes", \.queueLimitBytes,
      Shape<Int>.bytes(1 << 20...4 << 30).optional(
        "4MiB, with a webhook 4MiB + both its limits (132MiB), with Firehose 196MiB"),
      example: "64MiB",
      help:
        "Bytes held between inputs and counting, bodies being received included. When full, inputs wait and pushes "
        + "are answered 503. It is a limit, not a reservation. Where pushes are taken the default leaves room for one largest "
        + "body, as it arrives and decoded: the API server drops a batch that was refused five times.")
  ]

  private static let clusters: [Setting] = [
    Setting(
      "cluster.name", \.givenClusterName, ClusterName.shape.optional("default"), flag: "cluster.name", example: "prod",
      help:
        "The cluster of events whose input and wrapping name none. Where it is given and an input can deliver such events, "
        + "it is expected like one of `clusters`."),
    Setting(
      "clusters", \.clusters, Shape<Settings.Cluster>.cluster.list("list of {name}", limit: 1000), isReloadable: true,
      example: "[{name: prod}, {name: staging}]", fields: Shape<Settings.Cluster>.fields,
      help:
        "Clusters that should log: each has `kube_audit_cluster_expected`, so that one never heard from can be alerted on. "
        + "So have the names that inputs are given, and `cluster.name`."
    ),
  ]

  private static let storage: [Setting] = [
    Setting(
      "storage.path", \.storagePath, .checked("path", StoragePath.checked), flag: "storage.path",
      example: "/var/lib/kube-audit-exporter",
      help:
        "The directory that keeps the counts over restarts, made if only its last part is missing. One process at a time "
        + "uses it. Empty: counts are kept in memory and begin at 0 with each start.")
  ]

  private static let counting: [Setting] = [
    Setting(
      "windows", \.windowSeconds, Shape<Int64>.duration(30...86_400).list("list of durations", limit: 6),
      example: "[5m, 15m, 1h, 6h]",
      help: "Spans of the sliding windows, each a multiple of 30s. The bundled rules need 5m, 15m and 1h."),
    Setting(
      "max_lag", \.maxLagSeconds, .duration(60...86_400),
      help: "How far behind a feed may be and still be shown with full windows."),
    Setting(
      "trusted_proxies", \.trustedProxies,
      Shape<String>.checked("network", Network.canonical).list("list of networks", limit: 256),
      isReloadable: true, example: "[10.0.0.0/8, \"2001:db8::/32\"]",
      help:
        "Proxies whose word about the source IP counts: from the last of `sourceIPs` backwards, addresses in these networks "
        + "are passed over."),
    Setting(
      "tracked_objects", \.trackedObjects,
      Shape<Settings.TrackedObject>.trackedObject.list("list of entries", limit: 48),
      isReloadable: true,
      example: "[{name: coredns, group: \"\", resource: configmaps, namespace: kube-system, object_name: coredns}]",
      fields: Shape<Settings.TrackedObject>.fields,
      help: "Requests to count by themselves in `kube_audit_tracked_requests_total`, besides the built-in objects."),
    Setting(
      "pseudonyms.key_file", \.pseudonymKeyFile, .path, flag: "pseudonyms.key-file",
      example: "/etc/kube-audit-exporter/pseudonyms.key",
      help:
        "A file with a secret key of at least 32 bytes. With it users and source IPs are shown and kept as pseudonyms, never "
        + "by name (docs/security.md). Empty: their names are shown."),
  ]

  private static let rules: [Setting] = [
    Setting(
      "rules.files", \.detection.files, Shape<String>.path.list("list of paths", limit: 64), flag: "rules.file",
      isReloadable: true, example: "[/etc/kube-audit-exporter/rules.yaml]",
      help:
        "Files of detection rules in Falco's format, read in this order (docs/rules.md). Each rule has a series of "
        + "`kube_audit_detections_total`. A reload reads them again."),
    Setting(
      "rules.matching", \.detection.matching, .choice, isReloadable: true,
      help: "Which of the rules that match an event count: all, or the first in the order of the files, as in Falco."),
  ]

  private static let limits: [Setting] =
    [
      Setting(
        "limits.event_bytes", \.limits.eventBytes, .bytes(64 << 10...256 << 20),
        help: """
          The longest event of a file or of standard input; longer ones are rejected. Beginnings of events whose ends \
          have not arrived take at most twice as much, all files together; beyond that the longest is dropped. A pushed \
          body has limits of its own.
          """),
      Setting(
        "limits.clusters", \.limits.clusters, .integer(1...10_000),
        help: "Clusters with series of their own; further ones count as `(other)`."),
      Setting(
        "limits.users_per_source_ip", \.limits.series.usersPerSourceIP, .integer(1...5000),
        help: "Users of whom one source IP may hold series of refused requests."),
      Setting(
        "limits.source_ips_per_user", \.limits.series.sourceIPsPerUser, .integer(1...5000),
        help: "Source IPs from which one user may hold series of refused requests."),
      Setting(
        "limits.series_per_ipv6_network", \.limits.series.seriesPerIPv6Network, .integer(1...5000),
        help: "Series of refused requests in one IPv6 /64 before it is counted as one."),
      Setting(
        "limits.resources_per_cluster", \.limits.series.resourcesPerCluster, .integer(1...10_000),
        help: "Resource names of one cluster; further ones count as `(other)`."),
      Setting(
        "limits.evidence_bytes", \.limits.evidenceBytes, .bytes(0...256 << 20),
        help: """
          What may be kept of events as evidence of what was counted (docs/evidence.md): one half for the last refused \
          request of each series, one for the last matches of each detection rule. 0 keeps none.
          """),
      Setting(
        "limits.rule_window_keys", \.limits.ruleWindows.keys, .integer(1...1_000_000),
        help: """
          Keys that one windowed detection rule may remember in one cluster (docs/rules.md). For further ones it does not \
          match, which `kube_audit_rule_window_overflow_total` counts.
          """),
      Setting(
        "limits.rule_window_bytes", \.limits.ruleWindows.bytes, .bytes(64 << 10...256 << 20),
        help: "What all windowed detection rules together may remember, in memory and in the state."),
      Setting(
        "limits.shown_series", \.limits.shownSeries, .integer(10...5000),
        help: "Series shown of one window family, window and cluster; the rest is shown as one."),
      Setting(
        "limits.series_idle", \.limits.idleSeconds, .duration(3600...30 * 86_400),
        help: "A series without a change for this long may be dropped when its family is over 80 % full."),
    ]
    + families

  private static let families: [Setting] =
    family("requests", \.limits.series.requests.perCluster, \.limits.series.requests.inAll, "requests")
    + family("denied", \.limits.series.denied.perCluster, \.limits.series.denied.inAll, "refused requests")
    + family(
      "server_errors", \.limits.series.serverErrors.perCluster, \.limits.series.serverErrors.inAll, "server errors")
    + family(
      "rbac_mutations", \.limits.series.rbacMutations.perCluster, \.limits.series.rbacMutations.inAll, "RBAC mutations")
    + family(
      "tracked", \.limits.series.tracked.perCluster, \.limits.series.tracked.inAll, "requests for tracked objects")
    + family(
      "tracked_in_window", \.limits.series.trackedInWindow.perCluster, \.limits.series.trackedInWindow.inAll,
      "requests for tracked objects inside the windows")
    + family(
      "impersonated", \.limits.series.impersonated.perCluster, \.limits.series.impersonated.inAll,
      "impersonated requests")
    + family("detections", \.limits.series.detections.perCluster, \.limits.series.detections.inAll, "detection rules")
    + family(
      "distinct_users", \.limits.series.distinctUsers.perCluster, \.limits.series.distinctUsers.inAll,
      "distinct refused users, by source IP")

  private static func family(
    _ name: String, _ perCluster: any WritableKeyPath<Settings, Int> & Sendable,
    _ inAll: any WritableKeyPath<Settings, Int> & Sendable, _ what: String
  ) -> [Setting] {
    [
      Setting(
        "limits.\(name).series_per_cluster", perCluster, .integer(1...1_000_000),
        help: "Series of \(what) that one cluster may hold."),
      Setting(
        "limits.\(name).series", inAll, .integer(1...1_000_000), help: "Series of \(what) over all clusters."),
    ]
  }

  private static let web: [Setting] = [
    Setting(
      "web.listen_addresses", \.web.listenAddresses, Shape<ListenAddress>.address.list("list of addresses", limit: 16),
      flag: "web.listen-address",
      help: "Addresses to serve scrapers and people at."),
    Setting(
      "web.config_file", \.web.configFile, .path, flag: "web.config.file",
      example: "/etc/kube-audit-exporter/web.yml",
      help:
        "The web configuration file: TLS, client certificates, passwords, headers, in the format of Prometheus' "
        + "exporter-toolkit. A change of the file, or of a file that it names, takes effect by itself. docs/security.md."
    ),
    Setting(
      "web.telemetry_path", \.web.telemetryPath, .checked("path", SettingsChecks.telemetryPath),
      flag: "web.telemetry-path",
      help: "Where the metrics are."),
    Setting(
      "web.external_url", \.web.externalURL, .checked("URL", URLText.external), flag: "web.external-url",
      example: "https://example.org/audit", help: "The URL under which people reach this exporter, behind a proxy say."),
    Setting(
      "web.route_prefix", \.web.routePrefix,
      Shape<String>.checked("path", URLText.prefix).optional("the external URL's path"),
      flag: "web.route-prefix", example: "/audit", help: "What stands before every path that is served."),
    Setting(
      "web.enable_lifecycle", \.web.isLifecycleEnabled, .bool, flag: "web.enable-lifecycle",
      help: "Let a POST to /-/reload read the configuration again."),
    Setting(
      "web.max_requests", \.web.requestsLimit, .integer(0...10_000), flag: "web.max-requests",
      help: "Scrapes served at a time; 0 is no limit."),
  ]

  private static let log: [Setting] = [
    Setting(
      "log.level", \.log.level, .choice, flag: "log.level", isReloadable: true, help: "The least level that is written."
    ),
    Setting(
      "log.format", \.log.format, .choice, flag: "log.format", isReloadable: true, help: "How log lines are written."),
  ]
}
