import AWS
import Testing

@testable import Posture

/// What groups of log types mean, against a second reading of the rule, over every combination of small ones.
@Suite struct EKSLoggingTests {
  /// A group as it may be told: which types (by bits; nil where it does not say), and whether it is on.
  private struct Group: Hashable {
    let types: Int?
    let isEnabled: Bool?

    var setup: EKSCluster.LogSetup {
      EKSCluster.LogSetup(
        types: types.map { bits in EKSLogging.types.indices.filter { bits >> $0 & 1 == 1 }.map { EKSLogging.types[$0] }
        },
        isEnabled: isEnabled)
    }
  }

  private static let flags: [Bool?] = [true, false, nil]
  /// Every group over the five types.
  private static let groups: [Group] = ([nil] + (0..<32).map { $0 }).flatMap { types in
    flags.map { Group(types: types, isEnabled: $0) }
  }

  /// The oracle: decides each type by going through the groups once, in its own words.
  private static func state(of type: Int, in groups: [Group]) -> Bool? {
    var (isOn, isOff, isWhole, namesAny) = (false, false, true, false)
    for group in groups {
      guard let types = group.types else {
        isWhole = false
        continue
      }
      if types != 0 { namesAny = true }
      switch (group.isEnabled, types >> type & 1 == 1) {
      case (nil, _): isWhole = false
      case (true?, true): isOn = true
      case (false?, true): isOff = true
      default: break
      }
    }
    if isOn { return true }
    if isOff { return false }
    return isWhole && namesAny ? false : nil
  }

  private static func status(_ groups: [Group]) -> LoggingStatus {
    let states = (0..<5).map { state(of: $0, in: groups) }
    // The audit log is the first.
    if states[0] == nil { return .unknown }
    if states[0] == false { return .disabled }
    if states.contains(false) { return .degraded }
    return states.contains(nil) ? .unknown : .enabled
  }

  private static func facts(_ groups: [EKSCluster.LogSetup]?, clusterStatus: String = "ACTIVE") -> ClusterFacts {
    var facts = ClusterFacts(provider: .aws, account: "1", region: "eu-west-1", name: "c", label: "c")
    EKSLogging.fill(&facts, from: EKSCluster(name: "c", status: clusterStatus, logging: groups))
    return facts
  }

  /// No group, one and two: all of them; and three of those over two types. What is unknown is never taken for good, by
  /// status or by checks.
  @Test func everyCombinationOfGroups() {
    let few = Self.groups.filter { $0.types.map { $0 < 4 } ?? true }
    var rows: [[Group]] = [[]] + Self.groups.map { [$0] }
    for first in Self.groups { rows += Self.groups.map { [first, $0] } }
    for first in few { for second in few { rows += few.map { [first, second, $0] } } }
    var seen: [LoggingStatus: Int] = [:]
    for row in rows {
      let facts = Self.facts(row.map(\.setup))
      let wanted = Self.status(row)
      let states = (0..<5).map { Self.state(of: $0, in: row) }
      guard facts.logTypes.map(\.isExported) == states, LoggingStatus(facts) == wanted else {
        Issue.record("\(row): \(facts.logTypes), \(String(describing: LoggingStatus(facts))), not \(wanted)")
        return
      }
      seen[wanted, default: 0] += 1
      let deciding = CheckList.judge(facts).filter(\.isDeciding).map(\.finding)
      let isGood = deciding == [.satisfied, .satisfied]
      guard isGood == (wanted == .enabled) else {
        Issue.record("\(row): \(deciding) of \(wanted)")
        return
      }
    }
    #expect(seen.count == 4 && rows.count > 10_000, "\(seen)")
  }

