import TestSupport
import Testing

/// A disk that is full and has room again, twice, under a running exporter.
@Suite struct FullDiskTests {
  @Test(arguments: LimitedDisk.allCases) func itHealsWithoutARestart(disk: LimitedDisk) throws {
    if let obstacle = disk.obstacle { return print("not tried: \(disk.testDescription): \(obstacle)") }
    try Files.withTemporaryFolder { folder in
      let (state, log) = (folder + "/state", folder + "/audit.log")
      _ = try Process.run(["mkdir", state])
      let exporter = try Exporter(
        ["--input.file", log], webhook: true, storage: state, wrapper: disk.wrapper(state))
      var total = Total()
      for round in 0..<2 {
        for _ in 0..<3 { #expect(try exporter.push(total.batch()).status == 200) }
        try total.write(20, to: log)
        try exporter.page("round \(round)") { $0.sum("kube_audit_requests_total") == total.events }
        try disk.fill(state, of: exporter.process)
        let committed = try starve(exporter, &total, log)
        try disk.empty(state, of: exporter.process)
        for body in committed.refused {
          try exporter.process.wait(for: "an accepted push") { try exporter.push(body).status == 200 ? true : nil }
        }
        let page = try exporter.page("all that was refused") { $0.sum("kube_audit_requests_total") >= total.events }
        #expect(page.sum("kube_audit_requests_total") == total.events)
        expectBalance(page)
      }
      #expect(exporter.process.isRunning)
      let said = exporter.process.errorText.split(separator: "\n")
      #expect(said.count { $0.contains("committing again") } == 2)
      #expect(disk == .fileSize || said.contains { $0.contains("there is no space left") })
    }
  }

  /// Pushes until nothing is committed any more; counters must stand still then.
  private func starve(
    _ exporter: Exporter, _ total: inout Total, _ log: String
  ) throws -> (refused: [[UInt8]], page: Page) {
    var refused: [[UInt8]] = []
    while refused.count < 3 {
      let body = total.batch()
      let answer = try exporter.push(body)
      guard answer.status == 503 else {
        #expect(answer.status == 200)
        try #require(total.events < 100_000, "the disk is never full")
        continue
      }
      #expect(answer.headers["retry-after"] == "5")
      refused.append(body)
    }
    try total.write(50, to: log)
    let page = try exporter.page("an error") { $0.sum("kube_audit_state_commit_errors_total") > 0 }
    expectBalance(page)
    // Counted, but not committed: it is not shown. The gauges go on.
    let later = try exporter.page("a later page") {
      $0.sum("kube_audit_state_commit_errors_total") > page.sum("kube_audit_state_commit_errors_total")
    }
    for family in ["kube_audit_requests_total", "kube_audit_events_received_total"] {
      #expect(later.sum(family) == page.sum(family))
    }
    #expect(later.sum("kube_audit_requests_total") == total.events - 15 - 50)
    #expect(try exporter.push(total.batch(), counts: &refused).status == 503)
    return (refused, later)
  }

  private struct Total {
    private(set) var events = 0

    mutating func batch() -> [UInt8] {
      defer { events += 5 }
      return Event.list((events..<events + 5).map { Event(user: "user-\($0)", number: $0).json })
    }

    mutating func write(_ count: Int, to log: String) throws {
      try Files.write(Event.lines(events..<events + count), to: log, append: true)
      events += count
    }
  }
}

extension Exporter {
  /// A push that is expected to be refused, noted to be sent again.
  fileprivate func push(_ body: [UInt8], counts refused: inout [[UInt8]]) throws -> Answer {
    refused.append(body)
    return try push(body)
  }
}
