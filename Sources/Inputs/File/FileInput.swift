internal import Concurrency
public import Diagnostics
internal import Engine
import Glibc
internal import Logging

/// Reads files and follows them: one thread that looks, reads, and waits for changes.
public struct FileInput: Input {
  public static let name = "file"

  /// Looking at everything takes at most one part in this many of the time, however many files there are.
  private static let lookShare: Microseconds = 10
  /// The pause after everything was read, so that a busy writer is not followed line by line.
  private static let pauseMilliseconds: Int32 = 20
  private static let roomMilliseconds: Int32 = 5

  private let settings: FileSettings

  public init(_ settings: FileSettings) { self.settings = settings }

  public func start(in context: InputContext) throws(Failure) {
    context.status.begin(counting: [.fileMissing, .permissionDenied, .notAFile, .readFailed, .badGzip])
    try context.thread("input-file") { [settings] in Self.run(settings, context) }
  }

  private static func run(_ settings: FileSettings, _ context: InputContext) {
    run(Follower(settings, context), settings, context)
  }

  /// Until everything is read that will ever be, or the signal to stop was raised.
  static func run(_ follower: Follower, _ settings: FileSettings, _ context: InputContext) {
    var waiter = ChangeWaiter(context.stop, logger: context.logger)
    var nextLook = Clock.monotonic
    var changed = DirectoryWatch.Changes()
    while !context.stop.isRaised {
      let begun = Clock.monotonic
      let isFullLook = begun >= nextLook || changed.isOverflown
      let outcome = follower.step(at: begun, changed: changed.paths, isFullLook: isFullLook)
      changed = DirectoryWatch.Changes()
      if isFullLook {
        for directory in follower.directories { waiter.watch(directory) }
        let took = Clock.monotonic - begun
        nextLook = begun + max(Int64(settings.pollMilliseconds) * 1000, took * lookShare)
      }
      switch outcome {
      case .ended: return
      case .busy: break
      case .noRoom: _ = context.stop.wait(milliseconds: roomMilliseconds)
      case .idle:
        _ = context.stop.wait(milliseconds: pauseMilliseconds)
        changed = waiter.wait(until: nextLook)
      }
    }
  }
}

extension Follower {
  convenience init(_ settings: FileSettings, _ context: InputContext) {
    self.init(
      settings, outlet: context.queue, input: context.index, cluster: context.cluster, clock: context.clock,
      status: context.status, logger: context.logger, positions: context.positions)
  }
}

/// Waits for a change in a directory, for the time of the next look, or for the end.
private struct ChangeWaiter: ~Copyable {
  private var watch: DirectoryWatch?
  private let stop: StopSignal

  init(_ stop: StopSignal, logger: Logger) {
    self.stop = stop
    do throws(SystemError) {
      watch = try DirectoryWatch()
    } catch {
      watch = nil
      logger.warning("changes are not announced, only polled for", metadata: ["error": "\(error.text)"])
    }
  }

  mutating func watch(_ directory: String) { watch?.add(directory) }

  mutating func wait(until time: Microseconds) -> DirectoryWatch.Changes {
    let milliseconds = max(0, min((time - Clock.monotonic) / 1000 + 1, 60_000))
    // poll(2) passes over negative descriptors.
    var descriptors = [
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: watch?.raw ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    _ = unsafe poll(&descriptors, 2, Int32(milliseconds))
    return watch?.changes() ?? DirectoryWatch.Changes()
  }
}
