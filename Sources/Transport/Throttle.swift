internal import Concurrency
public import Diagnostics

/// What a quota is held for: services count calls by account, region and operation.
public struct QuotaKey: Sendable, Hashable {
  public let account: String
  public let region: String
  public let operation: String
  public init(account: String, region: String, operation: String) {
    self.account = account
    self.region = region
    self.operation = operation
  }
}

/// Keeps calls under the quotas of a service, over all threads of the process.
///
/// - Shape: one bucket for each key, filled at `rate` tokens a second up to `burst`. Who finds none is given a place in
///   line: its wait is known at once, so that nobody overtakes and nothing is polled.
/// - Limit: `keysLimit` buckets; beyond it full ones are dropped first, which changes nothing, and else the new key goes
///   without a bucket of its own and shares one with all such keys.
public final class Throttle: Sendable {
  /// What one quota allows.
  public struct Rate: Sendable, Equatable {
    /// Calls a second.
    public let perSecond: Double
    /// Calls that may come at once.
    public let burst: Double
    public init(perSecond: Double, burst: Double) {
      precondition(perSecond > 0 && burst >= 1, "a rate allows something")
      self.perSecond = perSecond
      self.burst = burst
    }
  }

  private struct Bucket {
    var tokens: Double
    var filled: Microseconds

    mutating func fill(_ rate: Rate, _ now: Microseconds) {
      let passed = max(0, now - filled)
      tokens = min(rate.burst, tokens + Double(passed) / 1e6 * rate.perSecond)
      filled = max(filled, now)
    }
  }

  public static let keysLimit = 4096
  private let buckets = Lock<[QuotaKey: Bucket]>([:])

  public init() {}

  /// Takes a place for one call. Answers how long to wait until it may go out, microseconds.
  ///
  /// - Parameter now: of a clock that never steps.
  public func place(_ key: QuotaKey, _ rate: Rate, now: Microseconds) -> Microseconds {
    buckets.withLock { buckets in
      let key = Self.admitted(key, &buckets, rate, now)
      var bucket = buckets[key] ?? Bucket(tokens: rate.burst, filled: now)
      bucket.fill(rate, now)
      bucket.tokens -= 1
      buckets[key] = bucket
      return bucket.tokens >= 0 ? 0 : Microseconds((-bucket.tokens / rate.perSecond * 1e6).rounded(.up))
    }
  }

  /// The service said that there were too many calls: others of the same quota spend it too, so the bucket is emptied, and
  /// the next call waits for a token of its own.
  public func refused(_ key: QuotaKey, _ rate: Rate, now: Microseconds) {
    buckets.withLock { buckets in
      guard var bucket = buckets[key] else { return }
      bucket.fill(rate, now)
      bucket.tokens = min(bucket.tokens, 0)
      buckets[key] = bucket
    }
  }

  private static let shared = QuotaKey(account: "", region: "", operation: "")

  private static func admitted(
    _ key: QuotaKey, _ buckets: inout [QuotaKey: Bucket], _ rate: Rate, _ now: Microseconds
  ) -> QuotaKey {
    guard buckets[key] == nil, buckets.count >= keysLimit else { return key }
    buckets = buckets.filter { entry in
      var bucket = entry.value
      bucket.fill(rate, now)
      return bucket.tokens < rate.burst
    }
    return buckets.count < keysLimit ? key : shared
  }
}
