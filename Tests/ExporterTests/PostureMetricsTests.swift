import AWS
import Concurrency
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Exporter
@testable import Posture

/// What clouds say, joined with what has arrived, as samples and on the page.
@Suite struct PostureMetricsTests {
  private static let second: Microseconds = 1_000_000
  private static let place: [(Label, String)] = [
    (.cloudProvider, "aws"), (.cloudAccount, "1"), (.cloudRegion, "eu-west-1"),
  ]

  private func facts(_ name: String, _ states: [Bool?]) -> ClusterFacts {
    var facts = ClusterFacts(provider: .aws, account: "1", region: "eu-west-1", name: name, label: "x-" + name)
    facts.logTypes = zip(EKSLogging.types, states).map { LogType(name: $0, isAudit: $0 == "audit", isExported: $1) }
    return facts
  }

  /// Every cluster is shown with one status, and the sum over clusters is right; what is heard is not silent.
  @Test(arguments: 0..<10) func statusesAreJoinedWithArrival(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let now = Lock<Microseconds>(0)
    let status = PostureStatus(targets: 1)
    let metrics = PostureMetrics(
      status: status, arrival: Arrival(silentAfterSeconds: 100), clock: Clock { now.withLock { $0 } })
    var report = RegionReport(provider: .aws, account: "1", region: "eu-west-1")
    var heard = Readings()
    var wanted: [String: LoggingStatus] = [:]
    for number in 0..<50 {
      let cluster = facts("c\(number)", (0..<5).map { _ in [true, true, true, false, nil][random.pick(0...4)] })
      report.clusters.append(cluster)
      let isOn = cluster.isAuditExported == true
      let last = [nil, 50, 900][random.pick(0...2)]
      if let last {
        heard[.clusterLastEvent].append([(.cluster, cluster.label), (.input, "cloudwatch")], Double(last))
      }
      let isFresh = last == 900
      let said: LoggingStatus =
        switch cluster.isAuditExported {
        case nil: .unknown
        case false?: .disabled
        case true?:
          cluster.logTypes.contains { $0.isExported == false }
            ? .degraded : cluster.logTypes.allSatisfy { $0.isExported == true } ? .enabled : .unknown
        }
      wanted[cluster.label] = isOn && !isFresh && said != .unknown ? .silent : said
    }
    // Heard, and in no list: of a cloud, of one long ago, and of a file.
    for (name, input, last) in [("ghost", "cloudwatch", 950.0), ("old", "cloudwatch", 10), ("own", "file", 950)] {
      heard[.clusterLastEvent].append([(.cluster, name), (.input, input)], last)
    }
    heard[.clusterExpected].append([(.cluster, "x-c0")], 1)
    status.show([report.following(nil, at: 0)], of: 0)
    now.withLock { $0 = 960 * Self.second }
    var all = heard
    metrics.add(to: &all)
    let found = SampleQuery(.max, by: [.cluster, .status], .clusterLoggingStatus).groups(in: all)
    #expect(found.count == 50 * LoggingStatus.allCases.count)
    let shown = found.filter { $0.value == 1 }.map { ($0.values[0], $0.values[1]) }
    #expect(shown.count == 50 && Dictionary(shown) { first, _ in first } == wanted.mapValues(\.rawValue))
    let disabled = all[.clustersLoggingDisabled].rows.map(\.value)
    #expect(disabled == [Double(wanted.values.count { $0 == .disabled })])
    #expect(SampleQuery(.max, by: [.cluster], .clusterUnlisted).groups(in: all).map(\.values) == [["ghost"]])
    #expect(SampleQuery(.sum, by: [], .clusterExpected).groups(in: all).map(\.value) == [50])
    let known = report.clusters.reduce(0) { $0 + $1.logTypes.count { $0.isExported != nil } }
    #expect(all[.clusterLogTypeEnabled].rows.count == known)
  }

  @Test func thePageShowsThoseInTroubleFirst() throws {
    var readings = Readings()
    for (cluster, status) in [("fine", "enabled"), ("bad<b>", "disabled")] {
      for word in LoggingStatus.allCases.map(\.rawValue) {
        readings[.clusterLoggingStatus].append(
          Self.place + [(.cluster, cluster), (.status, word)], word == status ? 1 : 0)
      }
    }
    readings[.clusterLogTypeEnabled].append(Self.place + [(.cluster, "bad<b>"), (.logType, "audit")], 0)
    readings[.clusterLogTypeEnabled].append(Self.place + [(.cluster, "bad<b>"), (.logType, "api")], 1)
    let html = Page.posture(PageFigures(readings, now: 0)).text
    let bad = try #require(html.firstRange(of: "bad&lt;b&gt;"))
    let fine = try #require(html.firstRange(of: ">fine<"))
    #expect(bad.lowerBound < fine.lowerBound && html.contains("1 of 2 to look at"))
    #expect(html.contains("data-l=\"Off\">audit<"))
    #expect(Page.posture(PageFigures(Readings(), now: 0)).text.isEmpty)
  }

  @Test func regionsNarrowTargets() {
    let role = "arn:aws:iam::123456789012:role/a"
    let all = PostureTarget(AWSPlace(region: "all", roleARN: role))
    let west = PostureTarget(AWSPlace(region: "eu-west-1"), clusterPrefix: "w-")
    func regions(_ targets: [PostureTarget], _ regions: [String]) -> [String] {
      PostureCheck.targets(targets, in: regions).map {
        "\($0.place.region) \($0.place.roleARN == nil ? "own" : "role")"
      }
    }
    #expect(regions([all, west], []) == ["all role", "eu-west-1 own"])
    #expect(regions([all], ["us-east-1", "eu-west-1"]) == ["us-east-1 role", "eu-west-1 role"])
    #expect(regions([west], ["eu-west-1", "eu-west-1"]) == ["eu-west-1 own"])
    #expect(regions([west], ["us-east-1"]) == ["us-east-1 own"])
    #expect(regions([west, all], ["eu-west-1"]) == ["eu-west-1 own", "eu-west-1 role"])
  }

  /// 0, 1, 2: good, bad, not known; and bad counts for more than not known.
  @Test func exitCodes() {
    let good = facts("a", [true, true, true, true, true])
    let bad = facts("b", [false, true, true, true, true])
    let part = facts("c", [true, false, true, true, true])
    let open = facts("d", [nil, true, true, true, true])
    var edge = facts("e", [])
    edge.isApplicable = false
    func code(_ clusters: [ClusterFacts], _ doubt: Doubt? = nil) -> Int32 {
      var report = RegionReport(provider: .aws, account: "1", region: "eu-west-1")
      report.clusters = clusters
      report.doubt = doubt
      return PostureCheck.exitCode([report])
    }
    #expect(code([good, edge]) == 0 && code([]) == 0)
    #expect(code([good, bad]) == 1 && code([part]) == 1 && code([bad, open]) == 1 && code([bad], .throttled) == 1)
    #expect(code([good, open]) == 2 && code([good], .accessDenied) == 2 && PostureCheck.exitCode([]) == 2)
  }
}
