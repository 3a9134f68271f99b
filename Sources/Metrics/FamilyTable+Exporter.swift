// The families that tell about the exporter: what it took in, where its limits are, how it is doing.
extension Families {
  static let accounting = FamilySection(
    title: "Accounting",
    introduction: """
      What became of every event, for each input. At every scrape, received = counted + not a request + duplicate + \
      ignored + rejected + dropped, to the event.
      """,
    families: [
      Family(
        .eventsReceived, .counter, [.input],
        help: "Audit events, and what stood in their place, that an input took over.",
        note: "The left side of the identity above. What was refused with 503 was never received.",
        query: "sum by (input) (rate(kube_audit_events_received_total[5m]))"),
      Family(
        .eventsCounted, .counter, [.input],
        help: "Audit events that were counted as a request.",
        note: """
          Over all inputs as much as `kube_audit_requests_total` in all, expired series included, and where CloudTrail is \
          read `kube_audit_cloud_api_calls_total` and `kube_audit_role_assumptions_total` beside it.
          """,
        query: "sum by (input) (rate(kube_audit_events_counted_total[5m]))"),
      Family(
        .eventsNotARequest, .counter, [.input],
        help: "Audit events at a stage that does not end a request.",
        note:
          "Normal: most requests write two events, and one of them counts. Records of CloudTrail Insights are none either."
      ),
      Family(
        .eventsDuplicate, .counter, [.input],
        help: "Audit events that had been received before and were left out."),
      Family(
        .eventsIgnored, .counter, [.input, .reason],
        help: "Records that are no audit events and were not meant to be, by reason.",
        note: "Other log categories, control messages, the text of another log."),
      Family(
        .eventsRejected, .counter, [.input, .reason],
        help: "Records that ought to be audit events and could not be read, by reason.",
        query: "sum by (input, reason) (increase(kube_audit_events_rejected_total[15m])) > 0"),
      Family(
        .eventsDropped, .counter, [.input, .reason],
        help: "Audit events received and not counted because a limit was reached, by reason.",
        query: "sum by (input, reason) (increase(kube_audit_events_dropped_total[15m])) > 0"),
      Family(
        .eventsSalvaged, .counter, [.input],
        help: "Audit events that were cut short and counted by what was left of them."),
      Family(
        .eventsSkewed, .counter, [.input],
        help: "Audit events whose time was more than a minute ahead of the clock.",
        note: "They count as if they had happened when they arrived."),
      Family(
        .eventsLate, .counter, [.input],
        help: "Requests too old for every window, counted in the totals alone.",
        note: "Many of them mean that a feed is further behind than the windows allow for."),
      Family(
        .digestsEvicted, .counter, [.input],
        help: "Digests of what was received that were forgotten before their time, because more came than are kept.",
        note: """
          By the input that brought more. What arrives again after its digest is gone counts twice, so a rise means that \
          duplicates are possible, not that there were any.
          """,
        query: "sum by (input) (increase(kube_audit_digests_evicted_total[1h])) > 0"),
      Family(
        .inputBytes, .counter, [.input],
        help: "Bytes that an input read."),
      Family(
        .sourceGapBytes, .counter, [.input],
        help: "Bytes that were lost at the source before they could be read.",
        note:
          "A file that was cut before its end was reached, for one. Committed with the positions, so it outlives restarts.",
        query: "sum by (input) (increase(kube_audit_source_gap_bytes_total[1h])) > 0"),
      Family(
        .pushRequests, .counter, [.input, .code],
        help: "Answers given to those who push events, by HTTP code.",
        note: """
          503 asks the sender to try again later; an API server does so five times at most. Begins at 0 with each start: it \
          tells how this process answered, and nothing is counted by it.
          """,
        query: #"sum by (input) (rate(kube_audit_push_requests_total{code="503"}[5m])) > 0"#),
      Family(
        .inputUp, .gauge, [.input],
        help: "1 while the input works, 0 while it does not.",
        query: "kube_audit_input_up == 0"),
      Family(
        .inputLastSuccess, .gauge, [.input],
        help: "When the input last did its work without an error, as Unix time.",
        query: "time() - kube_audit_input_last_success_timestamp_seconds > 600"),
      Family(
        .inputErrors, .counter, [.input, .reason],
        help: "Errors of an input, by reason.",
        note: "Begins at 0 with each start.",
        query: "sum by (input, reason) (increase(kube_audit_input_errors_total[15m]))"),
    ])

  // MARK: Clouds

  static let clouds = FamilySection(
    title: "Clouds",
    introduction: """
      What is asked of clouds, and how far their logs are read. Absent where no input reads from a cloud. What is shared \
      with others is asked for sparingly: each account and region has a rate of its own.
      """,
    families: [
      Family(
        .cloudRequests, .counter, [.cloudService, .operation, .cloudRegion, .outcome],
        help: "Requests to the services of clouds, tries that failed included, by how they ended.",
        note: "Begins at 0 with each start. `throttled` means that somebody has spent the quota.",
        query: "sum by (operation, outcome) (rate(kube_audit_cloud_requests_total[5m]))"),
      Family(
        .logGroups, .gauge, [.cloudAccount, .cloudRegion, .state],
        help: "Log groups of clusters that were found, by how reading them goes.",
        query: #"kube_audit_log_groups{state!="read"} > 0"#),
      Family(
        .logGroupsReadUntil, .gauge, [.cloudAccount, .cloudRegion],
        help: "Until when all log groups are read, as Unix time: the one that is furthest behind.",
        note: """
          Usually no longer ago than the poll interval. It falls behind when a quota binds, when a log group cannot be read, \
          and while the log of an absence is read.
          """,
        query: "time() - kube_audit_log_groups_read_timestamp_seconds > 600"),
      Family(
        .streamReadUntil, .gauge, [.cloudAccount, .cloudRegion, .stream],
        help: "Until when all shards of a stream are read, as Unix time: the one that is furthest behind.",
        note: "By `MillisBehindLatest` of Kinesis. Absent until each shard was read once.",
        query: "time() - kube_audit_stream_read_timestamp_seconds > 600"),
    ])

  // MARK: Bounds

  static let bounds = FamilySection(
    title: "Bounds",
    introduction: """
      Memory is bounded everywhere, and each bound can be seen before it is reached. A family that is full puts \
      further series together under `(other)`: sums stay exact, only the names are lost.
      """,
    families: [
      Family(
        .queueBytes, .gauge, [],
        help: "Bytes between the inputs and the counting, bodies being received included.",
        query: "kube_audit_queue_bytes / kube_audit_queue_limit_bytes > 0.8"),
      Family(
        .queueLimitBytes, .gauge, [],
        help: "How many bytes the queue may hold; at the limit inputs wait and pushes get 503."),
      Family(
        .series, .gauge, [.family],
        help: "Series that a bounded family holds.",
        query: "kube_audit_series / kube_audit_series_limit > 0.8"),
      Family(
        .seriesLimit, .gauge, [.family],
        help: "Series that a bounded family may hold."),
      Family(
        .seriesOverflow, .counter, [.family],
        help: "Requests that were counted under a reserved value because a limit was reached.",
        query: "sum by (family) (increase(kube_audit_series_overflow_total[1h])) > 0"),
      Family(
        .seriesExpiredValue, .counter, [.family],
        help: "Sum of the values of series that were dropped after a long idle time.",
        note: "What a family shows plus this is everything that was ever counted in it."),
      Family(
        .ruleWindowBytes, .gauge, [],
        help: "Bytes that windowed detection rules remember.",
        query: "kube_audit_rule_window_bytes / kube_audit_rule_window_limit_bytes > 0.8"),
      Family(
        .ruleWindowLimitBytes, .gauge, [],
        help: "How many bytes windowed detection rules may remember."),
      Family(
        .ruleWindowOverflow, .counter, [.cluster, .rule],
        help: "Requests that a windowed detection rule could not remember because a limit was reached.",
        note: """
          The rule does not match for their keys until there is room; what it remembers already counts on exactly. Raise \
          `limits.rule_window_keys` or `limits.rule_window_bytes`, or let the rule tell fewer requests apart.
          """,
        query: "sum by (k8s_cluster, rule) (increase(kube_audit_rule_window_overflow_total[1h])) > 0"),
    ])

  // MARK: The state

  static let state = FamilySection(
    title: "The state",
    introduction: """
      What is counted is committed to a file once a second, and before a push is answered or a scrape is shown. While that \
      fails, counters stay at their last committed values, window gauges go on, pushes get 503, and nothing is lost that \
      can be sent or read again.
      """,
    families: [
      Family(
        .stateDurable, .gauge, [],
        help: "1 if counts outlive a restart, 0 if they are kept in memory only.",
        query: "kube_audit_state_durable == 0"),
      Family(
        .stateCommitDuration, .histogram, [],
        help: "How long it took to make what was counted durable, failures included.",
        note: "A push waits for it, and so does a scrape, half a second at most.",
        query: "histogram_quantile(0.99, rate(kube_audit_state_commit_duration_seconds_bucket[5m]))"),
      Family(
        .stateCommitErrors, .counter, [],
        help: "Failed attempts to make what was counted durable.",
        query: "increase(kube_audit_state_commit_errors_total[5m]) > 0"),
      Family(
        .stateLastCommit, .gauge, [],
        help: "When everything counted so far was last known to be durable, as Unix time.",
        note: "A scrape moves it on, also when nothing is counted. An old time means that commits fail or hang.",
        query: "time() - kube_audit_state_last_commit_timestamp_seconds > 60"),
      Family(
        .stateSize, .gauge, [],
        help: "Bytes of the state's files; absent when it is kept in memory.",
        note: """
          The state has no limit of its own: what it holds is bounded by the limits of the families, of the digests and of \
          the files that are followed.
          """),
      Family(
        .stateFilesystemAvail, .gauge, [],
        help:
          "Bytes free for the exporter on the state's file system; absent when it is kept in memory.",
        query: """
          kube_audit_state_filesystem_avail_bytes - kube_audit_state_size_bytes < 67108864
          """),
    ])

  // MARK: The exporter

  static let exporter = FamilySection(
    title: "The exporter itself",
    introduction: "The conventions of exporters: version, configuration, process.",
    families: [
      Family(
        .httpRequests, .counter, [.handler, .code],
        help: "HTTP requests answered by the exporter, by handler and code.",
        note: "Begins at 0 with each start."),
      Family(
        .buildInfo, .info, [.version, .revision, .branch, .swiftversion, .goos, .goarch],
        help: "What the exporter was built from and for.",
        query: "count by (version) (kube_audit_exporter_build_info)"),
      Family(
        .configReloadSuccessful, .gauge, [],
        help: "1 if the last attempt to load the configuration succeeded, else 0.",
        note: "After a failed reload the configuration before it stays in force.",
        query: "kube_audit_exporter_config_last_reload_successful == 0"),
      Family(
        .configReloadSuccess, .gauge, [],
        help: "When the configuration was last loaded successfully, as Unix time."),
      Family(
        .processCPU, .counter, [],
        help: "Processor time of the process, user and system.",
        query: "rate(process_cpu_seconds_total[5m])"),
      Family(.processOpenFDs, .gauge, [], help: "Open file descriptors of the process."),
      Family(.processMaxFDs, .gauge, [], help: "File descriptors that the process may open."),
      Family(.processVirtualMemory, .gauge, [], help: "Virtual memory of the process."),
      Family(
        .processVirtualMemoryMax, .gauge, [],
        help: "Virtual memory that the process may have; about 1.8e19 means without a limit."),
      Family(.processResidentMemory, .gauge, [], help: "Memory of the process that is in RAM."),
      Family(.processStartTime, .gauge, [], help: "When the process was started, as Unix time."),
    ])
}
