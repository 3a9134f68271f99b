import Metrics
import TestSupport
import Testing

@testable import Exporter

/// Readings of two clusters, with values that somebody chose to do harm.
func sampleReadings(clusters: [String] = ["prod", "edge"], users: Int = 3) -> Readings {
  var readings = Readings()
  for (at, cluster) in clusters.enumerated() {
    let name = (Label.cluster, cluster)
    readings[.requests].append([name, (.verb, "get"), (.code, "200")], Double(1_234_567 + at))
    readings[.requests].append([name, (.verb, "list"), (.code, "200")], 3)
    readings[.requests].append([name, (.verb, "get"), (.code, "403")], 40)
    for user in 0..<users {
      readings[.deniedRequests].append(
        [
          name, (.code, "403"), (.reason, "authorization"), (.user, "user-\(user)\u{1B}[2J\u{202E}日本"),
          (.sourceIP, "10.0.0.1"),
        ],
        Double(user + 1))
    }
    readings[.clusterLastEvent].append([name, (.input, "file")], 1_772_337_906.5 + Double(at))
  }
  for (family, value) in [
    (FamilyID.eventsReceived, 100.0), (.eventsCounted, 80), (.eventsNotARequest, 15), (.eventsDuplicate, 2),
  ] {
    readings[family].append([(.input, "file")], value)
  }
  readings[.eventsRejected].append([(.input, "file"), (.reason, "not_json")], 3)
  readings[.eventsRejected].append([(.input, "file"), (.reason, "too_long")], 0)
  return readings
}

@Suite struct ReplayReportTests {
  @Test func wholePage() {
    var readings = sampleReadings(clusters: ["prod"], users: 0)
    readings[.deniedRequests].append(
      [(.cluster, "prod"), (.code, "403"), (.reason, "authorization"), (.user, "eve"), (.sourceIP, "::1")], 40)
    #expect(
      ReplayReport(readings).table(columns: 80) == """

        Clusters
        cluster   requests  refused  5xx  rbac  newest event
        prod     1,234,610       40    0     0  2026-03-01T04:05:06.500Z

        Requests by code
            count  code
        1,234,570  200
               40  403

        Refused
        count  user  source IP  reason         code
           40  eve   ::1        authorization  403

        Accounting
        input            file
        received          100
        = counted          80
        + not a request    15
        + duplicate         2
        + ignored           0
        + rejected          3
        + dropped           0
        salvaged            0

        Rejected
        count  input  reason
            3  file   not_json

        """)
  }

  @Test func nothing() {
    #expect(ReplayReport(Readings()).table(columns: 80) == "No audit event was found.\n")
  }

  @Test(arguments: [60, 80, 120, 200])
  func safeAndNoWiderThanAsked(_ columns: Int) {
    let readings = sampleReadings(clusters: ["prod", String(repeating: "long", count: 30)], users: 40)
    let lines = ReplayReport(readings).table(columns: columns).split(separator: "\n")
    #expect(lines.allSatisfy { Terminal.width(String($0)) <= columns })
    #expect(!lines.joined().unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    // Users 0 to 39 of two clusters refused 1 to 40 times: 1640 in all, 551 in the fifteen largest rows.
    #expect(lines.contains("1,089 more in 65 rows not shown"))
    #expect(lines.contains { $0.hasPrefix("count  cluster") })
  }

  @Test func json() throws {
    let readings = sampleReadings()
    let families = try #require(JSON.parse(ReplayJSON.text(readings))["families"]?.array)
    #expect(families.count == Families.all.count)
    for (json, family) in zip(families, Families.all) {
      #expect(json["name"]?.string == family.name)
      #expect(json["type"]?.string == family.kind.rawValue)
      let set = readings[family.id]
      let samples = try #require(json["samples"]?.array)
      #expect(samples.count == set.rows.count)
      for (sample, row) in zip(samples, set.rows) {
        #expect(sample["value"]?.number == row.value)
        let labels = set.labels(of: row)
        #expect(sample["labels"]?.object?.count == labels.count)
        for (label, value) in labels { #expect(sample["labels"]?[label.rawValue]?.string == value) }
      }
    }
  }

  @Test(arguments: [
    (0, "0", "0"), (999, "999", "999"), (1000, "1000", "1,000"), (-1_234_567, "-1234567", "-1,234,567"),
    (9_007_199_254_740_992, "9007199254740992", "9,007,199,254,740,992"), (0.25, "0.25", "0.25"),
    (1e300, "1e+300", "1e+300"),
  ])
  func numbers(_ value: Double, _ exact: String, _ grouped: String) {
    #expect(Number.exact(value) == exact)
    #expect(Number.grouped(value) == grouped)
  }

  @Test(arguments: [("abc", 3), ("日本", 4), ("e\u{301}", 1), ("🦊", 2), ("é", 1)])
  func widths(_ text: String, _ width: Int) {
    #expect(Terminal.width(text) == width)
    for columns in 0...6 { #expect(Terminal.width(Terminal.cut(text + "xyz", columns: columns)) <= columns) }
  }
}

@Suite struct ProgressBarTests {
  @Test func line() {
    #expect(
      ProgressBar.line(450 << 20, 1000 << 20, seconds: 1.5, columns: 80)
        == "[#############                 ]  45 %  450 MiB of 1.0 GiB  300 MiB/s  2 s left")
    #expect(ProgressBar.line(1536, nil, seconds: 1, columns: 80) == "1.5 KiB  1.5 KiB/s")
    #expect(ProgressBar.line(0, 10, seconds: 1, columns: 30).hasPrefix("[        ]   0 %") == true)
  }

  @Test(arguments: [30, 60, 80, 200])
  func neverWraps(_ columns: Int) {
    for read: UInt64 in [0, 1, 999, 1 << 20, 1 << 40, .max] {
      for total: UInt64? in [nil, 0, 1, 1 << 33, .max] {
        for seconds in [0.0, 0.1, 1e6] {
          #expect(Terminal.width(ProgressBar.line(read, total, seconds: seconds, columns: columns)) < columns)
        }
      }
    }
  }

  @Test func shownTenTimesASecondAndRemoved() {
    let recorder = Recorder()
    var bar = ProgressBar(isShown: true, columns: 80, start: 0) { recorder.error += $0 }
    for now in stride(from: Int64(0), to: 1_000_000, by: 10_000) {
      bar.update(readBytes: UInt64(now), totalBytes: 1_000_000, now: now)
    }
    #expect(recorder.error.count { $0 == "\r" } == 10)
    bar.finish()
    bar.finish()
    #expect(recorder.error.hasSuffix("\u{1B}[K\r\u{1B}[K"))
    recorder.error = ""
    var silent = ProgressBar(isShown: false, columns: 80, start: 0) { recorder.error += $0 }
    silent.update(readBytes: 1, totalBytes: 2, now: 1)
    silent.finish()
    #expect(recorder.error.isEmpty)
  }
}
