internal import Concurrency
internal import Diagnostics

/// How the last load of the configuration went: the `config_last_reload_*` families.
final class ReloadState: Sendable {
  struct Last: Sendable {
    var wasSuccessful = true
    var lastSuccess: Microseconds
  }
  private let state: Lock<Last>

  /// - Parameter start: when the configuration was first loaded, which had to succeed.
  init(start: Microseconds) { state = Lock(Last(lastSuccess: start)) }

  var last: Last { state.withLock { $0 } }

  func succeeded(at time: Microseconds) { state.withLock { $0 = Last(wasSuccessful: true, lastSuccess: time) } }

  func failed() { state.withLock { $0.wasSuccessful = false } }
}
