internal import Concurrency
import Glibc

/// Cuts a connection that takes too long as a whole: the library's own time-out starts again with every byte.
///
/// At most one deadline at a time: for a whole request, for the sending of an answer, or for the wait in between.
final class ConnectionWatch: Sendable {
  private struct State {
    /// Until the library is about to close the descriptor; afterwards its number may belong to somebody else.
    var isOpen = true
    var mustLinger = false
    var token: Timers.Token?
    var generation: UInt64 = 0
  }
  private let descriptor: Int32
  private let timers: Timers
  private let lingerer: Lingerer
  private let crowd: ConnectionCrowd
  private let state = Monitor(State())
  /// Nil without TLS.
  let peer: TLSPeer?

  init(descriptor: Int32, timers: Timers, lingerer: Lingerer, crowd: ConnectionCrowd, peer: TLSPeer?) {
    self.descriptor = descriptor
    self.timers = timers
    self.lingerer = lingerer
    self.crowd = crowd
    self.peer = peer
  }

  /// What the connection is about, as far as others may want its place.
  func stand(_ standing: ConnectionCrowd.Standing) { crowd.move(self, to: standing) }

  /// Cuts the connection after `seconds`, whatever was armed before.
  func arm(seconds: Int) {
    state.withLock { state in
      guard state.isOpen else { return }
      state.token.map(timers.cancel)
      state.generation += 1
      let generation = state.generation
      state.token = timers.schedule(after: seconds * 1_000) { [weak self] in self?.cut(generation) }
    }
  }

  /// No deadline for now.
  func disarm() {
    state.withLock { state in
      state.token.map(timers.cancel)
      state.token = nil
      state.generation += 1
    }
  }

  /// Says that the client may still be sending when the connection is closed: see `Lingerer`.
  func lingerAtEnd() { state.withLock { $0.mustLinger = true } }

  /// The library closes the descriptor after this returns.
  func end() {
    crowd.leave(self)
    // A client that was refused reads why only if no reset overtakes the alert.
    if peer?.isRefused == true { lingerAtEnd() }
    state.withLock { state in
      state.token.map(timers.cancel)
      state.token = nil
      state.isOpen = false
      if state.mustLinger { lingerer.take(over: descriptor) }
    }
  }

  /// Ends the connection now; from any thread.
  func cut() { state.withLock { cut($0) } }

  private func cut(_ generation: UInt64) {
    state.withLock { if $0.generation == generation { cut($0) } }
  }

  /// Under the lock, so that the descriptor cannot be closed and given to another connection meanwhile.
  private func cut(_ state: State) {
    if state.isOpen { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }
}

/// Keeps reading for a while from clients that were answered before they had sent everything. Closing at once would make
/// the system send a reset, and the client would throw away the answer that explains the refusal.
final class Lingerer: Sendable {
  static let connectionsLimit = 64
  private static let milliseconds = 3_000
  private static let tick = 20

  private let held = Lock(0)
  private let timers: Timers

  init(timers: Timers) { self.timers = timers }

  /// Duplicates the descriptor, says that nothing more comes from here, and reads until the client closes.
  func take(over descriptor: Int32) {
    let isTaken = held.withLock { held in
      if held >= Self.connectionsLimit { return false }
      held += 1
      return true
    }
    guard isTaken else { return }
    let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard own >= 0 else { return held.withLock { $0 -= 1 } }
    shutdown(own, Int32(SHUT_WR))
    read(own, ticks: Self.milliseconds / Self.tick)
  }

  private func read(_ descriptor: Int32, ticks: Int) {
    var room = [UInt8](repeating: 0, count: 64 << 10)
    // At most 4 MiB at a time: other timers wait meanwhile.
    for _ in 0..<64 {
      let count = unsafe recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT))
      if count > 0 { continue }
      if count < 0, errno == EAGAIN || errno == EINTR, ticks > 0 { break }
      return finish(descriptor)
    }
    if ticks <= 0 { return finish(descriptor) }
    timers.schedule(after: Self.tick) { self.read(descriptor, ticks: ticks - 1) }
  }

  private func finish(_ descriptor: Int32) {
    close(descriptor)
    held.withLock { $0 -= 1 }
  }
}
