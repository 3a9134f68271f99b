import Concurrency
import Diagnostics
import TestSupport
import Testing
import Transport

/// A script of answers, a clock that waits move, and what was waited.
private final class Scene: Sendable {
  enum Answer: Sendable {
    case status(Int, retryAfter: String? = nil)
    case fault(TransferFault.Kind)
  }
  struct State: Sendable {
    var answers: [Answer]
    var now: Microseconds = 0
    var waits: [Int] = []
    var sent = 0
  }
  let state: Lock<State>
  let stop = StopSignal()

  init(_ answers: [Answer]) { state = Lock(State(answers: answers)) }

  var waits: [Int] { state.withLock { $0.waits } }
  var sent: Int { state.withLock { $0.sent } }

  func caller(_ policy: CallPolicy, random: Double = 0.5, stopsAfter waitsLimit: Int = .max) -> Caller {
    let timing = CallTiming(
      monotonic: { [state] in state.withLock { $0.now } }, clock: Clock { [state] in state.withLock { $0.now } },
      wait: { [state] _, milliseconds in
        state.withLock { state in
          state.now += Microseconds(milliseconds) * 1000
          state.waits.append(milliseconds)
          return state.waits.count > waitsLimit
        }
      }, random: { random })
    return Caller(stop: stop, policy: policy, timing: timing) {
      [state] (_: HTTPRequest) throws(TransferFault) -> HTTPAnswer in
      let answer = state.withLock { state in
        state.sent += 1
        return state.answers.isEmpty ? Answer.status(200) : state.answers.removeFirst()
      }
      switch answer {
      case .status(let status, let retryAfter):
        return HTTPAnswer(status: status, headers: retryAfter.map { [Header("retry-after", $0)] } ?? [])
      case .fault(let kind): throw TransferFault(kind, "scripted")
      }
    }
  }
}

private let name = CallName(service: "logs", operation: "FilterLogEvents", region: "eu-west-1")

private func run(_ caller: Caller, attempts: Int? = nil) -> CallOutcome {
  do throws(CallFailure) {
    return try caller.call(name, attempts: attempts) {
      () throws(CallFailure) -> HTTPRequest in
      HTTPRequest("GET", "http://x/")
    } judge: { answer -> Verdict<CallOutcome> in
      switch answer.status {
      case 200: .success(.success)
      case 401: .mended(.denied, CallFailure(.denied, "expired"))
      case 403: .final(.denied, CallFailure(.denied, "no"))
      case 429: .again(.throttled, CallFailure(.throttled, "too many"))
      default: .again(.serverError, CallFailure(.serverError, "broken"))
      }
    }
  } catch { return error.outcome }
}

struct CallerTests {
  private struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let answers: [Scene.Answer]
    let outcome: CallOutcome
    let waits: [Int]
    let tokensLeft: Int
    var testDescription: String { name }
  }

  private static let rows = [
    Row(name: "at once", answers: [.status(200)], outcome: .success, waits: [], tokensLeft: 500),
    Row(name: "second try", answers: [.status(500)], outcome: .success, waits: [500], tokensLeft: 500),
    Row(
      name: "third try", answers: [.status(500), .status(429)], outcome: .success, waits: [500, 1000], tokensLeft: 495),
    Row(
      name: "no more tries", answers: [.status(500), .status(500), .status(503)], outcome: .serverError,
      waits: [500, 1000], tokensLeft: 490),
    Row(name: "refused", answers: [.status(403)], outcome: .denied, waits: [], tokensLeft: 500),
    Row(name: "mended once", answers: [.status(401)], outcome: .success, waits: [], tokensLeft: 500),
    Row(name: "mended twice", answers: [.status(401), .status(401)], outcome: .denied, waits: [], tokensLeft: 500),
    Row(
      name: "time-outs cost more", answers: [.fault(.timeout), .status(403)], outcome: .denied, waits: [500],
      tokensLeft: 490),
    Row(name: "unreachable", answers: [.fault(.unreachable)], outcome: .success, waits: [500], tokensLeft: 500),
    Row(name: "TLS is not tried again", answers: [.fault(.tls)], outcome: .tls, waits: [], tokensLeft: 500),
    Row(name: "nor what is too large", answers: [.fault(.tooLarge)], outcome: .tooLarge, waits: [], tokensLeft: 500),
    Row(
      name: "the server's word", answers: [.status(503, retryAfter: "3")], outcome: .success, waits: [3500],
      tokensLeft: 500),
    Row(
      name: "too long a word", answers: [.status(503, retryAfter: "61")], outcome: .serverError, waits: [],
      tokensLeft: 500),
  ]

  @Test(arguments: rows) private func triesAgainWhereItHelps(row: Row) {
    let scene = Scene(row.answers)
    let policy = CallPolicy()
    #expect(run(scene.caller(policy)) == row.outcome)
    #expect(scene.waits == row.waits)
    #expect(policy.budget.left == row.tokensLeft)
    let counted = policy.counts.all.filter { $0.value > 0 }
    #expect(counted.values.reduce(0, +) == UInt64(scene.sent), "every try is counted")
    #expect(counted.keys.contains { $0.outcome == row.outcome })
  }

  /// While all fails, calls are made once each as soon as the budget is spent.
  @Test func theBudgetEndsRetries() {
    let scene = Scene(Array(repeating: .status(500), count: 1000))
    let policy = CallPolicy(budget: RetryBudget(capacity: 50))
    for _ in 0..<100 { #expect(run(scene.caller(policy)) == .serverError) }
    #expect(scene.sent == 110 && policy.budget.left == 0)
    scene.state.withLock { $0.answers = [] }
    for _ in 0..<5 { #expect(run(scene.caller(policy)) == .success) }
    #expect(policy.budget.left == 5)
  }

  @Test func aStopEndsTheWaiting() {
    let scene = Scene([.status(500), .status(500)])
    #expect(run(scene.caller(CallPolicy(), stopsAfter: 0)) == .stopped)
    #expect(scene.sent == 1)
  }
}

struct BackoffTests {
  /// The wait is never more than the span, the spans double up to the cap, and both ends are reached.
  @Test func jitterIsFull() {
    let backoff = Backoff()
    #expect((1...8).map(backoff.spanMilliseconds) == [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000])
    for attempt in 1...100 {
      #expect(backoff.waitMilliseconds(after: attempt, retryAfter: nil, random: 0) == 0)
      let most = backoff.waitMilliseconds(after: attempt, retryAfter: nil, random: 0.999_999) ?? 0
      #expect(most <= backoff.spanMilliseconds(after: attempt) && most >= backoff.spanMilliseconds(after: attempt) - 1)
    }
  }

  /// Dates: against `date -u -d @N +'%a, %d %b %Y %H:%M:%S GMT'`.
  @Test(
    arguments: [
      ("0", 0), ("120", 120_000), ("99999999", 99_999_999_000), ("999999999999999999999", 31_536_000_000),
      ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000), ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000),
      ("Fri, 31 Dec 1999 23:59:60 GMT", 946_684_800_000), ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800_000),
      ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil), ("Sunday, 06-Nov-94 08:49:37 GMT", nil),
      ("Sun, 06 Nov 1994 08:49:37 CET", nil), ("Sun, 6 Nov 1994 08:49:37 GMT", nil),
      ("Sun, 06 Nov 1994 24:00:00 GMT", nil),
    ] as [(String, Int?)])
  func retryAfterIsSecondsOrADate(text: String, milliseconds: Int?) {
    #expect(RetryAfter.milliseconds(text, now: 0) == milliseconds)
    if let milliseconds, text.hasSuffix("GMT") {
      #expect(RetryAfter.milliseconds(text, now: Microseconds(milliseconds) * 1000 + 5_000_000) == 0)
    }
  }

  /// Against a calendar that counts day by day.
  @Test func daysAreThoseOfTheCalendar() {
    var days: Int64 = 0
    for year in Int64(1970)...2400 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for (month, length) in zip(
        Int64(1)..., [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as [Int64])
      {
        #expect(CalendarDays.count(year: year, month: month, day: 1) == days)
        days += length
      }
    }
  }
}

