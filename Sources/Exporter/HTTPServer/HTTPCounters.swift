internal import Concurrency

/// How many answers were given, by route and status: `http_requests_total`.
///
/// Every answer that this program gives. What the library itself refuses while it reads the head (not HTTP, 414, 431, 505)
/// never reaches us and is not in here.
///
/// Bounded: a route's pattern, never a path, and the statuses that we answer with.
final class HTTPCounters: Sendable {
  struct Key: Hashable, Sendable {
    /// A route's pattern, or `(unknown)` where no route matched.
    let handler: String
    let code: Int
  }
  static let unknownHandler = "(unknown)"

  private let counts = Lock<[Key: UInt64]>([:])

  /// Shows a route with status 200 from the start.
  func declare(_ handler: String) { counts.withLock { $0[Key(handler: handler, code: 200), default: 0] += 0 } }

  func count(_ handler: String, _ code: Int) {
    counts.withLock { $0[Key(handler: handler, code: code), default: 0] += 1 }
  }

  /// In a fixed order: by handler, then by code.
  var all: [(key: Key, count: UInt64)] {
    counts.withLock { counts in
      counts.map { (key: $0.key, count: $0.value) }
    }.sorted { ($0.key.handler, $0.key.code) < ($1.key.handler, $1.key.code) }
  }
}
