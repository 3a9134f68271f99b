// What all families share and a reader of docs/metrics.md has to know once. Source: DESIGN.md, "Definitions".
extension FamilyDocument {
  struct Topic {
    let title: String
    let text: String
  }

  static let topics = [
    Topic(title: "Labels", text: labels),
    Topic(title: "Label values", text: labelValues),
    Topic(title: "Reserved values", text: reservedValues),
    Topic(title: "Reason of a denial", text: reasons),
    Topic(title: "Outcome of a change", text: outcomes),
    Topic(title: "Windows", text: windows),
    Topic(title: "Limits", text: limits),
    Topic(title: "Accounting identity", text: accounting),
    Topic(title: "Using the metrics", text: usage),
  ]

  private static var labels: String {
    let rows = Label.allCases.map { "| `\($0.rawValue)` | \(meaning(of: $0)) |" }
    return (["| label | what it holds |", "| --- | --- |"] + rows).joined(separator: "\n")
  }

  private static func meaning(of label: Label) -> String {
    switch label {
    case .cluster:
      "The Kubernetes cluster. It is not called `cluster`, because that name often belongs to the scraper's own labels."
    case .verb: "The Kubernetes verb, or the HTTP method of a request that is not for a resource."
    case .code: "The HTTP code of the answer, 100 to 599, or `unknown`."
    case .reason: "Why: of a denial, see [below](#reason-of-a-denial); elsewhere a word from a short fixed list."
    case .user: "Who authenticated (`user.username`); never who was impersonated."
    case .resource: "The resource that was asked for, in the plural and without its group: `pods`."
    case .outcome:
      """
      How a change ended, see [below](#outcome-of-a-change); of a request to a cloud: `success`, `throttled`, `denied`, \
      `refused`, `server_error`, `unreachable`, `timeout`, `tls`, `broken`, `too_large`, `unreadable`, `stopped`.
      """
    case .object: "The name under which the configuration tracks a class of requests: `aws-auth`, `pod-exec`, …"
    case .window: "The length of the sliding window, as configured: `5m`, `15m` and `1h` unless told otherwise."
    case .rule: "The name of a detection rule, as its file writes it."
    case .priority:
      "How urgent its file calls a rule: `emergency`, `alert`, `critical`, `error`, `warning`, `notice`, `informational` or `debug`."
    case .input: "The input that the events came by."
    case .family: "The name of a bounded metric family."
    case .handler: "The part of the exporter that answered."
    case .direction: "Whither the system's clock was set: `back` or `forward`."
    case .sourceIP:
      """
      The last source IP of the event, the only one that a client cannot invent. With trusted proxies configured: the \
      last one that is none of them. IPv4-mapped addresses are written as IPv4; a /64 network with many addresses is \
      shown as one.
      """
    case .impersonatedUser: "The user in whose name the request was made."
    case .auditStage: "The audit event's stage: `RequestReceived`, `ResponseStarted`, `ResponseComplete`, `Panic`."
    case .codeClass: "The hundreds of the code: `1xx` to `5xx`, or `unknown`."
    case .cloudService, .errorCode, .logType, .principal, .role, .change, .insight, .operation, .cloudProvider,
      .cloudAccount, .stream, .cloudRegion, .status:
      ofClouds[label] ?? ""
    case .state: "`read`; `failing`: the last try failed; `refused`: cannot be read at all."
    case .version: "The exporter's version."
    case .revision: "The commit that it was built from."
    case .branch: "The branch that it was built from."
    case .swiftversion: "The compiler that built it."
    case .goos: "The operating system that it was built for, under the name that other exporters use."
    case .goarch: "The processor that it was built for, under the name that other exporters use."
    }
  }

  private static let ofClouds: [Label: String] = [
    .cloudService:
      """
    The service of a cloud: `logs` is CloudWatch Logs, `kinesis` Kinesis Data Streams, `eks` has the clusters, `ec2` the \
    regions, `cloudtrail` the calls, `sts` gives credentials.
    """,
    .errorCode: "The service's own word for why a call failed: `AccessDenied`; `(none)` where it succeeded.",
    .logType: "A type of control-plane log: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.",
    .principal:
      """
    Who called a cloud's API: the ARN of a user or role, of all sessions of a role that of the role; the name of a service \
    that called by itself.
    """,
    .role: "The ARN of the role that was asked for.",
    .change: "What became of a type of log: `enabled` or `disabled`.",
    .insight: "What CloudTrail Insights found: `ApiCallRateInsight` or `ApiErrorRateInsight`.",
    .operation: "The service's own name for what was asked: `FilterLogEvents`.",
    .cloudProvider: "The cloud that was asked: `aws`.",
    .cloudAccount: "The account, its number; absent while it is not known.",
    .stream: "The name of a stream that is read: of Kinesis Data Streams.",
    .cloudRegion: "The region of a cloud; absent where there is none.",
    .status: "How a cluster logs: `enabled`, `degraded`, `disabled`, `silent`, `unknown`.",
  ]

