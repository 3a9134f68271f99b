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
        let refused = try starve(exporter, &total) { try disk.fill(state, of: exporter.process) }
        try total.write(50, to: log)
        // Nothing at all can be written here. A full disk has room again for a while, when the log is moved into the file.
        if disk == .fileSize { try standStill(exporter, committed: total.events - 50 - 5 * refused.count) }
        try disk.empty(state, of: exporter.process)
        for body in refused {
          try exporter.process.wait(for: "an accepted push") { try exporter.push(body).status == 200 ? true : nil }
        }
        let page = try exporter.page("all that was refused") { $0.sum("kube_audit_requests_total") >= total.events }
        #expect(page.sum("kube_audit_requests_total") == total.events)
        expectBalance(page)
      }
      #expect(exporter.process.isRunning)
      let said = exporter.process.errorText.split(separator: "\n")
      #expect(said.count { $0.contains("committing again") } >= 2)
      #expect(disk == .fileSize || said.contains { $0.contains("there is no space left") })
    }
  }

  /// Pushes until several were refused; answers those.
  private func starve(
    _ exporter: Exporter, _ total: inout Total, fill: () throws -> Void
  ) throws -> [[UInt8]] {
    var refused: [[UInt8]] = []
    while refused.count < 4 {
      try fill()
      let body = total.batch()
      let answer = try exporter.push(body)
      if answer.status == 503 {
        #expect(answer.headers["retry-after"] == "5")
        refused.append(body)
      } else {
        #expect(answer.status == 200)
        try #require(total.events < 10_000, "the disk is never full")
      }
      let page = try exporter.scrape()
      expectBalance(page)
      // What was answered is committed and shown, and nothing that was never sent.
      let shown = page.sum("kube_audit_requests_total")
      #expect(shown <= total.events)
    }
    return refused
  }

  /// What was counted and not committed is not shown, and pushes are refused; what the exporter says of itself goes on.
  private func standStill(_ exporter: Exporter, committed: Int) throws {
    let errors = "kube_audit_state_commit_errors_total"
    let page = try exporter.page("an error") { $0.sum(errors) > 0 }
    let later = try exporter.page("another error") { $0.sum(errors) > page.sum(errors) }
    for page in [page, later] {
      #expect(page.sum("kube_audit_requests_total") == committed)
      expectBalance(page)
    }
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
