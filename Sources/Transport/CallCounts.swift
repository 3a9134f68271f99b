internal import Concurrency

/// How a call ended, one try each: the label `outcome`.
public enum CallOutcome: String, Sendable, CaseIterable {
  case success
  /// The service said that there were too many calls.
  case throttled
  /// Credentials or rights: the same call will be refused again.
  case denied
  /// The service refused it for another reason.
  case refused
  /// The service failed: 5xx.
  case serverError = "server_error"
  case unreachable, timeout, tls, broken
  case tooLarge = "too_large"
  /// What came is not what the service's protocol has.
  case unreadable
  /// The process is stopping.
  case stopped
}

/// What a call is counted under.
public struct CallName: Sendable, Hashable {
  /// `logs`, `sts`, `eks`.
  public let service: String
  /// `FilterLogEvents`.
  public let operation: String
  /// Empty where there is none: the machine's own metadata, say.
  public let region: String
  public init(service: String, operation: String, region: String) {
    self.service = service
    self.operation = operation
    self.region = region
  }
}

/// Every try of every call, by service, operation, region and outcome.
///
/// - Limit: names are words of this program and configured regions; beyond `namesLimit` of them a try counts under the
///   region `(other)`, so that the sum stays exact.
public final class CallCounts: Sendable {
  /// One series.
  public struct Key: Sendable, Hashable {
    public let name: CallName
    public let outcome: CallOutcome
    public init(name: CallName, outcome: CallOutcome) {
      self.name = name
      self.outcome = outcome
    }
  }

  public static let namesLimit = 1024
  private struct State {
    var names: Set<CallName> = []
    var counts: [Key: UInt64] = [:]
  }
  private let state = Lock(State())

  public init() {}

  public var all: [Key: UInt64] { state.withLock { $0.counts } }

  /// These calls may come: their successes and refusals begin at 0, so that the first one is a rise.
  public func begin(_ name: CallName) {
    state.withLock { state in
      let name = Self.admitted(name, &state)
      for outcome in [CallOutcome.success, .throttled, .denied] {
        state.counts[Key(name: name, outcome: outcome), default: 0] += 0
      }
    }
  }

  public func add(_ name: CallName, _ outcome: CallOutcome) {
    state.withLock { state in
      state.counts[Key(name: Self.admitted(name, &state), outcome: outcome), default: 0] += 1
    }
  }

  private static func admitted(_ name: CallName, _ state: inout State) -> CallName {
    if state.names.contains(name) { return name }
    guard state.names.count < namesLimit else {
      return CallName(service: name.service, operation: name.operation, region: "(other)")
    }
    state.names.insert(name)
    return name
  }
}
