import Counting
import State
import TestSupport
import Testing

/// Merging: what two changes do one after the other, one does that was merged of them.
@Suite struct StateChangeTests {
  @Test(arguments: UInt64(1)...300) func mergingChangesNothing(seed: UInt64) throws {
    var maker = ChangeMaker(seed: seed, seriesLimit: 6)
    var before = StateModel()
    for _ in 0..<3 { before.apply(maker.next()) }
    var merged = StateChange()
    for _ in 0..<maker.random.pick(1...6) { merged.merge(maker.next()) }
    var after = before
    after.apply(merged)
    #expect(after == maker.model)
    // To write it twice changes nothing.
    after.apply(merged)
    #expect(after == maker.model)
  }

  /// However often it fails, what waits is bounded by the number of keys.
  @Test func whatWaitsIsBounded() {
    var maker = ChangeMaker(seed: 5, seriesLimit: 10)
    var merged = StateChange()
    for _ in 0..<5_000 { merged.merge(maker.next()) }
    #expect(merged.counting.series.count <= 30)
    #expect(merged.counting.removed.count <= 30)
    #expect(merged.counting.records.count <= 8)
    #expect(merged.accounts.count <= 2)
    #expect(merged.positions.count + merged.removedPositions.count <= 4)
    // Digests are forgotten by age alone: about one in four of the last 2,000 ticks remains.
    #expect(merged.digests.count < 200)
    var after = StateModel()
    after.apply(merged)
    #expect(after == maker.model)
  }
}
