import TestSupport
import Testing

/// Random programs with crashes against the same ones without.
struct CrashProgramTests {
  @Test(arguments: 0..<10) func goOnAsIfNothingHadHappened(_ part: Int) {
    var crashes = 0
    for i in 0..<max(1, Campaign.size("crashes", short: 50) / 10) {
      var program = CrashProgram(seed: UInt64(Campaign.seed + part * 1_000_000 + i))
      program.run(steps: 300)
      crashes += program.crashes
      if !program.hasAgreed { return }
    }
    #expect(crashes > 0)
  }
}
