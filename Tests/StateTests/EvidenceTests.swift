import Counting
import Crypto
import TestSupport
import Testing

@testable import State

/// What is kept as evidence, against a list in memory.
@Suite struct EvidenceTests {
  /// A list of all that was written, out of which goes what is too much.
  struct Model {
    let bytesLimit: Int
    var rows: [EvidenceRow] = []

    mutating func apply(_ delta: CountingDelta) {
      rows.removeAll { delta.forgottenEvidence.contains($0.subject) }
      rows += delta.evidence.filter { new in !rows.contains { $0.id == new.id } }
      rows = rows.filter { row in
        rows.count { $0.subject == row.subject && $0.id > row.id } < row.subject.limit
      }
      for isDenial in [true, false] {
        while rows.filter({ Self.isDenial($0) == isDenial }).reduce(0, { $0 + $1.labels.count }) > bytesLimit / 2 {
          guard let oldest = rows.filter({ Self.isDenial($0) == isDenial }).min(by: { $0.id < $1.id }) else { break }
          rows.removeAll { $0.id == oldest.id }
        }
      }
    }

    func answer(_ query: EvidenceQuery) -> [EvidenceRow] {
      let found = rows.filter { row in
        row.time >= query.since ?? .min && row.time <= query.until ?? .max
          && query.values.allSatisfy { row.values[$0.key] == $0.value }
      }
      return Array(found.sorted { ($0.time, $0.id) > ($1.time, $1.id) }.prefix(min(query.limit, EvidenceQuery.limit)))
    }

    private static func isDenial(_ row: EvidenceRow) -> Bool {
      if case .denial = row.subject { true } else { false }
    }
  }

  /// Evidence at random, with values that imitate labels.
  struct Maker {
    static let users = ["alice", #"a",user="bob"#, #"back\slash"#, #"bob"#, "\u{fc}ml", "alice\nbob", ""]
    static let clusters = ["prod", #"x,k8s_cluster="prod"#]
    var random: SplitMix64
    var next: UInt64 = 0

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func delta() -> CountingDelta {
      var delta = CountingDelta()
      if random.oneIn(3) { delta.forgottenEvidence = [.denial(place: UInt32(random.below(6)))] }
      for _ in 0..<random.pick([0, 1, 5, 40]) {
        let subject: EvidenceSubject =
          random.oneIn(2) ? .denial(place: UInt32(random.below(6))) : .match(rule: "rule \(random.below(3))")
        if case .denial = subject { delta.evidence.removeAll { $0.subject == subject } }
        delta.evidence.append(row(subject))
      }
      for rule in 0..<3 {
        let subject = EvidenceSubject.match(rule: "rule \(rule)")
        let excess = max(0, delta.evidence.count { $0.subject == subject } - subject.limit)
        for row in delta.evidence.filter({ $0.subject == subject }).prefix(excess) {
          delta.evidence.removeAll { $0.id == row.id }
        }
      }
      return delta
    }

    private mutating func row(_ subject: EvidenceSubject) -> EvidenceRow {
      next += UInt64(random.pick(1...3))
      var labels = EvidenceField.cluster.rendered(random.pick(Self.clusters))
      for field in [EvidenceField.user, .groups, .name] where random.chance(70) {
        labels += field.rendered(random.pick(Self.users))
      }
      return EvidenceRow(id: next, subject: subject, time: Int64(random.below(1000)), labels: labels)
    }

    mutating func query() -> EvidenceQuery {
      var query = EvidenceQuery()
      if random.oneIn(2) { query.values[.user] = random.pick(Self.users) }
      if random.oneIn(3) { query.values[.cluster] = random.pick(Self.clusters) }
      if random.oneIn(4) { query.values[.name] = random.pick(Self.users) }
      if random.oneIn(3) { query.since = Int64(random.below(1000)) }
      if random.oneIn(3) { query.until = Int64(random.below(1000)) }
      query.limit = random.pick([0, 1, 10, 1_000_000])
      return query
    }
  }

  @Test(arguments: UInt64(1)...30) func keepsAndAnswersAsAListDoes(seed: UInt64) throws {
    try Files.withTemporaryFolder { folder in
      var maker = Maker(seed: seed)
      let bytesLimit = maker.random.pick([0, 300, 4_000, 1 << 20])
      var model = Model(bytesLimit: bytesLimit)
      var store = try StateStore(.directory(folder), evidenceBytesLimit: bytesLimit)
      for _ in 0..<40 {
        var change = StateChange()
        change.counting = maker.delta()
        model.apply(change.counting)
        if maker.random.oneIn(4) {
          // As after a commit whose outcome is not known: merged with what follows, and written again.
          try store.commit(change)
          var later = StateChange()
          later.counting = maker.delta()
          change.merge(later)
          model.apply(change.counting)
        }
        try store.commit(change)
        if maker.random.oneIn(6) {
          store.close()
          store = try StateStore(.directory(folder), evidenceBytesLimit: bytesLimit)
          let next = try store.load().counting.nextEvidence
          #expect(next == (model.rows.map(\.id).max().map { $0 + 1 } ?? 0))
        }
        let query = maker.query()
        #expect(try store.evidence(query) == model.answer(query))
      }
    }
  }

  /// A smaller limit than that of the last run takes hold with the next evidence.
  @Test func aLowerLimitTakesHold() throws {
    try Files.withTemporaryFolder { folder in
      var maker = Maker(seed: 1)
      var model = Model(bytesLimit: 1_000)
      var store = try StateStore(.directory(folder))
      for limit in [1 << 20, 1_000] {
        store.close()
        store = try StateStore(.directory(folder), evidenceBytesLimit: limit)
        for _ in 0..<20 {
          var change = StateChange()
          change.counting = maker.delta()
          model.apply(change.counting)
          try store.commit(change)
        }
      }
      var all = EvidenceQuery()
      all.limit = EvidenceQuery.limit
      #expect(try store.evidence(all) == model.answer(all))
      #expect(!model.rows.isEmpty)
    }
  }
}
