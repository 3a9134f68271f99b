import TestSupport
import Testing

/// Random programs of a writer, a rotation and a follower, against what was written.
@Suite struct RotationProgramTests {
  private static var programs: Int { Campaign.size("files", short: 2000) }

  /// With kills, what was not committed falls back, and another follower goes on from the saved positions; between the two
  /// the writer writes and rotates.
  @Test(arguments: 0..<8, [false, true]) func everyLineOnce(part: Int, kills: Bool) {
    for seed in stride(from: part, to: Self.programs, by: 8) {
      let program = RotationProgram(seed: UInt64(1 + Campaign.seed + seed), kills: kills)
      guard check(program, seed: 1 + Campaign.seed + seed) else { return }
    }
  }

  /// System calls of the follower fail, from the n-th on: once, thrice, until it has given up for now; or they read a byte
  /// at a time. Afterwards every line was counted once all the same.
  @Test(arguments: 0..<4, [false, true]) func everyLineOnceThoughCallsFail(part: Int, kills: Bool) {
    var failed = 0
    for seed in stride(from: part, to: Campaign.size("faults", short: 200), by: 4) {
      let program = RotationProgram(seed: UInt64(1 + Campaign.seed + seed), kills: kills, faults: true)
      guard check(program, seed: 1 + Campaign.seed + seed) else { return }
      failed += program.failedCalls
    }
    #expect(failed > 100)
    Campaign.report("faults", "\(failed) system calls of the follower failed\(kills ? ", with kills" : "")")
  }

  /// Half a line, and a copy that was seen before it was known that the file was truncated: the copy was taken for a file of
  /// its own, and the half line was handed over too.
  @Test(arguments: [70_059, 70_607, 72_644]) func halfALineEndsInItsCopy(seed: Int) {
    #expect(check(RotationProgram(seed: UInt64(seed), kills: true, faults: true), seed: seed))
  }

  private func check(_ program: RotationProgram, seed: Int) -> Bool {
    guard let difference = program.run() else { return true }
    Issue.record("seed \(seed): \(difference)\n\(program.trail.joined(separator: "\n"))")
    return false
  }
}
