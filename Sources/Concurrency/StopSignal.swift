internal import CLinux
import Glibc

/// A request to stop, raised once, seen by every thread: as a flag, and as a descriptor that `poll` can wait on.
public final class StopSignal: Sendable {
  private let raised = Lock(false)
  /// Readable for ever once raised; -1 when the system had no descriptor left (then only `isRaised` works).
  public let descriptor: Int32

  public init() { descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether somebody asked to stop.
  public var isRaised: Bool { raised.withLock { $0 } }

  /// Asks every holder to stop. Safe from any thread, any number of times.
  public func raise() {
    raised.withLock { $0 = true }
    var one: UInt64 = 1
    _ = unsafe write(descriptor, &one, 8)
  }

  /// Sleeps, but no longer than until the signal is raised. Answers whether it is.
  public func wait(milliseconds: Int32) -> Bool {
    if isRaised { return true }
    var fd = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&fd, 1, milliseconds)
    return isRaised
  }
}
