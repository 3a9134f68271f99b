internal import Metrics

/// The alerts of `alerts/rules`, by whether the page can judge them.
///
/// A test demands that every rule is in one of the two lists, and that those judged here have the rule's expression,
/// severity, duration and summary.
enum AlertConditions {
  /// Those that follow from what the exporter knows now, pages first.
  static let all: [AlertCondition] = {
    let all = denied + changes + cloudTrail + detections + health + clouds
    return all.filter { $0.severity == .page } + all.filter { $0.severity == .ticket }
  }()

  /// Those that need what only Prometheus has: history, arithmetic over families, `up`.
  static let unjudged = [
    "KubeAuditAccountingBroken", "KubeAuditClockSet", "KubeAuditClockSkew", "KubeAuditCloudDenied",
    "KubeAuditCloudThrottled", "KubeAuditDuplicatesForgotten",
    "KubeAuditErrorBudgetBurn", "KubeAuditErrorBudgetBurnFast", "KubeAuditErrorBudgetBurnSlow",
    "KubeAuditEventsDropped", "KubeAuditEventsLate", "KubeAuditEventsRejected", "KubeAuditExporterAbsent",
    "KubeAuditExporterDown", "KubeAuditExporterMissing", "KubeAuditExporterRestarting", "KubeAuditFamilyOverflowing",
    "KubeAuditImpersonationNew", "KubeAuditInputErrors", "KubeAuditInputNeverHeard", "KubeAuditKindsRefused",
    "KubeAuditLoggingStopped",
    "KubeAuditPolicyHidesChanges", "KubeAuditPolicyHidesUnauthorized", "KubeAuditPushRefused",
    "KubeAuditRuleWindowFull", "KubeAuditSecretReaderNew", "KubeAuditSeriesNearlyFull",
    "KubeAuditServiceAccountNewlyRefused",
    "KubeAuditSourceGap", "KubeAuditStateCommitErrors", "KubeAuditStateDiskNearlyFull", "KubeAuditStateNotCommitting",
    "KubeAuditWatchdog", "KubeAuditWebhookShedding",
  ]

  /// Of two alerts about one thing, the one that says more, the one that then stays silent, and the labels in which they
  /// agree: the inhibitions of `alerts/alertmanager.example.yml`, which a test holds these against.
  static let inhibitions: [(source: String, target: String, labels: [Label])] = [
    ("KubeAuditForbiddenSpike", "KubeAuditForbiddenSustained", [.cluster, .user, .sourceIP]),
    ("KubeAuditForbiddenSystemSpike", "KubeAuditForbiddenSustained", [.cluster, .user, .sourceIP]),
    ("KubeAuditForbiddenSpike", "KubeAuditForbiddenFromManySources", [.cluster, .user]),
    ("KubeAuditForbiddenFromManySources", "KubeAuditForbiddenSustained", [.cluster, .user]),
    ("KubeAuditRBACMutationBurst", "KubeAuditRBACMutation", [.cluster, .user]),
    ("KubeAuditClusterSilent", "KubeAuditFeedSilent", [.cluster]),
    ("KubeAuditClusterSilent", "KubeAuditFeedLagging", [.cluster]),
    ("KubeAuditInputDown", "KubeAuditFeedSilent", [.input]),
    ("KubeAuditLoggingSilent", "KubeAuditClusterSilent", [.cluster]),
    ("KubeAuditLoggingSilent", "KubeAuditClusterNeverHeard", [.cluster]),
    ("KubeAuditLoggingDisabled", "KubeAuditClusterNeverHeard", [.cluster]),
    ("KubeAuditPostureDown", "KubeAuditLoggingUnknown", [.cloudAccount, .cloudRegion]),
  ]

