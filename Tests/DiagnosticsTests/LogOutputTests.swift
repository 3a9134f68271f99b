import Logging
import TestSupport
import Testing

@testable import Diagnostics

/// Lines that were written. Unchecked: a `LogOutput` writes one line at a time, and tests read afterwards.
final class Lines: @unchecked Sendable {
  var all: [String] = []
  /// The time that the output's clocks tell.
  var now: Microseconds = 1_772_337_906_789_123
  func take() -> [String] {
    defer { all = [] }
    return all
  }
}

func output(
  _ lines: Lines, _ format: LogFormat, level: Logger.Level = .info, throttle: LogThrottle = LogThrottle()
) -> LogOutput {
  LogOutput(
    format: format, level: level, clock: Clock { lines.now }, monotonic: { lines.now }, throttle: throttle,
    write: { lines.all.append(String(decoding: $0, as: UTF8.self)) })
}

@Suite struct LogOutputTests {
  @Test func logfmt() {
    let lines = Lines()
    let logger = output(lines, .logfmt).logger("inputs")
    logger.warning("input stopped", metadata: ["path": "/a b", "code": "3", "empty": "", "level": "x"])
    #expect(
      lines.take() == [
        "ts=2026-03-01T04:05:06.789Z level=warn msg=\"input stopped\" component=inputs code=3 empty=\"\" "
          + "field_level=x path=\"/a b\"\n"
      ])
    logger.debug("not shown")
    #expect(lines.take().isEmpty)
  }

  @Test func json() {
    let lines = Lines()
    output(lines, .json).logger().error("a \"b\"\n\u{1B}[31m\u{202E}\u{E0041}", metadata: ["k=ä \u{7F}": "日\\"])
    #expect(
      lines.take() == [
        #"{"ts":"2026-03-01T04:05:06.789Z","level":"error","msg":"a \"b\"\n\u001b[31m\u202e\udb40\udc41","k____":"日\\"}"#
          + "\n"
      ])
  }

  @Test(arguments: [
    ("plain", "plain"), ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""), ("a\\b", "\"a\\\\b\""), ("x\ny", "\"x\\ny\""),
    ("\u{9B}", "\"\\u009b\""), ("\u{00A0}", "\"\u{00A0}\""), ("日本", "日本"), ("\u{200F}", "\"\\u200f\""),
    ("\u{85}", "\"\\u0085\""), ("\u{2028}", "\"\\u2028\""),
  ])
  func logfmtValue(_ value: String, _ expected: String) {
    let line = String(decoding: LogFormat.logfmt.line([(key: "k", value: value)]), as: UTF8.self)
    #expect(line == "k=\(expected)\n")
  }

  /// Whatever a value holds, a line stays one line, and a reader gets the value back.
  @Test(arguments: 0..<4)
  func jsonComesBack(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    for _ in 0..<500 {
      var value = ""
      for _ in 0..<20 {
        let most = [0xFF, 0x3000, 0x10_FFFF][random.pick(0...2)]
        if let scalar = Unicode.Scalar(random.pick(0...most)) { value.unicodeScalars.append(scalar) }
      }
      let bytes = LogFormat.json.line([(key: "k", value: value)])
      #expect(bytes.filter { $0 < 0x20 } == [0x0A])
      #expect(try Array((JSON.parse(bytes)["k"]?.string ?? "none").unicodeScalars) == Array(value.unicodeScalars))
    }
  }

  @Test func longValuesAreCut() {
    let long = String(repeating: "é", count: LogFormat.valueBytesLimit)
    let line = LogFormat.logfmt.line([(key: "k", value: long)])
    #expect(line.count == LogFormat.valueBytesLimit + "k=…\n".utf8.count)
  }

  @Test func repeatedLinesAreSwallowedAndCounted() {
    let lines = Lines()
    let logger = output(lines, .logfmt, throttle: LogThrottle(burst: 3, period: 1_000_000)).logger()
    for _ in 0..<10 { logger.info("again") }
    logger.error("again")
    logger.info("other")
    #expect(lines.take().count == 5)
    lines.now += 999_999
    logger.info("again")
    #expect(lines.take().isEmpty)
    lines.now += 1
    logger.info("again")
    #expect(lines.take().map { $0.hasSuffix(" swallowed=8\n") } == [true])
    logger.info("again")
    #expect(lines.take().map { $0.contains("swallowed") } == [false])
  }

  /// Many threads at once: every line is whole, none is lost, and the level may change meanwhile.
  @Test func linesOfManyThreadsDoNotMix() async {
    let lines = Lines()
    let output = output(lines, .logfmt, level: .debug)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          let logger = output.logger("t\(task)")
          for at in 0..<500 {
            logger.debug("line", metadata: ["n": "\(at)", "of": "t\(task)"])
            if at % 100 == 0 { output.set(format: .logfmt, level: .debug) }
          }
        }
      }
    }
    let expected = (0..<8).flatMap { task in
      (0..<500).map { "ts=2026-03-01T04:05:06.789Z level=debug msg=line component=t\(task) n=\($0) of=t\(task)\n" }
    }
    #expect(lines.take().sorted() == expected.sorted())
  }

  @Test func levelAndFormatCanChange() {
    let lines = Lines()
    let output = output(lines, .logfmt, level: .error)
    let logger = output.logger()
    logger.info("a")
    output.set(format: .json, level: .debug)
    for _ in 0..<30 { logger.debug("b") }
    #expect(lines.all.count == 30)  // Debug lines are not throttled.
    #expect(lines.take().allSatisfy { $0.hasPrefix("{\"ts\"") })
  }
}

@Suite struct LogThrottleTests {
  /// What was written plus what was told as swallowed plus what still waits is what came; memory keeps its bound.
  @Test(arguments: 0..<6)
  func everyLineIsAccountedFor(seed: Int) {
    var throttle = LogThrottle(burst: 2, period: 50, keyLimit: 4)
    var random = SplitMix64(seed: UInt64(seed))
    var (now, came, written, told): (Microseconds, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for _ in 0..<20_000 {
      now += Microseconds(random.pick(0...4))
      came += 1
      if case .write(let swallowed, let others) = throttle.judge("m\(random.pick(0...6))", now: now) {
        written += 1
        told += swallowed + others
      }
    }
    // Drain: each of the seven once more, long after.
    for key in 0..<7 {
      now += 1000
      came += 1
      guard case .write(let swallowed, let others) = throttle.judge("m\(key)", now: now) else {
        Issue.record("swallowed after the period")
        return
      }
      written += 1
      told += swallowed + others
    }
    now += 1000
    came += 1
    if case .write(let swallowed, let others) = throttle.judge("last", now: now) {
      written += 1
      told += swallowed + others
    }
    #expect(came == written + told)
    #expect(told > 1000)
  }
}
