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
    let exemplars = counters.readings(now: Self.start + 8_001 * 1_000_000)[.deniedRequests].exemplars
    #expect(exemplars.isEmpty, "the test's events have no audit ID")
  }

  @Test func asManyAreHeldAsAreKept() {
    var book = EvidenceBook()
    for place in 0..<10_000 { book.keep(denial: UInt32(place), time: 0, labels: [1]) }
    for place in [9_999, 0, 9_999] as [UInt32] { book.keep(denial: place, time: 1, labels: [2]) }
    for number in 0..<1_000 { book.keep(match: "rule", time: Int64(number), labels: [3]) }
    var delta = CountingDelta()
    book.take(into: &delta)
    let denials = delta.evidence.filter { $0.labels != [3] }
    #expect(denials.count == EvidenceBook.denialsLimit)
    #expect(Set(denials.map(\.subject)).count == denials.count)
    #expect(denials.suffix(2).map(\.subject) == [.denial(place: 0), .denial(place: 9_999)])
    #expect(delta.evidence.filter { $0.labels == [3] }.map(\.time) == Array(980..<1_000))
    #expect(delta.evidence.map(\.id) == delta.evidence.map(\.id).sorted())
    var empty = CountingDelta()
    book.take(into: &empty)
    #expect(empty.isEmpty)
    #expect(book.next == 11_003)
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
  }
}
