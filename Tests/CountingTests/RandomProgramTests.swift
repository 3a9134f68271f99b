import Glibc
import Testing

/// Random programs against the brute-force model. `COUNTING_PROGRAMS=20000` runs a long campaign.
struct RandomProgramTests {
  static var programs: Int {
    guard let text = unsafe getenv("COUNTING_PROGRAMS") else { return 200 }
    return unsafe Int(String(cString: text)) ?? 200
  }

  @Test(arguments: 0..<10) func agreeWithTheDefinitions(_ part: Int) {
    for i in 0..<Self.programs / 10 {
      var program = RandomProgram(seed: UInt64(part * 1_000_000 + i))
      program.run(steps: 200)
      if !program.hasAgreed { return }
    }
  }
}
