import AuditEvents
import Crypto
import Metrics
import TestSupport
import Testing

@testable import Counting

/// Evidence goes with its series.
struct EvidenceTests {
  private static let start = CountersTests.start

  private static func counters() -> Counters {
    Counters(
      settings: RestoreTests.settings {
        $0.keepsEvidence = true
        $0.limits.denied = FamilyLimit(perCluster: 2, inAll: 2)
        $0.idleSeconds = 3600
      }, key: SipKey(1, 2))
  }

  private static func denial(_ rows: [EvidenceRow], of user: String) -> EvidenceRow? {
    rows.first { $0.values[.user] == user }
  }

  /// A series that expires takes its evidence along; the one that gets its place in the same epoch keeps its own.
  @Test(arguments: [true, false]) func aPlaceThatIsTakenAgainHasNewEvidence(isTakenAgain: Bool) throws {
    var counters = Self.counters()
    RestoreTests.refuse(&counters, user: "first", at: 0)
    RestoreTests.refuse(&counters, user: "second", at: 1)
    let before = counters.takeDelta()
    #expect(before.evidence.count == 2 && before.forgottenEvidence.isEmpty)
    let first = try #require(Self.denial(before.evidence, of: "first"))
    _ = counters.readings(now: Self.start)
    counters.scraped(counters.number)
    // Counted once more, and dropped in the same epoch.
    RestoreTests.refuse(&counters, user: "second", at: 2)
    _ = counters.readings(now: Self.start + 2_000_000)
    counters.scraped(counters.number)
    let readings = counters.readings(now: Self.start + 8_000 * 1_000_000)
    #expect(readings[.deniedRequests].isEmpty, "both have expired")
    if isTakenAgain { RestoreTests.refuse(&counters, user: "third", at: 8_000) }
    let after = counters.takeDelta()
    #expect(after.forgottenEvidence.contains(first.subject) && after.forgottenEvidence.count == 2)
    #expect(after.evidence.map { $0.values[.user] } == (isTakenAgain ? ["third"] : []))
  }

  /// What waits is what would be kept, by rows and by bytes, against a list of everything.
  @Test(arguments: UInt64(1)...10) func whatWaitsIsBounded(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var book = EvidenceBook()
    var all: [EvidenceRow] = []
    let size = random.pick([100, 20_000])
    for number in 0..<4_000 {
      let subject: EvidenceSubject =
        random.oneIn(3) ? .match(rule: "rule \(random.below(5))") : .denial(place: UInt32(random.below(2_000)))
      let labels = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
      book.keep(subject, time: Int64(number), labels: labels)
      all.append(EvidenceRow(id: UInt64(number), subject: subject, time: Int64(number), labels: labels))
    }
    var delta = CountingDelta()
    book.take(dropped: [], into: &delta) { _ in false }
    var expected: [EvidenceRow] = []
    for subject in Set(all.map(\.subject)) {
      expected += all.filter { $0.subject == subject }.suffix(subject.limit)
    }
    let kinds = Dictionary(grouping: expected) { $0.subject.limit }
    let kept = kinds.values.flatMap { rows in
      rows.sorted { $0.id < $1.id }.suffix(EvidenceRow.waitingBytesLimit / size)
    }
    #expect(delta.evidence.map(\.id) == kept.map(\.id).sorted())
    #expect(book.next == 4_000)
    var empty = CountingDelta()
    book.take(dropped: [], into: &empty) { _ in false }
    #expect(empty.isEmpty)
  }

  @Test func exemplarsAreBounded() {
    var book = ExemplarBook()
    let id = Array("id".utf8)
    for place in 0..<5_000 { book.note(place, auditID: id, time: 1) }
    #expect((0..<5_000).count { book[$0] != nil } == ExemplarBook.limit)
    #expect(book[4_999] != nil && book[0] == nil)
    book.note(4_999, auditID: [], time: 2)
    #expect(book[4_999] == nil, "its last event has none")
    book.note(4_999, auditID: [UInt8](repeating: 0x61, count: 120), time: 2)
    #expect(book[4_999] != nil)
    book.note(4_999, auditID: [UInt8](repeating: 0x61, count: 121), time: 2)
    #expect(book[4_999] == nil)
    // Whoever sends such IDs takes nobody else's place.
    for turn in 0..<5_000 { book.note(4_999, auditID: turn % 2 == 0 ? id : [0x22], time: 2) }
    #expect((0..<5_000).count { book[$0] != nil } == ExemplarBook.limit - 1)
  }
}
