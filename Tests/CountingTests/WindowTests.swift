import AuditEvents
import Crypto
import Metrics
import Testing

@testable import Counting

/// Windows and their edge, where time is chosen by hand.
struct WindowTests {
  static let start: Int64 = 1_700_000_100
  static let span = WindowSpan(name: "5m", seconds: 300)

  static func counters(maxLag: Int64? = 900, replay: Bool = false) -> Counters {
    var settings = CountingSettings()
    settings.windows = [span]
    settings.maxLagSeconds = maxLag
    settings.followsEventTime = replay
    settings.inputs = ["file", "webhook"]
    return Counters(settings: settings, key: SipKey(1, 2))
  }

  @discardableResult
  static func count(
    _ counters: inout Counters, _ cluster: ClusterIndex, event: Int64?, arrival: Int64, input: Int = 0
  ) -> Counted {
    let event = TestEvent(seconds: event.map { Double($0) })
    return event.withEvent { counters.count($0, cluster: cluster, input: input, arrival: arrival * 1_000_000) }
  }

  static func value(_ counters: inout Counters, at second: Int64) -> Double {
    counters.readings(now: second * 1_000_000)[.windowRequests].rows.first?.value ?? 0
  }

  /// One event, every second around the window's end: it counts while p(now) − 30 ≤ p(e), for every phase of a pane.
  @Test func theWindowEndsToTheSecond() {
    for phase in Int64(0)..<10 {
      let event = Self.start + phase
      for age in Int64(280)..<325 {
        var counters = Self.counters()
        let cluster = counters.cluster(named: "c")
        Self.count(&counters, cluster, event: event, arrival: event)
        let isIn = (event + age) / 10 - 30 <= event / 10
        #expect(Self.value(&counters, at: event + age) == (isIn ? 1 : 0), "phase \(phase), age \(age)")
        // Never under-reading, over-reading by less than a pane.
        if age < 300 { #expect(isIn) }
        if age >= 310 { #expect(!isIn) }
      }
    }
  }

  @Test func aFeedThreeMinutesBehindShowsFullWindows() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    for second in Int64(0)..<1200 {
      Self.count(&counters, cluster, event: Self.start + second, arrival: Self.start + second + 180)
    }
    let value = Self.value(&counters, at: Self.start + 1199 + 180)
    // A window of 300 s, in whole panes.
    #expect(value >= 300 && value <= 310)
    // Then it is idle, and drains.
    #expect(Self.value(&counters, at: Self.start + 1199 + 180 + 320) == 0)
  }

  @Test func aMonthOfBacklogPagesNobody() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    let now = Self.start + 30 * 86_400
    for i in Int64(0)..<1000 {
      let counted = Self.count(&counters, cluster, event: Self.start + i * 60, arrival: now + i / 100)
      #expect(counted.isLate && counted.isRequest)
      #expect(Self.value(&counters, at: now + i / 100) == 0)
    }
    let readings = counters.readings(now: (now + 10) * 1_000_000)
    #expect(readings[.requests].rows.map(\.value) == [1000])
    #expect(readings[.eventsLate].rows.map(\.value) == [1000, 0])
    #expect(readings[.eventLag].rows.map(\.value) == [900])
  }

  /// The slower of two inputs holds the edge back, until it has been silent for the maximum.
  @Test func theLargestLagOfInputsThatAreHeardCounts() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    Self.count(&counters, cluster, event: Self.start - 600, arrival: Self.start, input: 1)
    // Every second an event; the first ones are outside a window that ends now, inside one that ends 600 s before.
    for second in Int64(0)...700 {
      Self.count(&counters, cluster, event: Self.start + second, arrival: Self.start + second)
    }
    #expect(Self.value(&counters, at: Self.start + 700) == 701)
    #expect(Self.value(&counters, at: Self.start + 900) > 650)
    // One second after the slow one was last heard 15 minutes ago, only the fast one counts.
    #expect(Self.value(&counters, at: Self.start + 901) < 150)
  }

  @Test func whatComesFromTheFutureIsOfNow() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    #expect(!Self.count(&counters, cluster, event: Self.start + 60, arrival: Self.start).isSkewed)
    #expect(Self.count(&counters, cluster, event: Self.start + 61, arrival: Self.start).isSkewed)
    #expect(!Self.count(&counters, cluster, event: nil, arrival: Self.start).isSkewed)
    let readings = counters.readings(now: Self.start * 1_000_000)
    #expect(readings[.windowRequests].rows.map(\.value) == [3])
    #expect(readings[.eventsSkewed].rows.map(\.value) == [1, 0])
    #expect(readings[.clusterLastEvent].rows.map(\.value) == [Double(Self.start)])
  }

  @Test func timesBeyondAllReasonDoNoHarm() {
    for time in [Int64.min + 1, -1, 0, 4_294_967_295_000_000, Int64.max] {
      for arrival in [Int64.min, 0, 1_700_000_000_000_000, Int64.max] {
        var counters = Self.counters()
        let cluster = counters.cluster(named: "c")
        var event = AuditEvent()
        event.stage = .responseComplete
        event.code = 200
        event.time = time
        #expect(counters.count(event, cluster: cluster, input: 0, arrival: arrival).isRequest)
        #expect(counters.readings(now: arrival)[.requests].rows.map(\.value) == [1])
      }
    }
  }

  /// In a replay the clock is the newest event time; what is read late from an old file is late.
  @Test func aReplayFollowsEventTime() {
    var counters = Self.counters(maxLag: nil, replay: true)
    let cluster = counters.cluster(named: "c")
    for second in Int64(0)..<600 { Self.count(&counters, cluster, event: Self.start + second, arrival: 1) }
    #expect(Self.value(&counters, at: 5) == 310)
    #expect(Self.count(&counters, cluster, event: Self.start, arrival: 1).isLate)
    #expect(!Self.count(&counters, cluster, event: Self.start + 590, arrival: 1).isLate)
    #expect(Self.value(&counters, at: 5) == 311)
  }

  /// Panes are kept while they are in reach and given back after: a year of events leaves what an hour needs.
  @Test func panesAreGivenBack() {
    var counters = Self.counters()
    let cluster = counters.cluster(named: "c")
    for i in Int64(0)..<100_000 {
      let second = Self.start + i * 300
      Self.count(&counters, cluster, event: second, arrival: second)
      Self.count(&counters, cluster, event: second - i % 300, arrival: second)
    }
    #expect(counters.panes.blockCount < 64)
  }
}
