#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Microseconds since the Unix epoch, UTC. Negative before 1970. The one unit of event and arrival time.
public typealias Microseconds = Int64

/// Where the time comes from. The pure modules take time as an argument; only loops and wiring read a clock, and tests
/// hold one.
public struct Clock: Sendable {
  private let read: @Sendable () -> Microseconds

  public init(_ read: @escaping @Sendable () -> Microseconds) { self.read = read }

  /// The time of the system's clock.
  public var now: Microseconds { read() }

  /// The machine's real-time clock.
  public static let system = Clock { Clock.read(CLOCK_REALTIME) }

  /// Microseconds of a clock that never steps, for deadlines and durations; its zero is arbitrary.
  public static var monotonic: Microseconds { read(CLOCK_MONOTONIC) }

  private static func read(_ id: clockid_t) -> Microseconds {
    var t = timespec()
    unsafe clock_gettime(id, &t)
    return Int64(t.tv_sec) * 1_000_000 + Int64(t.tv_nsec) / 1_000
  }
}
