import Glibc
import TestSupport
import Testing

/// Counts outlive whatever becomes of the process.
@Suite struct DurabilityTests {
  private static func body(_ number: Int) -> [UInt8] {
    Event.list((0..<5).map { Event(user: "u\(number % 7)", code: $0 == 0 ? 403 : 200, number: 10 * number + $0).json })
  }

  /// Killed, it goes on where it was, and a batch whose answer was lost counts once.
  @Test func aKillLosesNothingAndDoublesNothing() throws {
    try Files.withTemporaryFolder { folder in
      var pages: [[String]] = []
      for round in 0..<3 {
        let exporter = try Exporter(webhook: true, storage: folder + "/state")
        if let before = pages.last { expectSame(try exporter.scrape().stateLines, before) }
        #expect(try exporter.push(Self.body(round)).status == 200)
        // What every earlier process had answered is known.
        for earlier in 0...round { #expect(try exporter.push(Self.body(earlier)).status == 200) }
        let page = try exporter.page("round \(round)") { $0.sum("kube_audit_requests_total") == 5 * (round + 1) }
        let received = page.sum("kube_audit_events_received_total")
        let shown = try exporter.page("all duplicates") { page in
          page.sum("kube_audit_events_received_total") >= 5 * (1...(round + 1)).reduce(0) { $0 + $1 + 1 }
        }
        #expect(shown.sum("kube_audit_events_received_total") >= received)
        #expect(shown.sum("kube_audit_requests_total") == 5 * (round + 1))
        #expect(shown.sum("kube_audit_denied_requests_total") == round + 1)
        expectBalance(shown)
        pages.append(shown.stateLines)
        exporter.process.signal(SIGKILL)
        #expect(try exporter.process.waitForExit() != 0)
      }
    }
  }

  /// While nothing can be committed, senders are told to come again and counters stand still; then it heals by itself.
  @Test func aStoreThatFailsHeals() throws {
    try Files.withTemporaryFolder { folder in
      let exporter = try Exporter(webhook: true, storage: folder)
      let (file, aside) = (folder + "/kube-audit-exporter.db", folder + "/aside")
      #expect(try exporter.push(Self.body(1)).status == 200)
      try exporter.page("the first events") { $0.sum("kube_audit_requests_total") == 5 }
      #expect(unsafe rename(file, aside) == 0)
      let refused = try exporter.push(Self.body(2))
      #expect(refused.status == 503 && refused.headers["retry-after"] == "5")
      let failing = try exporter.page("an error") { $0.sum("kube_audit_state_commit_errors_total") > 0 }
      #expect(failing.sum("kube_audit_requests_total") == 5)
      #expect(try exporter.push(Self.body(3)).status == 503, "refused before it is counted")
      _ = try exporter.process.waitForLine("the reason") { $0.contains("removed or replaced") }
      #expect(unsafe rename(aside, file) == 0)
      try exporter.process.wait(for: "an accepted push") {
        try exporter.push(Self.body(2)).status == 200 ? true : nil
      }
      #expect(try exporter.push(Self.body(3)).status == 200)
      let healed = try exporter.page("all events") { $0.sum("kube_audit_requests_total") >= 15 }
      #expect(healed.sum("kube_audit_requests_total") == 15)
      expectBalance(healed)
    }
  }

  /// A file is read on where it was counted to, also when it was rotated while nobody looked, and never twice.
  @Test func filesGoOnWhereTheyWereCounted() throws {
    try Files.withTemporaryFolder { folder in
      let log = folder + "/audit.log"
      var number = 0
      func write(_ count: Int, to path: String) throws {
        let lines = (number..<number + count).flatMap { Event(number: $0).line }
        number += count
        try Files.write(lines, to: path, append: true)
      }
      try write(100, to: log)
      for round in 0..<4 {
        let exporter = try Exporter(["--input.file", log], storage: folder + "/state")
        let page = try exporter.page("round \(round)") { $0.sum("kube_audit_requests_total") >= number }
        #expect(page.sum("kube_audit_requests_total") == number)
        try write(10, to: log)
        try exporter.page("what was added") { $0.sum("kube_audit_requests_total") == number }
        expectBalance(try exporter.scrape())
        if round == 2 { try write(5, to: log) }
        exporter.process.signal(round.isMultiple(of: 2) ? SIGKILL : SIGTERM)
        _ = try exporter.process.waitForExit()
        try write(7, to: log)
        if round > 0 {
          #expect(unsafe rename(log, folder + "/audit-2026-01-0\(round)T00-00-00.000.log") == 0)
          try write(3, to: log)
        }
      }
    }
  }

  @Test func memoryIsSaidOnce() throws {
    let exporter = try Exporter(webhook: true)
    let page = try exporter.scrape()
    #expect(page.value("kube_audit_state_durable") == 0)
    #expect(page.samples("kube_audit_state_size_bytes").isEmpty)
    #expect(exporter.process.errorText.split(separator: "\n").filter { $0.contains("kept in memory") }.count == 1)
  }

  @Test func aSecondProcessIsRefused() throws {
    try Files.withTemporaryFolder { folder in
      let first = try Exporter(webhook: true, storage: folder)
      #expect(try first.scrape().value("kube_audit_state_durable") == 1)
      let second = try Program.run(
        ["serve", "--input.stdin", "--web.listen-address", "127.0.0.1:0", "--storage.path", folder])
      #expect(second.status == 1)
      #expect(second.errorText.contains("another process uses it"), "\(second.errorText)")
      #expect(try first.push(Self.body(1)).status == 200)
    }
  }

  /// A state that another counting wrote, or a damaged one, is refused as a whole.
  @Test func aDamagedStateIsRefused() throws {
    let sqlite = try Program.tool("sqlite3", package: "sqlite3")
    try Files.withTemporaryFolder { folder in
      let first = try Exporter(webhook: true, storage: folder)
      #expect(try first.push(Self.body(1)).status == 200)
      first.process.signal(SIGTERM)
      #expect(try first.process.waitForExit() == 0)
      let file = folder + "/kube-audit-exporter.db"
      let broken = try Process.run([sqlite, file, "UPDATE series SET data = x'00'"])
      #expect(broken.status == 0)
      let before = try Files.read(file)
      let second = try Program.run(
        ["serve", "--input.stdin", "--web.listen-address", "127.0.0.1:0", "--storage.path", folder])
      #expect(second.status == 1)
      #expect(second.errorText.contains(file) && second.errorText.contains("cannot start"), "\(second.errorText)")
      #expect(try Files.read(file) == before)
    }
  }
}

extension Page {
  /// Everything that must be the same after a restart.
  fileprivate var stateLines: [String] {
    let families = ["requests_total", "events_", "series", "rbac_", "tracked_", "input_bytes"]
    return samples.filter { sample in families.contains { sample.name.hasPrefix("kube_audit_" + $0) } }
      .map { "\($0.name) \($0.labels.sorted { $0.key < $1.key }) \($0.value)" }.sorted()
  }
}
