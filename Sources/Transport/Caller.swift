public import Concurrency
public import Diagnostics

/// What the callers of a process share: how much they may ask, and how it went.
public struct CallPolicy: Sendable {
  public var backoff: Backoff
  public let budget: RetryBudget
  public let throttle: Throttle
  public let counts: CallCounts

  public init(
    backoff: Backoff = Backoff(), budget: RetryBudget = RetryBudget(), throttle: Throttle = Throttle(),
    counts: CallCounts = CallCounts()
  ) {
    self.backoff = backoff
    self.budget = budget
    self.throttle = throttle
    self.counts = counts
  }
}

/// Time and chance, which tests hold.
public struct CallTiming: Sendable {
  /// Microseconds of a clock that never steps.
  public let monotonic: @Sendable () -> Microseconds
  /// The date.
  public let clock: Clock
  /// Waits so many milliseconds, but no longer than until the signal is raised. Answers whether it is.
  public let wait: @Sendable (StopSignal, Int) -> Bool
  /// From 0 up to 1.
  public let random: @Sendable () -> Double

  public init(
    monotonic: @escaping @Sendable () -> Microseconds, clock: Clock,
    wait: @escaping @Sendable (StopSignal, Int) -> Bool, random: @escaping @Sendable () -> Double
  ) {
    self.monotonic = monotonic
    self.clock = clock
    self.wait = wait
    self.random = random
  }

  /// The machine's.
  public static let system = CallTiming(
    monotonic: { Clock.monotonic }, clock: .system,
    wait: { stop, milliseconds in stop.wait(milliseconds: Int32(clamping: milliseconds)) },
    random: { Double.random(in: 0..<1) })
}

/// What a service's protocol makes of an answer.
public enum Verdict<Value: Sendable>: Sendable {
  case success(Value)
  /// Try again, if there is a try left.
  case again(CallOutcome, CallFailure)
  /// Try again at once, once in a call and at no cost: the reason was mended meanwhile (a clock that was wrong, credentials
  /// that ran out).
  case mended(CallOutcome, CallFailure)
  /// The same request will be answered the same.
  case final(CallOutcome, CallFailure)
}

/// Why a call failed, for people and for what is done about it. Holds no secret.
public struct CallFailure: Error, Sendable, Equatable {
  public let outcome: CallOutcome
  /// The service's own word for it, `ResourceNotFoundException`; empty when there is none.
  public let code: String
  public let text: String
  public init(_ outcome: CallOutcome, code: String = "", _ text: String) {
    self.outcome = outcome
    self.code = code
    self.text = text
  }
}

/// Sends calls of one thread: throttled, counted, and tried again where that makes sense.
public final class Caller {
  public let policy: CallPolicy
  public let timing: CallTiming
  private let send: (HTTPRequest) throws(TransferFault) -> HTTPAnswer
  private let stop: StopSignal

  public init(_ client: HTTPClient, policy: CallPolicy, timing: CallTiming = .system) {
    self.policy = policy
    self.timing = timing
    stop = client.stop
    send = { (request: HTTPRequest) throws(TransferFault) -> HTTPAnswer in try client.send(request) }
  }

  /// The same over something else that sends; for tests.
  public init(
    stop: StopSignal, policy: CallPolicy, timing: CallTiming,
    send: @escaping (HTTPRequest) throws(TransferFault) -> HTTPAnswer
  ) {
    self.policy = policy
    self.timing = timing
    self.stop = stop
    self.send = send
  }

  /// Makes one call, in as many tries as it takes and the policy allows.
  ///
  /// - Parameters:
  ///   - quota: what it is throttled by; nil for none.
  ///   - attempts: tries in all, where it is not the policy's number.
  ///   - prepare: makes the request of one try: a signature holds for one moment.
  ///   - judge: what an answer means.
  public func call<Value: Sendable>(
    _ name: CallName, quota: (key: QuotaKey, rate: Throttle.Rate)? = nil, attempts: Int? = nil,
    prepare: () throws(CallFailure) -> HTTPRequest, judge: (HTTPAnswer) -> Verdict<Value>
  ) throws(CallFailure) -> Value {
    var attempt = 1
    var spent = 0
    var wasMended = false
    while true {
      try waitInLine(quota)
      let (verdict, retryAfter) = attemptOnce(try prepare(), judge)
      switch verdict {
      case .success(let value):
        policy.counts.add(name, .success)
        policy.budget.giveBack(spent)
        return value
      case .final(let outcome, let failure):
        policy.counts.add(name, outcome)
        throw failure
      case .mended(let outcome, let failure):
        policy.counts.add(name, outcome)
        guard !wasMended else { throw failure }
        wasMended = true
      case .again(let outcome, let failure):
        policy.counts.add(name, outcome)
        if outcome == .throttled, let quota { policy.throttle.refused(quota.key, quota.rate, now: timing.monotonic()) }
        guard attempt < attempts ?? policy.backoff.attemptsLimit else { throw failure }
        spent = outcome == .timeout ? RetryBudget.timeoutCost : RetryBudget.retryCost
        let wait = policy.backoff.waitMilliseconds(after: attempt, retryAfter: retryAfter, random: timing.random())
        guard let wait, policy.budget.take(spent) else { throw failure }
        try pause(wait)
        attempt += 1
      }
    }
  }

  /// What came of one try, and when the service wants to be asked again.
  private func attemptOnce<Value: Sendable>(
    _ request: HTTPRequest, _ judge: (HTTPAnswer) -> Verdict<Value>
  ) -> (Verdict<Value>, retryAfter: Int?) {
    do throws(TransferFault) {
      let answer = try send(request)
      let header = answer.header("retry-after")
      return (judge(answer), header.flatMap { RetryAfter.milliseconds($0, now: timing.clock.now) })
    } catch {
      let failure = CallFailure(error.outcome, error.text)
      return (error.isTransient ? .again(error.outcome, failure) : .final(error.outcome, failure), nil)
    }
  }

  private func waitInLine(_ quota: (key: QuotaKey, rate: Throttle.Rate)?) throws(CallFailure) {
    guard let quota else { return }
    let wait = policy.throttle.place(quota.key, quota.rate, now: timing.monotonic())
    if wait > 0 { try pause(Int((wait + 999) / 1000)) }
  }

  private func pause(_ milliseconds: Int) throws(CallFailure) {
    if timing.wait(stop, milliseconds) { throw CallFailure(.stopped, "stopping") }
  }
}

extension TransferFault {
  /// What it counts as.
  public var outcome: CallOutcome {
    switch kind {
    case .stopped: .stopped
    case .unreachable: .unreachable
    case .timeout: .timeout
    case .tls: .tls
    case .tooLarge: .tooLarge
    case .broken: .broken
    case .malformed: .refused
    }
  }
}
