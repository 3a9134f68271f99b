import AuditEvents
import Crypto
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Counting

/// What changes between two runs: settings, keys, versions; and what a delta holds.
struct RestoreTests {
  static let start = CountersTests.start

  static func settings(_ change: (inout CountingSettings) -> Void = { _ in }) -> CountingSettings {
    var settings = CountingSettings()
    settings.inputs = ["file", "webhook"]
    change(&settings)
    return settings
  }

  static func stored(_ counters: inout Counters) -> CountingState {
    var store = StateStore()
    store.apply(counters.takeDelta())
    var random = SplitMix64(seed: 1)
    return store.state(&random)
  }

  static func refuse(
    _ counters: inout Counters, _ cluster: String = "c", user: String, from address: String = "192.0.2.1",
    at seconds: Int64 = 0, input: Int = 0, code: UInt16 = 403
  ) {
    let cluster = counters.cluster(named: cluster)
    let time = start + seconds * 1_000_000
    let event = TestEvent(
      code: code, decision: .forbid, user: user, sourceIPs: [address], seconds: Double(time) / 1e6)
    _ = event.withEvent { counters.count($0, cluster: cluster, input: input, arrival: time) }
  }

  @Test func aDeltaHoldsWhatChangedAndNoMore() {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    #expect(counters.takeDelta().isEmpty)
    for i in 0..<500 { Self.refuse(&counters, user: "u\(i)", from: "10.0.\(i / 50).1") }
    let first = counters.takeDelta()
    #expect(first.series.allSatisfy { $0.labels != nil } && first.series.count > 500 && first.removed.isEmpty)
    #expect(counters.takeDelta().isEmpty)
    Self.refuse(&counters, user: "u7", from: "10.0.0.1", at: 1)
    let second = counters.takeDelta()
    // The total, the refusal, and the source IP of the refused user.
    #expect(second.series.count == 3 && second.series.allSatisfy { $0.labels == nil })
    #expect(Set(second.records.map(\.key)) == ["feed/0/file", "traffic/0", "clock"])
    // The first reading shows series in windows; another one changes nothing but its number.
    _ = counters.readings(now: Self.start)
    #expect(counters.takeDelta().series.count >= 500)
    _ = counters.readings(now: Self.start)
    let third = counters.takeDelta()
    #expect(third.series.isEmpty && third.removed.isEmpty && third.records.map(\.key) == ["clock"])
  }

