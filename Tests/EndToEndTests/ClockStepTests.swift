import Glibc
import TestSupport
import Testing

/// The machine's clock is set while the real program runs, and while it does not.
@Suite struct ClockStepTests {
  /// What a program believes the time to be.
  private struct ShiftedClock {
    let folder: String
    var environment: [String: String] {
      ["LD_PRELOAD": folder + "/shifted_clock.so", "SHIFTED_CLOCK": folder + "/shift"]
    }

    init(in folder: String) throws {
      self.folder = folder
      let compiler = try Program.tool("gcc", package: "gcc")
      let built = try Process.run([
        compiler, "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", folder + "/shifted_clock.so",
        Files.beside("Tools/shifted_clock.c"),
      ])
      guard built.status == 0 else { throw Program.MissingTool(description: built.errorText) }
      try set(0)
    }

    /// In place: the program has the file mapped.
    func set(_ seconds: Int64) throws {
      let descriptor = unsafe open(folder + "/shift", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      defer { close(descriptor) }
      var seconds = seconds
      let written = unsafe pwrite(descriptor, &seconds, 8, 0)
      guard written == 8 else { throw Program.MissingTool(description: "cannot set the clock") }
    }
  }

  /// Refused requests of now, by the clock that is right.
  private static func body(_ number: Int, events: Int) -> [UInt8] {
    let now = Event.now
    return Event.list(
      (0..<events).map { Event(code: 403, decision: "forbid", number: 1_000 * number + $0, time: now).json })
  }

  private static func refused(_ page: Page) -> (total: Int, window: Int) {
    (
      page.sum("kube_audit_denied_requests_total"),
      page.sum("kube_audit_window_denied_requests", ["window": "5m", "reason": "authorization"])
    )
  }

  private static func steps(_ page: Page, _ direction: String) -> Double? {
    page.value("kube_audit_clock_steps_total", ["direction": direction])
  }

  /// Forward by an hour and by a year, and back again; back by an hour and forward again: totals are exact throughout, a
  /// redelivery counts once, nothing that has left a window is shown in it again, and each time the windows come back.
  @Test(arguments: [3_600, 31_536_000, -3_600] as [Int64])
  func windowsFollowAClockThatIsSetAndSetRight(seconds: Int64) throws {
    try Files.withTemporaryFolder { folder in
      let clock = try ShiftedClock(in: folder)
      let exporter = try Exporter(webhook: true, storage: folder + "/state", environment: clock.environment)
      let first = Self.body(1, events: 60)
      #expect(try exporter.push(first).status == 200)
      try exporter.page("a spike") { Self.refused($0) == (60, 60) }
      try clock.set(seconds)
      let wrong = try exporter.page("the step") { Self.steps($0, seconds > 0 ? "forward" : "back") == 1 }
      #expect(Self.refused(wrong) == (60, 0), "what windows held has left them")
      expectBalance(wrong)
      #expect(try exporter.push(first).status == 200)
      #expect(try exporter.push(Self.body(2, events: 5)).status == 200)
      let later = try exporter.page("what was pushed") { $0.sum("kube_audit_events_received_total") == 125 }
      #expect(Self.refused(later).total == 65, "the redelivery is known")
      expectBalance(later)
      try clock.set(0)
      let right = try exporter.page("the step back") { Self.steps($0, seconds > 0 ? "back" : "forward") == 1 }
      #expect(Self.refused(right) == (65, 0), "no spike pages twice")
      #expect(try exporter.push(first).status == 200)
      #expect(try exporter.push(Self.body(3, events: 10)).status == 200)
      let healed = try exporter.page("windows that count") { $0.sum("kube_audit_events_received_total") == 195 }
      #expect(Self.refused(healed) == (75, 10))
      expectBalance(healed)
      let lag = healed.samples("kube_audit_event_lag_seconds").map(\.value)
      #expect(lag.allSatisfy { $0 < 60 }, "\(lag)")
      exporter.process.signal(SIGTERM)
      #expect(try exporter.process.waitForExit() == 0)
      #expect(exporter.process.errorText.contains("clock was set"))
    }
  }

  /// A state that was written a year ahead does not keep the windows shut.
  @Test func aRestartWithTheRightClockHeals() throws {
    try Files.withTemporaryFolder { folder in
      let clock = try ShiftedClock(in: folder)
      try clock.set(31_536_000)
      let wrong = try Exporter(webhook: true, storage: folder + "/state", environment: clock.environment)
      let first = Self.body(1, events: 20)
      #expect(try wrong.push(first).status == 200)
      try wrong.page("what was pushed") { Self.refused($0).total == 20 }
      wrong.process.signal(SIGKILL)
      _ = try wrong.process.waitForExit()
      try clock.set(0)
      for round in 0..<2 {
        let exporter = try Exporter(webhook: true, storage: folder + "/state", environment: clock.environment)
        let page = try exporter.scrape()
        #expect(Self.refused(page) == (20 + 7 * round, 7 * round))
        #expect(Self.steps(page, "back") == (round == 0 ? 1 : 0), "said once, and kept")
        #expect(try exporter.push(first).status == 200)
        #expect(try exporter.push(Self.body(2 + round, events: 7)).status == 200)
        let healed = try exporter.page("windows that count") { Self.refused($0).total == 27 + 7 * round }
        #expect(Self.refused(healed).window == 7 * (round + 1))
        expectBalance(healed)
        exporter.process.signal(SIGKILL)
        _ = try exporter.process.waitForExit()
      }
    }
  }
}
