import Glibc
import TestSupport
import Testing

/// The posture of `serve`: what EKS says of clusters, joined with what CloudWatch delivers, while both change.
@Suite struct PostureServeTests {
  private static let every = #"["api", "audit", "authenticator", "controllerManager", "scheduler"]"#

  private static func configuration(silentAfter: String = "15s", inputs: String) -> String {
    """
    posture:
      targets: [{region: eu-west-1}, {region: us-east-1, cluster_prefix: us-}]
      interval: 1s
      silent_after: \(silentAfter)
      requests_per_second: 100
    \(inputs)

    """
  }

  private static func fleet(_ more: String = "") -> String {
    """
    {"clusters": [
      {"name": "c000", "on": \(every), "retention": 30}, {"name": "quiet", "on": \(every), "retention": null},
      {"name": "half", "on": ["audit"]}, {"name": "off", "on": []},
      {"name": "edge", "connected": true}, {"name": "far", "region": "us-east-1", "on": []}]\(more)}
    """
  }

  private func status(_ page: Page, _ cluster: String) -> [String] {
    page.samples("kube_audit_cluster_logging_status").filter { $0.labels["k8s_cluster"] == cluster && $0.value == 1 }
      .compactMap { $0.labels["status"] }
  }

  @Test func whatIsSaidAndWhatArrives() throws {
    try Files.withTemporaryFolder { folder in
      let cloud = try CloudWatchServer(
        folder: folder,
        #"{"groups": 2, "seconds": 600, "rate": 4, "late_groups": 0, "seldom": false, "faults": false, "history": 5}"#)
      let server = try EKSServer(folder: nil, Self.fleet())
      let inputs = "inputs: {cloudwatch: {targets: [eu-west-1], poll_interval: 1s, overlap: 10s, look_back: 10s}}"
      let exporter = try Exporter(
        configuration: Self.configuration(inputs: inputs), folder: folder,
        environment: server.environment.merging(cloud.environment) { $1 }.merging([
          "AWS_ENDPOINT_URL": server.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": cloud.url,
        ]) { $1 })
      // c001 writes to CloudWatch, and EKS does not list it.
      let page = try exporter.page("a cluster that is silent, and one that nobody lists") {
        status($0, "quiet") == ["silent"] && $0.value("kube_audit_cluster_unlisted", ["k8s_cluster": "c001"]) == 1
          && status($0, "c000") == ["enabled"]
      }
      #expect(status(page, "off") == ["disabled"])
      // Its audit log is on too.
      #expect(
        status(page, "half") == ["silent"] && status(page, "us-far") == ["disabled"] && status(page, "edge") == [])
      #expect(page.samples("kube_audit_cluster_unlisted").count == 1)
      let place = ["cloud_provider": "aws", "cloud_account": "123456789012", "cloud_region": "eu-west-1"]
      #expect(page.value("kube_audit_clusters_logging_disabled", place) == 1)
      #expect(page.value("kube_audit_posture_up", place) == 1)
      let types = page.samples("kube_audit_cluster_log_type_enabled").filter { $0.labels["k8s_cluster"] == "half" }
      #expect(types.count == 5 && types.reduce(0) { $0 + $1.value } == 1)
      let expected = Set(page.samples("kube_audit_cluster_expected").compactMap { $0.labels["k8s_cluster"] })
      #expect(expected == ["c000", "quiet", "half", "off", "us-far"])
      let html = try exporter.look().text
      for words in ["Logging of clusters", "of 5 to look at", "silent", "KubeAuditLoggingSilent"] {
        #expect(html.contains(words), "\(words)")
      }

      try changesAreSeen(server, exporter, place)
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
    }
  }

  private func changesAreSeen(_ server: EKSServer, _ exporter: Exporter, _ place: [String: String]) throws {
    // EKS is not to be asked any more: nothing is called good, and what was known last is still told.
    try server.set(#"{"region_faults": {"eu-west-1": "denied"}}"#)
    var page = try exporter.page("what is not known") { page in
      ["c000", "quiet", "half", "off"].allSatisfy { status(page, $0) == ["unknown"] }
    }
    #expect(page.value("kube_audit_posture_up", place) == 0 && status(page, "us-far") == ["disabled"])
    #expect(page.value("kube_audit_clusters_logging_disabled", place) == 0)
    #expect(
      page.samples("kube_audit_cluster_log_type_enabled").filter { $0.labels["k8s_cluster"] == "c000" }.count == 5)
    #expect(page.samples("kube_audit_cluster_unlisted").isEmpty)
    let before = try #require(page.value("kube_audit_posture_last_success_timestamp_seconds", place))
    _ = try exporter.process.waitForLine("what to allow") {
      $0.contains("eks:ListClusters") && $0.contains("access_denied")
    }

    // Back again, with one cluster gone and one turned off.
    try server.set(
      #"{"region_faults": {}, "clusters": [{"name": "c000", "on": []}, {"name": "half", "on": \#(Self.every)}]}"#)
    page = try exporter.page("what is known again") { status($0, "c000") == ["disabled"] }
    #expect(status(page, "quiet") == [] && status(page, "half") != ["unknown"])
    #expect(try #require(page.value("kube_audit_posture_last_success_timestamp_seconds", place)) > before)
    #expect(page.value("kube_audit_clusters_logging_disabled", place) == 1)
    let calls = page.samples("kube_audit_cloud_requests_total").filter { $0.labels["cloud_service"] == "eks" }
    #expect(!calls.isEmpty)
  }

  /// Without an input nothing is missed, and nothing expected; a cluster that does log is enabled.
  @Test func whereNothingIsReadNothingIsSilent() throws {
    try Files.withTemporaryFolder { folder in
      let server = try EKSServer(folder: nil, Self.fleet())
      let exporter = try Exporter(
        configuration: Self.configuration(silentAfter: "1s", inputs: ""), folder: folder,
        environment: server.environment)
      try exporter.page("a first round") { status($0, "quiet") == ["enabled"] }
      let rounds = try server.calls("eks:ListClusters")
      try exporter.process.wait(for: "more rounds") {
        try server.calls("eks:ListClusters") > rounds + 6 ? true : nil
      }
      let page = try exporter.page("the same") { status($0, "us-far") == ["disabled"] }
      #expect(status(page, "quiet") == ["enabled"] && status(page, "half") == ["degraded"])
      #expect(page.samples("kube_audit_cluster_expected").isEmpty)
      let kept = page.samples("kube_audit_cluster_log_retention_seconds")
      #expect(
        Dictionary(kept.map { ($0.labels["k8s_cluster"] ?? "", $0.value) }) { first, _ in first }
          == ["c000": 30 * 86_400, "quiet": .infinity])
    }
  }

  /// Credentials that cannot be had stop the start, and name the link.
  @Test func whatIsMissingIsNamedAtTheStart() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(Self.configuration(inputs: "").utf8), to: folder + "/c.yaml")
      let ended = try RunningProcess(
        [
          Program.path, "--storage.path", "", "--web.listen-address", "127.0.0.1:0", "--config.file",
          folder + "/c.yaml",
        ],
        environment: CloudWatchServer.environment(["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""]))
      #expect(try ended.waitForExit() == 1)
      #expect(ended.errorText.contains("no credentials are configured"))
    }
  }
}