  @Test func rowsAreSmall() {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    for i in 0..<1000 { Self.refuse(&counters, user: "u\(i % 50)", at: Int64(i * 3)) }
    let rows = counters.takeDelta().series
    for row in rows where row.family == PersistedFamily.denied.rawValue { #expect(row.data.count < 150) }
    #expect(rows.count > 50)
  }

  @Test func inputsAreKnownByName() throws {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    Self.refuse(&counters, user: "a", at: 1, input: 0)
    Self.refuse(&counters, user: "a", at: 2, input: 1)
    Self.refuse(&counters, user: "a", at: -100_000, input: 1)
    let state = Self.stored(&counters)
    let settings = Self.settings { $0.inputs = ["stdin", "webhook"] }
    var other = try Counters(settings: settings, key: SipKey(1, 2), restoring: state)
    let readings = other.readings(now: Self.start)
    let late = readings[.eventsLate].rows.map { (readings[.eventsLate].value(of: .input, in: $0) ?? "", $0.value) }
    #expect(late.map(\.0) == ["stdin", "webhook"] && late.map(\.1) == [0, 1])
    #expect(CountersTests.rows(readings[.clusterLastEvent]).map { $0[.input] } == ["webhook"])
    // The one that is gone is there again when it comes back.
    var store = StateStore()
    store.apply(counters.takeDelta())
    var back = try Counters(settings: Self.settings(), key: SipKey(1, 2), restoring: state)
    #expect(CountersTests.rows(back.readings(now: Self.start)[.clusterLastEvent]).count == 2)
  }

  @Test func windowsAreKnownByLength() throws {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    for i in 0..<40 { Self.refuse(&counters, user: "u\(i)", at: Int64(i)) }
    _ = counters.readings(now: Self.start + 40_000_000)
    let state = Self.stored(&counters)
    let settings = Self.settings {
      $0.windows = [WindowSpan(name: "2h", seconds: 7200), WindowSpan(name: "five", seconds: 300)]
    }
    var other = try Counters(settings: settings, key: SipKey(1, 2), restoring: state)
    let windows = other.readings(now: Self.start + 40_000_000)[.windowRequests]
    #expect(windows.rows.map { windows.value(of: .window, in: $0) } == ["five"])
    #expect(windows.rows.map(\.value) == [40])
    // What is left of the others is gone for good: they come back empty.
    var store = StateStore()
    store.apply(CountingDelta(state))
    store.apply(other.takeDelta())
    var random = SplitMix64(seed: 1)
    var back = try Counters(settings: Self.settings(), key: SipKey(1, 2), restoring: store.state(&random))
    let again = back.readings(now: Self.start + 40_000_000)
    for set in [again[.windowRequests], again[.windowDeniedRequests]] {
      #expect(Set(set.rows.map { set.value(of: .window, in: $0) }) == ["5m"])
    }
    #expect(CountersTests.total(again[.deniedRequests]) == 40)
  }

  @Test func whatIsBeyondALowerLimitStays() throws {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    for i in 0..<60 { Self.refuse(&counters, "c\(i % 6)", user: "u\(i)", from: "10.0.0.\(i % 20)") }
    let state = Self.stored(&counters)
    let settings = Self.settings {
      $0.clusterLimit = 2
      $0.limits.denied = FamilyLimit(perCluster: 3, inAll: 10)
      $0.limits.distinctUsers = FamilyLimit(perCluster: 1, inAll: 1)
    }
    var other = try Counters(settings: settings, key: SipKey(1, 2), restoring: state)
    let before = ReadingsText.lines(counters.readings(now: Self.start)).filter { !$0.hasPrefix("limit") }
    let after = ReadingsText.lines(other.readings(now: Self.start)).filter { !$0.hasPrefix("limit") }
    #expect(before == after)
    Self.refuse(&other, "c0", user: "new")
    Self.refuse(&other, "another", user: "new")
    let readings = other.readings(now: Self.start)
    #expect(CountersTests.total(readings[.deniedRequests]) == 62)
    #expect(!CountersTests.rows(readings[.deniedRequests]).contains { $0[.user] == "new" })
    #expect(CountersTests.rows(readings[.requests]).contains { $0[.cluster] == "(other)" })
  }

  static func failure(_ settings: CountingSettings, _ key: SipKey, _ state: CountingState) -> Failure? {
    do throws(Failure) {
      _ = try Counters(settings: settings, key: key, restoring: state)
      return nil
    } catch {
      return error
    }
  }

  @Test func whatCannotBeIsRefusedAndSaysWhy() {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    Self.refuse(&counters, user: "a")
    Self.refuse(&counters, user: "b")
    let state = Self.stored(&counters)
    #expect(Self.failure(Self.settings(), SipKey(1, 2), CountingState()) == nil)
    #expect(Self.failure(Self.settings(), SipKey(1, 2), state) == nil)
    #expect(Self.failure(Self.settings(), SipKey(1, 3), state)?.what == "the counts were written with another key")
    func changed(_ change: (inout CountingState) -> Void) -> Failure? {
      var state = state
      change(&state)
      return Self.failure(Self.settings(), SipKey(1, 2), state)
    }
    #expect(changed { $0.records.removeAll { $0.key == "clock" } }?.what == "the clock is missing")
    #expect(changed { $0.records.removeAll { $0.key == "cluster/0" } } != nil)
    #expect(changed { $0.series.append($0.series[0]) }?.what.hasSuffix("it is there twice") == true)
    let newer = changed { state in
      let row = state.series[0]
      state.series[0] = SeriesRow(
        family: row.family, place: row.place, labels: row.labels, count: row.count, data: [2] + row.data.dropFirst())
    }
    #expect(newer?.remedy == "A later version of this program wrote it: start that one")
  }

  @Test(arguments: [
    "", "k8s_cluster=\"c\"", "k8s_cluster=\"d\",verb=\"get\",code=\"403\"", "k8s_cluster=\"c\",verb=\"get\",code=\"403",
    "k8s_cluster=\"c\",verb=\"get\",code=\"403\",", "k8s_cluster=\"c\",verb=\"get\",code=\"403\\\"",
    "k8s_cluster=\"c\",verb=\"g\nt\",code=\"403\"", "k8s_cluster=\"c\",verb=\"get\",user=\"403\"",
    "k8s_cluster=\"c\",verb=\"\\t\",code=\"403\"", "k8s_cluster=\"c\",verb=\"get\",code=\"403\"\n# HELP x",
  ])
  func labelsThatWouldSpoilTheScrapeAreRefused(_ labels: String) {
    var counters = Counters(settings: Self.settings(), key: SipKey(1, 2))
    Self.refuse(&counters, user: "a")
    var state = Self.stored(&counters)
    for (i, row) in state.series.enumerated() where row.family == PersistedFamily.requests.rawValue {
      state.series[i] = SeriesRow(
        family: row.family, place: row.place, labels: Array(labels.utf8), count: row.count, data: row.data)
    }
    #expect(Self.failure(Self.settings(), SipKey(1, 2), state) != nil)
  }

  /// The series that folded a network is gone, one that was written before lives: the network stays folded.
  @Test func aFoldedNetworkStaysFolded() throws {
    let settings = Self.settings {
      $0.idleSeconds = 60
      $0.windows = [WindowSpan(name: "1h", seconds: 3600)]
      $0.limits.seriesPerIPv6Network = 2
      $0.limits.denied = FamilyLimit(perCluster: 2, inAll: 2)
    }
    var living = Counters(settings: settings, key: SipKey(1, 2))
    var store = StateStore()
    Self.refuse(&living, user: "a", from: "2001:db8::1")
    _ = living.readings(now: Self.start)
    store.apply(living.takeDelta())
    let old = TestEvent(
      code: 403, decision: .forbid, user: "a", sourceIPs: ["2001:db8::2"], seconds: Double(Self.start) / 1e6 - 3_500)
    let cluster = living.cluster(named: "c")
    _ = old.withEvent { living.count($0, cluster: cluster, input: 0, arrival: Self.start) }
    store.apply(living.takeDelta())
    living.scraped(living.readings(now: Self.start + 1_000_000).number)
    // The second series is idle, and no window reaches it: it leaves. The first is in a window.
    let readings = living.readings(now: Self.start + 1_000_000_000)
    #expect(CountersTests.rows(readings[.deniedRequests]).map { $0[.sourceIP] } == ["2001:db8::1"])
    store.apply(living.takeDelta())
    var random = SplitMix64(seed: 1)
    var mortal = try Counters(settings: settings, key: SipKey(1, 2), restoring: store.state(&random))
    Self.refuse(&living, user: "a", from: "2001:db8::3", at: 1_000)
    Self.refuse(&mortal, user: "a", from: "2001:db8::3", at: 1_000)
    let now = Self.start + 1_000_000_000
    let shown = living.readings(now: now)
    #expect(CountersTests.rows(shown[.deniedRequests]).map { $0[.sourceIP] } == ["2001:db8::1", "2001:db8::/64"])
    #expect(ReadingsText.lines(mortal.readings(now: now)) == ReadingsText.lines(shown))
  }

  /// Floods that make the sketch coarse, restored piece by piece, estimate as if nothing had happened.
  @Test(arguments: [100_000, 3_000, 400]) func sketchesGoOn(_ entries: Int) throws {
    let settings = Self.settings {
      $0.windows = [WindowSpan(name: "5m", seconds: 300), WindowSpan(name: "1h", seconds: 3600)]
      $0.limits.sketchEntries = entries
    }
    var living = Counters(settings: settings, key: SipKey(3, 4))
    var mortal = Counters(settings: settings, key: SipKey(3, 4))
    var store = StateStore()
    var random = SplitMix64(seed: UInt64(entries))
    for round in 0..<12 {
      // After a pause what one cluster has is old, but not yet dropped, while the other one goes on.
      let quiet = Int64(round / 4) * 3_500
      for i in 0..<1_500 {
        let address = "10.0.0.\(random.below(round % 3 == 0 ? 60 : 2))"
        let user = "u\(random.below(round * 400 + 200))"
        let seconds = quiet + Int64(round * 60 + i / 50)
        Self.refuse(&living, "c\(round / 2 % 2)", user: user, from: address, at: seconds)
        Self.refuse(&mortal, "c\(round / 2 % 2)", user: user, from: address, at: seconds)
      }
      #expect(mortal.distinct.sketch.count == living.distinct.sketch.count)
      #expect(mortal.distinct.sketch.precision == living.distinct.sketch.precision)
      let now = Self.start + (quiet + Int64(round * 60 + 40)) * 1_000_000
      #expect(ReadingsText.lines(mortal.readings(now: now)) == ReadingsText.lines(living.readings(now: now)))
      store.apply(mortal.takeDelta())
      mortal = try Counters(settings: settings, key: SipKey(3, 4), restoring: store.state(&random))
    }
    #expect(store.complaints.isEmpty)
    let isCoarse = living.distinct.sketch.precision < (entries == 400 ? 8 : UserSketch.fullPrecision)
    #expect(isCoarse == (entries < 100_000))
  }
}

extension CountingDelta {
  /// All of a state.
  init(_ state: CountingState) {
    self.init()
    series = state.series
    records = state.records
  }
}
