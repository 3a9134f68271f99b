internal import Concurrency

/// What all calls of a process may spend on retries: while nearly everything fails, retries stop, and the service that is
/// down is asked once a call instead of three times.
///
/// - Shape: a bucket of `capacity` tokens. A retry takes `retryCost`, after a time-out `timeoutCost`; a success gives back
///   what its last retry took, and 1 when it needed none.
/// - Source: the AWS SDKs' standard mode, retry quota.
public final class RetryBudget: Sendable {
  public static let capacity = 500
  public static let retryCost = 5
  public static let timeoutCost = 10

  private let tokens: Lock<Int>

  public init(capacity: Int = capacity) { tokens = Lock(capacity) }

  /// Tokens left.
  public var left: Int { tokens.withLock { $0 } }

  /// Takes the cost of a retry, or refuses.
  public func take(_ cost: Int) -> Bool {
    tokens.withLock { tokens in
      guard tokens >= cost else { return false }
      tokens -= cost
      return true
    }
  }

  /// A call succeeded whose last retry took `cost`; 0 when it needed none.
  public func giveBack(_ cost: Int) {
    tokens.withLock { $0 = min(Self.capacity, $0 + max(cost, 1)) }
  }
}