  /// Everything that would be heard of, pages first.
  static func findings(in readings: Readings, nowSeconds: Double) -> [AlertFinding] {
    let found = all.flatMap { $0.findings(in: readings, nowSeconds: nowSeconds) }
    var silent: Set<String> = []
    for rule in inhibitions {
      for finding in found where finding.condition.name == rule.source {
        silent.insert(rule.target + finding.key(rule.labels))
      }
    }
    return found.filter { finding in
      !inhibitions.contains { rule in
        rule.target == finding.condition.name && silent.contains(rule.target + finding.key(rule.labels))
      }
    }
  }

  static func requests(
    _ labels: [Label], _ family: FamilyID, _ matchers: [SampleQuery.Matcher],
    _ comparison: AlertCondition.Comparison, _ threshold: Double
  ) -> AlertCondition.Term {
    AlertCondition.Term(
      query: SampleQuery(.sum, by: labels, family, matchers), comparison: comparison, threshold: threshold)
  }

  /// Kubelets and the control plane.
  private static let systemUsers = ["system:node:", "system:serviceaccount:kube-system:", "system:kube-"]

  private static let denied = [
    AlertCondition(
      name: "KubeAuditForbiddenSpike", severity: .page,
      summary: "A user is being refused again and again by the authorizer",
      term: requests(
        [.cluster, .user, .sourceIP], .windowDeniedRequests,
        [
          .equals(.reason, "authorization"), .equals(.window, "5m"), .differs(.user, "system:anonymous"),
          .beginsOtherwise(.user, than: systemUsers),
        ], .atLeast, 50),
      unit: .requests,
      restriction: .unless(
        SampleQuery(
          .sum, by: [.cluster, .user, .sourceIP], .windowDeniedRequests,
          [.equals(.user, "(other)"), .equals(.sourceIP, "(other)")]))),
    AlertCondition(
      name: "KubeAuditForbiddenFromManySources", severity: .page,
      summary: "A user is being refused by the authorizer from several source IPs",
      term: requests(
        [.cluster, .user], .windowDeniedRequests,
        [
          .equals(.reason, "authorization"), .equals(.window, "5m"), .differs(.user, "system:anonymous"),
          .differs(.user, "(other)"), .beginsOtherwise(.user, than: systemUsers),
        ], .atLeast, 150),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditForbiddenSystemSpike", severity: .page,
      summary: "A user of the cluster itself is being refused very often by the authorizer",
      term: requests(
        [.cluster, .user, .sourceIP], .windowDeniedRequests,
        [.equals(.reason, "authorization"), .equals(.window, "5m"), .begins(.user, with: systemUsers)], .atLeast, 500),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditForbiddenUnnamed", severity: .ticket,
      summary: "Requests of users beyond the limits are being refused",
      term: requests(
        [.cluster], .windowDeniedRequests,
        [
          .equals(.reason, "authorization"), .equals(.window, "5m"), .equals(.user, "(other)"),
          .equals(.sourceIP, "(other)"),
        ], .atLeast, 50),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditForbiddenSustained", severity: .ticket,
      summary: "A user is being refused steadily by the authorizer",
      term: requests(
        [.cluster, .user, .sourceIP], .windowDeniedRequests,
        [.equals(.reason, "authorization"), .equals(.window, "1h"), .differs(.user, "system:anonymous")], .atLeast, 100
      ),
      unit: .requests,
      restriction: .and(
        requests(
          [.cluster, .user, .sourceIP], .windowDeniedRequests,
          [.equals(.reason, "authorization"), .equals(.window, "15m"), .differs(.user, "system:anonymous")], .atLeast,
          25
        )),
      lasting: "30m"),
    AlertCondition(
      name: "KubeAuditUnauthorizedSpike", severity: .ticket,
      summary: "A source IP presents credentials that are not valid",
      term: requests(
        [.cluster, .sourceIP], .windowDeniedRequests,
        [.equals(.reason, "authentication"), .equals(.window, "5m")], .atLeast, 100),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditManyUsersFromOneSource", severity: .page,
      summary: "Many different users are being refused from one source IP",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster, .sourceIP], .windowDistinctUsers, [.equals(.window, "15m")]),
        comparison: .atLeast, threshold: 20),
      unit: .users),
    AlertCondition(
      name: "KubeAuditAnonymousRefused", severity: .ticket,
      summary: "Anonymous requests are being refused",
      term: requests(
        [.cluster, .sourceIP], .windowDeniedRequests,
        [.equals(.user, "system:anonymous"), .equals(.window, "15m")], .atLeast, 20),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditImpersonationRefused", severity: .ticket,
      summary: "A user tried to act as somebody else and was refused",
      term: requests(
        [.cluster, .user, .sourceIP], .windowDeniedRequests,
        [.equals(.reason, "impersonation"), .equals(.window, "15m")], .above, 0),
      unit: .requests),
  ]

  /// Who writes roles when a cluster is made or upgraded, and deletes them with their namespace or owner.
  private static let itself: [SampleQuery.Matcher] = [
    .differs(.user, "system:apiserver"),
    .differs(.user, "system:serviceaccount:kube-system:clusterrole-aggregation-controller"),
    .differs(.user, "system:serviceaccount:kube-system:namespace-controller"),
    .differs(.user, "system:serviceaccount:kube-system:generic-garbage-collector"),
  ]

  private static let changes = [
    AlertCondition(
      name: "KubeAuditRBACMutation", severity: .ticket, summary: "Roles or bindings were changed",
      term: requests(
        [.cluster, .user, .resource, .verb], .windowRBACMutations,
        [.equals(.outcome, "success"), .equals(.window, "15m")] + itself, .above, 0),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditRBACMutationBurst", severity: .page, summary: "A user is changing many roles or bindings",
      term: requests(
        [.cluster, .user], .windowRBACMutations, [.equals(.outcome, "success"), .equals(.window, "5m")] + itself,
        .atLeast, 30),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditRBACChangeRefused", severity: .ticket,
      summary: "A user tried to change roles or bindings and was refused",
      term: requests(
        [.cluster, .user, .resource, .verb], .windowRBACMutations,
        [.equals(.outcome, "denied"), .equals(.window, "15m")], .above, 0),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditAWSAuthChanged", severity: .page, summary: "The aws-auth ConfigMap was changed",
      term: requests(
        [.cluster, .user, .verb], .windowTrackedRequests,
        [.equals(.object, "aws-auth"), .equals(.outcome, "success"), .equals(.window, "15m")], .above, 0),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditAdmissionWebhookChanged", severity: .ticket,
      summary: "The configuration of an admission webhook was changed",
      term: requests(
        [.cluster, .user, .object, .verb], .windowTrackedRequests,
        [
          .isOneOf(.object, ["validating-webhooks", "mutating-webhooks"]), .equals(.outcome, "success"),
          .equals(.window, "15m"),
        ], .above, 0),
      unit: .changes),
  ]

  /// What detection rules matched, and what no single request tells.
  private static let detections = [
    AlertCondition(
      name: "KubeAuditDetectionCritical", severity: .page,
      summary: "A detection rule for what must be looked at now has matched",
      term: requests(
        [.cluster, .rule, .priority], .windowDetections,
        [.isOneOf(.priority, ["emergency", "alert", "critical"]), .equals(.window, "15m")], .above, 0),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditDetection", severity: .ticket, summary: "A detection rule has matched",
      term: requests(
        [.cluster, .rule, .priority], .windowDetections,
        [.isOneOf(.priority, ["error", "warning"]), .equals(.window, "15m")], .above, 0),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditSecretReadsRefused", severity: .ticket,
      summary: "A user is being refused secrets again and again",
      term: requests(
        [.cluster, .user], .windowTrackedRequests,
        [.equals(.object, "secret-reads"), .equals(.outcome, "denied"), .equals(.window, "15m")], .atLeast, 20),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditSecretsRead", severity: .ticket, summary: "A person reads many secrets",
      term: requests(
        [.cluster, .user], .windowTrackedRequests,
        [
          .equals(.object, "secret-reads"), .equals(.outcome, "success"), .equals(.window, "15m"),
          .beginsOtherwise(.user, than: ["system:", "eks:"]),
        ], .atLeast, 15),
      unit: .requests),
    AlertCondition(
      name: "KubeAuditMassDeletion", severity: .ticket, summary: "A user deletes many objects",
      term: requests(
        [.cluster, .user], .windowTrackedRequests,
        [
          .isOneOf(.verb, ["delete", "deletecollection"]), .equals(.outcome, "success"), .equals(.window, "5m"),
          .differs(.user, "system:apiserver"), .beginsOtherwise(.user, than: systemUsers),
        ], .atLeast, 20),
      unit: .changes),
    AlertCondition(
      name: "KubeAuditRulesBlind", severity: .ticket, summary: "The audit policy blinds detection rules",
      term: AlertCondition.Term(
        query: SampleQuery(.min, by: [.cluster], .ruleEvaluable), comparison: .equal, threshold: 0),
      unit: .state("blind"), lasting: "30m"),
    AlertCondition(
      name: "KubeAuditRulesNoisy", severity: .ticket,
      summary: "The audit policy makes detection rules match what they should not",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster], .ruleNoisy), comparison: .equal, threshold: 1),
      unit: .state("noisy"), lasting: "30m"),
  ]

  private static let health = [
    AlertCondition(
      name: "KubeAuditServerErrorRatio", severity: .page,
      summary: "The API server answers many requests with a 5xx code",
      term: AlertCondition.Term(
        query: SampleQuery(
          .sum, by: [.cluster], .windowRequests, [.equals(.window, "5m"), .equals(.codeClass, "5xx")]),
        whole: SampleQuery(.sum, by: [.cluster], .windowRequests, [.equals(.window, "5m")]),
        comparison: .atLeast, threshold: 0.1),
      unit: .share,
      restriction: .and(requests([.cluster], .windowRequests, [.equals(.window, "5m")], .atLeast, 200)),
      lasting: "2m"),
    AlertCondition(
      name: "KubeAuditClusterSilent", severity: .page, summary: "A cluster sends no audit events any more",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster], .clusterLastEvent), comparison: .above, threshold: 900, isAge: true),
      unit: .seconds, lasting: "2m"),
    AlertCondition(
      name: "KubeAuditFeedSilent", severity: .page,
      summary: "One of a cluster's feeds sends no audit events any more",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster, .input], .clusterLastEvent, scrapersLabels: ["instance"]),
        comparison: .above, threshold: 900, isAge: true),
      unit: .seconds, lasting: "2m"),
    AlertCondition(
      name: "KubeAuditClusterNeverHeard", severity: .page,
      summary: "An expected cluster has not sent one audit event",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster], .clusterExpected), comparison: .equal, threshold: 1),
      unit: .state("never"), restriction: .unless(SampleQuery(.max, by: [.cluster], .clusterLastEvent)), lasting: "15m"),
    AlertCondition(
      name: "KubeAuditFeedLagging", severity: .ticket, summary: "Audit events arrive late",
      term: AlertCondition.Term(
        query: SampleQuery(.max, by: [.cluster, .input], .eventLag, scrapersLabels: ["instance"]), comparison: .above,
        threshold: 600),
      unit: .seconds, lasting: "10m"),
    AlertCondition(
      name: "KubeAuditInputDown", severity: .page, summary: "An input of the exporter does not work",
      term: AlertCondition.Term(
        query: SampleQuery(.min, by: [.input], .inputUp, scrapersLabels: ["instance"]), comparison: .equal,
        threshold: 0),
      unit: .state("down"), lasting: "5m"),
    AlertCondition(
      name: "KubeAuditConfigReloadFailed", severity: .ticket, summary: "The exporter refused its new configuration",
      term: AlertCondition.Term(
        query: SampleQuery(.min, by: [], .configReloadSuccessful, scrapersLabels: ["instance"]), comparison: .equal,
        threshold: 0),
      unit: .state("failed"), lasting: "5m"),
  ]
}