struct ThrottleTests {
  private static func key(_ n: Int) -> QuotaKey { QuotaKey(account: "1", region: "r\(n)", operation: "o") }

  /// In no span of time do more calls go out than the rate and the burst allow; and no call waits longer than it must.
  @Test(arguments: 0..<20) func neverMoreThanTheRate(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let throttle = Throttle()
    let rate = Throttle.Rate(perSecond: Double(random.pick(1...20)), burst: Double(random.pick(1...10)))
    var now: Microseconds = 0
    var sent: [Microseconds] = []
    for _ in 0..<400 {
      now += random.oneIn(10) ? Microseconds(random.below(5_000_000)) : Microseconds(random.below(100_000))
      let at = now + throttle.place(Self.key(0), rate, now: now)
      #expect(at >= sent.last ?? 0, "in the order in which they asked")
      sent.append(at)
    }
    for first in sent.indices {
      for last in first..<sent.count {
        let allowed = rate.burst + Double(sent[last] - sent[first]) / 1e6 * rate.perSecond
        #expect(Double(last - first + 1) <= allowed + 0.01)
      }
    }
  }

  @Test func keysDoNotShareAndAreBounded() {
    let throttle = Throttle()
    let rate = Throttle.Rate(perSecond: 1, burst: 1)
    for n in 0..<Throttle.keysLimit { #expect(throttle.place(Self.key(n), rate, now: 0) == 0) }
    // All are in use: new ones share a bucket.
    #expect(throttle.place(Self.key(-1), rate, now: 0) == 0)
    #expect(throttle.place(Self.key(-2), rate, now: 0) == 1_000_000)
    // All are full again, and make room.
    #expect(throttle.place(Self.key(-3), rate, now: 10_000_000) == 0)
    #expect(throttle.place(Self.key(-4), rate, now: 10_000_000) == 0)
  }

  @Test func aRefusalEmptiesTheBucket() {
    let throttle = Throttle()
    let rate = Throttle.Rate(perSecond: 2, burst: 10)
    #expect(throttle.place(Self.key(0), rate, now: 0) == 0)
    throttle.refused(Self.key(0), rate, now: 0)
    #expect(throttle.place(Self.key(0), rate, now: 0) == 500_000)
  }
}

struct CallCountsTests {
  @Test func namesAreBoundedAndTheSumIsExact() {
    let counts = CallCounts()
    for n in 0..<3000 { counts.add(CallName(service: "s", operation: "o", region: "r\(n)"), .success) }
    #expect(counts.all.count == CallCounts.namesLimit + 1)
    #expect(counts.all.values.reduce(0, +) == 3000)
    let rest = CallCounts.Key(name: CallName(service: "s", operation: "o", region: "(other)"), outcome: .success)
    #expect(counts.all[rest] == UInt64(3000 - CallCounts.namesLimit))
  }
}
