internal import Concurrency

/// Everybody who is connected to one address. When it gets crowded, those go who keep a place and want nothing.
///
/// Without this, connections that say nothing, or begin a handshake and stop, would fill the limit and shut out whoever
/// scrapes.
///
/// - Bound: from `limit` connections on, each new one costs the place of an old one, if any may go.
/// - Order: first those that were never answered with success, then idle ones that were, then those that send a body that was
///   admitted, then those that are being sent what they asked for; of each kind the one that has been so for longest: a
///   scraper reads in an instant. Whoever waits for an answer stays.
final class ConnectionCrowd: Sendable {
  enum Standing: Int, Sendable {
    /// In the handshake, idle, or sending a head, and never served yet.
    case stranger
    /// The same, but served before.
    case guest
    /// Its body was admitted and is arriving.
    case sending
    /// Its answer is being sent, and it is no refusal.
    case receiving
    /// Its request has arrived and its answer is being made.
    case waiting
  }
  private struct Place {
    let watch: ConnectionWatch
    var standing: Standing
    var since: UInt64
  }
  private struct State {
    var places: [ObjectIdentifier: Place] = [:]
    var clock: UInt64 = 0
  }
  private let state = Lock(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// A new connection.
  func join(_ watch: ConnectionWatch) {
    let leaver = state.withLock { state -> ConnectionWatch? in
      let leaver = state.places.count < limit ? nil : Self.leaver(&state)
      state.clock += 1
      state.places[ObjectIdentifier(watch)] = Place(watch: watch, standing: .stranger, since: state.clock)
      return leaver
    }
    leaver?.cut()
  }

  func leave(_ watch: ConnectionWatch) {
    _ = state.withLock { $0.places.removeValue(forKey: ObjectIdentifier(watch)) }
  }

  func move(_ watch: ConnectionWatch, to standing: Standing) {
    state.withLock { state in
      state.clock += 1
      state.places[ObjectIdentifier(watch)]?.standing = standing
      state.places[ObjectIdentifier(watch)]?.since = state.clock
    }
  }

  /// Cuts whoever was served and idles: such a client expects it, and comes back. Who is just arriving would not.
  func cutIdle() {
    let idle = state.withLock { state in
      state.places.values.filter { $0.standing == .guest }.map(\.watch)
    }
    for watch in idle { watch.cut() }
  }

  /// Who goes next. It is counted as gone, so that one is not asked twice.
  private static func leaver(_ state: inout State) -> ConnectionWatch? {
    let last = state.places.values.filter { $0.standing != .waiting }
      .min { ($0.standing.rawValue, $0.since) < ($1.standing.rawValue, $1.since) }
    guard let last else { return nil }
    state.places[ObjectIdentifier(last.watch)] = nil
    return last.watch
  }
}
