import TestSupport
import Testing

/// The real program, killed at random instants under load of every input that can be read again or redelivered. After each
/// kill the state must hold exactly what its positions and its batches amount to; after a restart everything that is exported
/// must equal the oracle's, windows included; no counter ever falls.
@Suite struct KillCampaignTests {
  /// How many times one state is killed at most.
  private static let killsOfALife = 120

  @Test func nothingIsLostAndNothingDoubled() throws {
    let kills = Campaign.size("kills", short: 15)
    var total = KilledLife.Figures()
    var seed = UInt64(Campaign.seed)
    while total.kills < kills {
      let figures = try Files.withTemporaryFolder { folder in
        let life = try KilledLife(folder: folder, seed: seed)
        do {
          try life.run(kills: min(Self.killsOfALife, kills - total.kills))
        } catch {
          Issue.record("seed \(seed), kill \(life.figures.kills): \(error)\n\(life.trail.suffix(5))")
          throw error
        }
        return life.figures
      }
      total = total + figures
      seed += 1
    }
    #expect(total.kills == kills)
    #expect(total.comparisons > kills / 4 && total.events > kills * 100)
    // A campaign in which this never happens tries nothing.
    if kills >= 100 { #expect(total.committed > 0 && total.uncommitted > 0 && total.duplicates > 0) }
    Campaign.report(
      "kills",
      "\(total.kills) kills, \(total.early) of them before it was ready, \(seed - UInt64(Campaign.seed)) states; "
        + "\(total.events) events, \(total.rotations) rotations; \(total.committed + total.uncommitted) batches without "
        + "an answer, \(total.committed) of them committed; \(total.comparisons) comparisons of everything exported")
  }
}
