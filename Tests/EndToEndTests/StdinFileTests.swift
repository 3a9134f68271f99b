import Glibc
import TestSupport
import Testing

/// A file that standard input was redirected from has a position.
@Suite struct StdinFileTests {
  /// Killed at random instants and started again until it has read all: each line counts once.
  @Test func killsCountEachLineOnce() throws {
    let rounds = Campaign.size("stdin_kills", short: 6)
    let lines = 6_000
    var random = SplitMix64(seed: UInt64(Campaign.seed))
    var kills = 0
    try Files.withTemporaryFolder { folder in
      let log = folder + "/audit.log"
      try Files.write(Event.lines(0..<lines), to: log)
      var counted = 0
      for _ in 0..<rounds {
        let exporter = try Exporter(["--input.stdin"], input: .file(log), storage: folder + "/state")
        let wanted = min(lines, counted + random.pick(0...lines / 3))
        let page = try exporter.page("\(wanted) lines") { $0.sum("kube_audit_requests_total") >= wanted }
        expectBalance(page)
        #expect(page.sum("kube_audit_requests_total") >= counted, "what was shown stays")
        counted = page.sum("kube_audit_requests_total")
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
        kills += 1
      }
      for more in [0, 10] {
        try Files.write(Event.lines(lines..<lines + more), to: log, append: true)
        let exporter = try Exporter(["--input.stdin"], input: .file(log), storage: folder + "/state")
        _ = try exporter.process.waitForLine("the end") { $0.contains("standard input has ended") }
        let page = try exporter.page("all lines") { $0.sum("kube_audit_requests_total") >= lines + more }
        #expect(page.sum("kube_audit_requests_total") == lines + more)
        #expect(page.sum("kube_audit_input_up") == 1)
        expectBalance(page)
        exporter.process.signal(SIGTERM)
        #expect(try exporter.process.waitForExit() == 0)
      }
    }
    Campaign.report("stdin_kills", "\(kills) kills, \(lines) lines")
  }
}
