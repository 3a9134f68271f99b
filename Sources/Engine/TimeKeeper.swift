public import Diagnostics

/// How the system's clock was set while the exporter ran.
public enum ClockStep: Sendable, Equatable {
  /// So far that windows do not wait until it has caught up: they begin anew.
  case back(by: Microseconds)
  /// Or the machine was asleep. Windows drain at once.
  case forward
}

/// The system's clock beside one that is never set.
///
/// Windows go by the system's clock, for events do. Digests do not: a clock that is set forward must not make a redelivery
/// look new.
struct TimeKeeper {
  /// What the system's clock may gain in one look without being said.
  static let leapLimit: Microseconds = 120_000_000

  private(set) var wall: Microseconds
  private var steady: Microseconds
  /// The time that digests are kept by: it begins with the system's, or where it was before a restart, and is never set.
  private(set) var digestTime: Microseconds

  /// - Parameter newest: when the newest digest came that was restored.
  init(_ wall: Microseconds, _ steady: Microseconds, digestsUntil newest: Microseconds) {
    (self.wall, self.steady) = (wall, steady)
    digestTime = max(wall, newest)
  }

  /// Takes note of what the clocks show. Answers whether the system's was set forward.
  mutating func look(_ wall: Microseconds, _ steady: Microseconds) -> Bool {
    let passed = max(0, steady - self.steady)
    let gained = wall - self.wall - passed
    digestTime += passed
    (self.wall, self.steady) = (wall, steady)
    return gained > Self.leapLimit
  }
}