  @Test func whatIsNotSaidIsUnknown() {
    let all = [EKSCluster.LogSetup(types: EKSLogging.types, isEnabled: true)]
    #expect(LoggingStatus(Self.facts(nil)) == .unknown)
    #expect(LoggingStatus(Self.facts([.init(types: ["events"], isEnabled: true)])) == .unknown)
    for status in ["CREATING", "DELETING", "FAILED", "PENDING", "", "NEW"] {
      let facts = Self.facts(all, clusterStatus: status)
      #expect(LoggingStatus(facts) == .unknown && facts.doubt == .notReady)
      #expect(CheckList.judge(facts).allSatisfy { $0.finding == .unknown(.notReady) })
    }
    for status in ["ACTIVE", "UPDATING"] { #expect(LoggingStatus(Self.facts(all, clusterStatus: status)) == .enabled) }
  }

  /// A cluster that runs elsewhere logs elsewhere.
  @Test func connectedClustersAreNotJudged() {
    var facts = ClusterFacts(provider: .aws, account: "", region: "eu-west-1", name: "c", label: "c")
    EKSLogging.fill(
      &facts,
      from: EKSCluster(name: "c", arn: "arn:aws:eks:eu-west-1:123:cluster/c", status: "ACTIVE", isConnected: true))
    #expect(LoggingStatus(facts) == nil && CheckList.judge(facts).isEmpty && facts.account == "123")
  }

  /// Whatever a failed call is, no status but `unknown` comes of it, with what was known before or without.
  @Test(arguments: Doubt.allCases) func aDoubtIsNoGoodState(_ doubt: Doubt) {
    for groups in [[], [EKSCluster.LogSetup(types: EKSLogging.types, isEnabled: true)]] {
      var facts = Self.facts(groups)
      facts.doubt = doubt
      if doubt != .notReported { #expect(LoggingStatus(facts) == .unknown) }
      if groups.isEmpty { #expect(LoggingStatus(facts) == .unknown) }
      #expect(!doubt.text.isEmpty && !doubt.remedy.isEmpty)
    }
  }

  @Test func whatFailsIsNamedWithItsRemedy() throws {
    let facts = Self.facts([
      .init(types: ["audit", "api", "authenticator"], isEnabled: true),
      .init(types: ["controllerManager", "scheduler"], isEnabled: false),
    ])
    let failed = CheckList.judge(facts).filter { $0.isDeciding && $0.finding != .satisfied }
    #expect(failed.map(\.rule) == ["EKS-003"])
    guard case .violated(let what, let remedy) = try #require(failed.first).finding else {
      return #expect(Bool(false))
    }
    #expect(what == "controllerManager, scheduler are off")
    #expect(remedy.hasSuffix("posture enable --cluster c --region eu-west-1 --types controllerManager,scheduler"))
  }

  /// Where a log is kept is advice: it changes no status.
  @Test func storesAreJudgedApart() {
    let all = [EKSCluster.LogSetup(types: EKSLogging.types, isEnabled: true)]
    func store(_ days: Int64?, isReadable: Bool = true) -> ClusterFacts.Store {
      .found(LogStore(name: "/aws/eks/c/cluster", retentionSeconds: days.map { $0 * 86_400 }, isReadable: isReadable))
    }
    let rows: [(ClusterFacts.Store, String)] = [
      (store(nil), ""), (store(90), ""), (store(89), "log-retention"), (store(1), "log-retention"),
      (store(nil, isReadable: false), "log-group"), (.missing, "log-group"),
      (.unknown(.accessDenied), "log-group"),
    ]
    for (store, wanted) in rows {
      var facts = Self.facts(all)
      facts.store = store
      let failed = CheckList.judge(facts).filter { $0.finding != .satisfied }
      #expect(failed.map(\.rule).joined() == wanted && !failed.contains(where: \.isDeciding), "\(store)")
      #expect(LoggingStatus(facts) == .enabled)
    }
    // Where nothing is exported there need not be a group.
    var off = Self.facts([.init(types: EKSLogging.types, isEnabled: false)])
    off.store = .missing
    #expect(!CheckList.judge(off).contains { $0.id == LogStoreCheck.id })
  }
}