  private static let labelValues = """
    Clients of the API server write much of what an audit event says, so every value is treated as hostile. Values are \
    valid UTF-8, at most 256 bytes long. What cannot be seen (control characters, marks that turn the direction of \
    writing) is written as an escape such as `\\u202e`. A longer value is cut and ends in `…` and eight hexadecimal \
    digits of a keyed hash of the whole, so that two long values stay apart. Two series never have the same labels.
    """

  private static let reservedValues = """
    Words in round brackets are the exporter's own:

    | value | meaning |
    | --- | --- |
    | `(unauthenticated)` | no user: authentication failed, or was not asked for |
    | `(unknown)` | the event names no source IP |
    | `(none)` | the event names no resource, or no verb |
    | `(other)` | one of many that are counted together because of a [limit](#limits) |

    A value from an event that begins with `(` or `\\` is shown with a backslash before it: a user who calls himself \
    `(other)` appears as `\\(other)`. So no client can forge a reserved value. To match one in PromQL, quote it as it \
    is, `{user="(other)"}`; in a regular expression escape the brackets.
    """

  private static let reasons = """
    | `reason` | what was seen |
    | --- | --- |
    | `authentication` | 401 without a user: no valid credentials |
    | `backend` | 401 with a user: a server behind the API server refused |
    | `authorization` | 403 by the authorizer, RBAC as a rule. A spike of these is somebody trying doors |
    | `admission` | 403 after authorization: an admission plug-in, a quota, pod security, or a server behind |
    | `impersonation` | 403 for the attempt to act as somebody else |
    | `unknown` | 403, and the event does not tell why |

    A 401 has no proven user; watch these by `source_ip`.
    """

  private static let outcomes = """
    | `outcome` | answer |
    | --- | --- |
    | `success` | below 400 |
    | `denied` | 401 or 403 |
    | `error` | any other code |
    | `dry_run` | whatever the code: the request was a dry run and stored nothing |
    | `unknown` | the event has no code |
    """

  private static let windows = """
    A window gauge is the number of requests whose *event time* lies within the last 5 minutes (15 minutes, 1 hour) \
    before its cluster's *edge*. The edge is now, less the time by which the cluster's feeds are behind. Therefore:

    - a feed that is three minutes behind still shows full windows, three minutes late;
    - the windows of a cluster that falls silent drain, and their series vanish;
    - old events, a backlog of a month for instance, raise counters and no window: nobody is paged for the past.

    The delay that is allowed for is bounded; events older than what the windows still reach are counted as late \
    (`kube_audit_events_late_total`).

    Every window is cut into 30 panes and ends on the border of one. Its value is exact for any order of arrival: it \
    never leaves out a request of the window and includes at most one pane more (10 seconds of 5 minutes).

    A gauge with `window` counts the same requests in each of its windows: pick one, never sum over `window`.
    """

  private static let limits = """
    Every family that events can fill is bounded, in each cluster and in all. When a family is full, further series \
    are counted together under `(other)`. Nothing is estimated and nothing is moved afterwards: what has a series of \
    its own keeps it, and the sum over a family stays exact.

    In `kube_audit_denied_requests_total` one source IP may have 64 users' series, and one user 64 source IPs' \
    (`(unauthenticated)` and `system:anonymous` may have more). An address over its share shows as `user="(other)"` \
    with its real IP, a user over his share with his real name and `source_ip="(other)"`. So a single attacker cannot \
    push others out.

    Verbs, codes and resources that are not known ones are folded too. `kube_audit_series_overflow_total` counts what \
    went to a reserved value because of a limit.

    When a family is over 80 % full, series that were idle for a day and have been scraped since are dropped, and \
    their values are added to `kube_audit_series_expired_value_total`: what is shown plus what expired is always \
    everything.
    """

  private static let accounting = """
    At every scrape and for every `input`, to the event:

    ```text
    received = counted + not_a_request + duplicate + ignored + rejected + dropped
    ```

    with each word standing for `kube_audit_events_…_total`, summed over `reason` where it has one. As PromQL, this \
    must return nothing:

    ```promql
    \(accountingQuery)
    ```

    `salvaged`, `skewed` and `late` describe events that are in this sum already.
    """

  /// The identity as an expression that yields a series for each input that violates it.
  static let accountingQuery = """
    kube_audit_events_received_total != on (input) sum by (input) ({__name__=~"\(accountedNames)"})
    """

  private static let accountedNames =
    "kube_audit_events_(counted|not_a_request|duplicate|ignored|rejected|dropped)_total"

  private static let usage = """
    - **Page on windows, look back with counters.** A window gauge appears with its first value; a counter that \
    is born with a value shows no increase. Compare a gauge with a threshold, and use `increase()` on dashboards.
    - **Sum before you compare.** `sum by (k8s_cluster, user) (…)` adds what one user did from several addresses; \
    leave labels out only on purpose.
    - **Absent is not zero.** A window that is empty has no series. Write `… or vector(0)` where a zero is wanted.
    - **Silence is a finding.** `kube_audit_cluster_expected` has a series for each cluster that ought to be heard.
    - **Restarts.** Counters go on where they were. Only without a state (`kube_audit_state_durable` is 0) they start \
    again at 0; `rate()` and `increase()` know that.
    - **Limits of the scraper.** Set `sample_limit` and `label_value_length_limit` above what this page promises, or \
    not at all: a page over such a limit is refused whole.
    """
}
