internal import CLinux
public import Diagnostics
import Glibc

/// A joinable POSIX thread with a name that `ps -L` and a debugger show (its first 15 bytes).
// Unchecked: `id` is written once, before `init` returns, and only read afterwards.
@safe public final class NamedThread: @unchecked Sendable {
  private var id = pthread_t()

  /// Starts `body` at once on a thread of its own.
  ///
  /// - Errors: `Failure` with reason `thread` when the system refuses another thread.
  public init(
    _ name: String, stackBytes: Int = 1 << 20, _ body: sending @escaping @Sendable () -> Void
  ) throws(Failure) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, stackBytes)
    // SAFETY: retained here, released by the new thread, or below when there is none.
    let work = unsafe Unmanaged.passRetained(Work(name: String(name.prefix(15)), body: body))
    let code = unsafe pthread_create(&id, &attributes, threadMain, work.toOpaque())
    guard code == 0 else {
      unsafe work.release()
      throw Failure(
        .thread, "cannot start thread \(name): error \(code)", at: .process,
        remedy: "Raise the limit of threads (ulimit -u, the container's pids limit)")
    }
  }

  /// Waits until the body has returned. Call it once.
  public func join() { _ = pthread_join(id, nil) }
}

extension Failure.Reason {
  /// The system refused to start a thread.
  public static let thread = Failure.Reason("thread")
}

private final class Work {
  let name: String
  let body: @Sendable () -> Void
  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

private func threadMain(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let raw = unsafe raw else { return nil }
  // SAFETY: the +1 that `NamedThread.init` passed; taken exactly once.
  let work = unsafe Unmanaged<Work>.fromOpaque(raw).takeRetainedValue()
  _ = unsafe kae_thread_name(work.name)
  work.body()
  return nil
}
