import Glibc

/// A value behind a mutex.
///
/// On pthread, not on `Synchronization.Mutex`: ThreadSanitizer does not see the latter's futex and reports races that are
/// none. The closure must be short: no I/O and no other lock inside.
// Unchecked: `state` is reached only between lock and unlock of `raw`, which lives exactly as long as this object.
@safe public final class Lock<State>: @unchecked Sendable {
  // SAFETY: allocated and initialised in `init`, freed once in `deinit`, never handed out.
  private let raw = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var state: State

  public init(_ initial: sending State) {
    state = initial
    unsafe pthread_mutex_init(raw, nil)
  }

  deinit {
    unsafe pthread_mutex_destroy(raw)
    unsafe raw.deallocate()
  }

  /// Runs `body` alone on the state.
  public func withLock<R, E: Error>(_ body: (inout sending State) throws(E) -> sending R) throws(E) -> sending R {
    unsafe pthread_mutex_lock(raw)
    defer { unsafe pthread_mutex_unlock(raw) }
    return try body(&state)
  }
}
