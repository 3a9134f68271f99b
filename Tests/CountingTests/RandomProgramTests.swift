import TestSupport
import Testing

/// Random programs against the brute-force model.
struct RandomProgramTests {
  static var programs: Int { Campaign.size("counting", short: 200) }

  @Test(arguments: 0..<10) func agreeWithTheDefinitions(_ part: Int) {
    for i in 0..<Self.programs / 10 {
      var program = RandomProgram(seed: UInt64(Campaign.seed + part * 1_000_000 + i))
      program.run(steps: 200)
      if !program.hasAgreed { return }
    }
  }
}
