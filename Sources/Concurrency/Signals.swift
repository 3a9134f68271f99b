internal import CLinux
public import Diagnostics
import Glibc

/// Signals as data: blocked in every thread, read from a descriptor.
///
/// Make it first in the main thread, before any other thread exists: threads inherit the mask.
public struct Signals: ~Copyable, Sendable {
  private let descriptor: Int32

  /// Blocks `numbers` in this thread and in every thread that it starts from now on.
  public init(_ numbers: [Int32]) throws(Failure) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in numbers { unsafe sigaddset(&set, number) }
    let code = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = unsafe code == 0 ? signalfd(-1, &set, Int32(SFD_CLOEXEC)) : -1
    guard descriptor >= 0 else {
      throw Failure(
        .signals, "cannot listen for signals: error \(code == 0 ? errno : code)", at: .process,
        remedy: "Raise the limit of open files (ulimit -n)")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Waits for the next signal and answers its number.
  public func next() -> Int32 {
    var info = signalfd_siginfo()
    while true {
      let size = MemoryLayout<signalfd_siginfo>.size
      if unsafe read(descriptor, &info, size) == size { return Int32(info.ssi_signo) }
      // Only EINTR can bring us here: the descriptor blocks, and whole records are read.
    }
  }
}

extension Failure.Reason {
  /// The system refused a descriptor for signals.
  public static let signals = Failure.Reason("signals")
}
