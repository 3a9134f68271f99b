import Counting
import Diagnostics
import Glibc
import State
import TestSupport
import Testing

/// A process that commits is killed, again and again: every commit is there whole or not at all, and all that it had
/// acknowledged are.
@Suite struct CrashTests {
  @Test func killsLoseNothingThatWasAcknowledged() throws {
    try Files.withTemporaryFolder { folder in
      var random = SplitMix64(seed: 4)
      var last: UInt64 = 0
      for round in 0..<25 {
        let writer = try RunningProcess([Self.program, folder])
        let wanted = last + UInt64(random.pick(1...12))
        let said = try writer.wait(for: "commit \(wanted)") { () -> UInt64? in
          let said = Self.acknowledged(writer)
          return said >= wanted ? said : nil
        }
        writer.signal(SIGKILL)
        #expect(try writer.waitForExit() != 0)
        let acknowledged = max(said, Self.acknowledged(writer))
        last = try number(folder, round)
        #expect(last >= acknowledged, "round \(round): \(acknowledged) was acknowledged, \(last) is there")
      }
    }
  }

  /// The number of the last commit, which everything must have.
  private func number(_ folder: String, _ round: Int) throws -> UInt64 {
    let store = try StateStore(.directory(folder))
    defer { store.close() }
    let saved = try store.load()
    let number = try #require(saved.accounts.first?.value)
    #expect(saved.counting.series.count == 200)
    let isWhole = saved.counting.series.allSatisfy { row in
      row.count == number && row.data.allSatisfy { $0 == UInt8(truncatingIfNeeded: number) }
    }
    #expect(isWhole && saved.positions.map(\.offset) == [number], "round \(round): a part of a commit")
    #expect(saved.digests.last?.arrival == Int64(number) && saved.digests.count == min(11, Int(number)))
    return number
  }

  private static func acknowledged(_ writer: RunningProcess) -> UInt64 {
    writer.outputText.split(separator: "\n").compactMap { UInt64($0) }.last ?? 0
  }

  /// The program is built beside the tests.
  private static let program: String = {
    let resolved = unsafe realpath("/proc/self/exe", nil)
    defer { unsafe free(resolved) }
    let tests = unsafe resolved.map { unsafe String(cString: $0) } ?? ""
    return tests.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/StateWriter"
  }()
}
