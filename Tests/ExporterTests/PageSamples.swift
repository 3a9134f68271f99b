import Diagnostics
import Inputs
import Metrics

@testable import Exporter

/// Models of the page that look like life.
enum PageSamples {
  static let now: Microseconds = 1_772_337_906_000_000

  static let empty = PageModel(
    readings: Readings(), inputs: [], version: "0.1.0", startedAt: now, now: now, linkPrefix: "",
    telemetryPath: "/metrics", obstacle: nil)

  static var busy: PageModel {
    var model = empty
    model.startedAt = now - 3 * 86_400_000_000 - 7_500_000_000
    model.documentationURL = "https://example.org/docs"
    model.inputs = inputs
    var readings = Readings()
    for (name, requests, lag) in [("prod-eu", 48_210.0, 2.0), ("prod-us", 39_002, 190), ("staging", 812, 4)] {
      let cluster = (Label.cluster, name)
      for (window, factor) in [("1h", 11.0), ("15m", 2.9), ("5m", 1)] {
        let inWindow = [cluster, (Label.window, window)]
        readings[.windowRequests].append(inWindow + [(.codeClass, "2xx")], requests * factor)
        readings[.windowRequests].append(inWindow + [(.codeClass, "5xx")], name == "prod-us" ? 3_100 * factor : 3)
        readings[.windowServerErrorRatio].append(inWindow, name == "prod-us" ? 0.0736 : 0.00006)
      }
      readings[.clusterLastEvent].append([cluster, (.input, "file")], Double(now) / 1e6 - lag)
      readings[.eventLag].append([cluster, (.input, "file")], lag)
      if name == "prod-eu" { readings[.eventLag].append([cluster, (.input, "webhook")], 1) }
    }
    readings[.clusterExpected].append([(.cluster, "dr-silent")], 1)
    deny(&readings)
    change(&readings)
    totals(&readings)
    model.readings = readings
    return model
  }

  private static var inputs: [PageModel.Input] {
    var file = InputStatus.Snapshot()
    file.isUp = true
    file.lastSuccess = now - 400_000
    file.sources = [
      .init(name: "/var/log/kubernetes/audit/audit.log", readBytes: 812_345_678, totalBytes: 812_400_000),
      .init(
        name: "/var/log/kubernetes/audit/audit-2026-03-01T03-00-00.123.log", readBytes: 30 << 20, totalBytes: 100 << 20),
    ]
    var webhook = InputStatus.Snapshot()
    webhook.isUp = true
    webhook.lastSuccess = now - 2_000_000
    webhook.pushAnswers = [200: 18_233, 503: 12]
    webhook.sources = [.init(name: "POST /webhook/prod-us", readBytes: 9_876_543_210, totalBytes: nil)]
    var broken = InputStatus.Snapshot()
    broken.errors = [Failure.Reason("unreadable"): 31]
    broken.gapBytes = 40_000
    return [
      .init(name: "file", status: file), .init(name: "webhook", status: webhook), .init(name: "stdin", status: broken),
    ]
  }

  private static func deny(_ readings: inout Readings) {
    let rows: [(String, String, String, Double)] = [
      ("system:serviceaccount:payments:ledger-reconciler", "10.12.4.77", "authorization", 1_204),
      ("(unauthenticated)", "203.0.113.9", "authentication", 640),
      ("alice@example.org", "198.51.100.24", "authorization", 77),
      ("(unauthenticated)", "203.0.113.10", "authentication", 60),
      ("system:anonymous", "2001:db8:85a3::8a2e:370:7334", "authorization", 41),
      (
        "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_DeveloperAccess_0123456789abcdef/bob.the.builder@example.org",
        "198.51.100.24", "authorization", 22
      ),
      ("kubelet", "(unknown)", "admission", 9), ("(other)", "(other)", "authorization", 5),
      ("خالد@example.org", "198.51.100.7", "authorization", 4),
    ]
    for (user, address, reason, count) in rows {
      readings[.windowDeniedRequests].append(
        [
          (.cluster, "prod-eu"), (.window, "5m"), (.code, reason == "authentication" ? "401" : "403"),
          (.reason, reason),
          (.user, user), (.sourceIP, address),
        ], count)
    }
  }

  private static func change(_ readings: inout Readings) {
    for (user, verb, resource, outcome) in [
      ("alice@example.org", "create", "clusterrolebindings", "success"),
      ("system:masters-bot", "delete", "roles", "denied"),
    ] {
      readings[.windowRBACMutations].append(
        [
          (.cluster, "prod-eu"), (.window, "5m"), (.resource, resource), (.verb, verb), (.user, user),
          (.outcome, outcome),
        ], outcome == "denied" ? 1 : 3)
    }
  }

  private static func totals(_ readings: inout Readings) {
    let label = (Label.input, "file")
    for (family, value) in [
      (FamilyID.eventsReceived, 12_345_678.0), (.eventsCounted, 6_170_001), (.eventsNotARequest, 6_175_600),
      (.eventsDuplicate, 40),
      (.eventsLate, 1_200),
    ] { readings[family].append([label], value) }
    readings[.eventsIgnored].append([label, (.reason, "other_text")], 25)
    readings[.eventsRejected].append([label, (.reason, "malformed")], 12)
    readings[.queueBytes] = SampleSet(3_400_000)
    readings[.queueLimitBytes] = SampleSet(Double(16 << 20))
    readings[.series].append([(.family, "kube_audit_denied_requests_total")], 3_400)
    readings[.seriesLimit].append([(.family, "kube_audit_denied_requests_total")], 5_000)
    readings[.seriesOverflow].append([(.family, "kube_audit_denied_requests_total")], 5)
  }
}
