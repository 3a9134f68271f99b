internal import AuditEvents
internal import Concurrency
public import Diagnostics
internal import Engine
import Glibc
internal import Logging

/// Reads the standard input to its end: a pipe, a file or a terminal, plain or gzip. The exporter goes on serving then.
///
/// A file that it was redirected from is known again after a restart, and read on where it was counted to. A pipe has no
/// place to go back to, nor has a file whose beginning somebody else has read from the same descriptor.
public struct StdinInput: Input {
  public static let name = "stdin"

  private static let displayName = "standard input"
  private static let roomMilliseconds: Int32 = 5

  private let settings: StdinSettings
  /// The descriptor that is read; another one in tests.
  private let descriptor: Int32

  public init(_ settings: StdinSettings) { self.init(settings, descriptor: STDIN_FILENO) }

  init(_ settings: StdinSettings, descriptor: Int32) {
    self.settings = settings
    self.descriptor = descriptor
  }

  public func start(in context: InputContext) throws(Failure) {
    let input = self
    context.status.begin(counting: [.readFailed, .badGzip])
    try context.thread("input-stdin") {
      if !input.readFile(context) { input.run(context) }
    }
  }

  /// False when the standard input is no file, or not at its beginning.
  private func readFile(_ context: InputContext) -> Bool {
    guard lseek(descriptor, 0, SEEK_CUR) == 0 else { return false }
    var following = FileSettings()
    following.isFollowing = false
    following.chunkBytes = settings.chunkBytes
    following.lineBytesLimit = settings.lineBytesLimit
    let follower = Follower(following, context)
    do throws(SystemError) {
      let file = try FileDescriptor.duplicate(of: descriptor)
      guard try file.facts.isRegular else { return false }
      try follower.adopt(
        file, name: Self.displayName, cluster: settings.cluster ?? context.cluster, at: Clock.monotonic)
    } catch {
      report(.system(error), context)
      return true
    }
    FileInput.run(follower, following, context)
    if !context.stop.isRaised { context.logger.info("standard input has ended") }
    return true
  }

  private func run(_ context: InputContext) {
    var source = StdinSource(descriptor, stop: context.stop)
    var cutter = LineCutter(chunkBytes: settings.chunkBytes, lineBytesLimit: settings.lineBytesLimit)
    show(source, context)
    reading: while !context.stop.isRaised {
      do throws(SourceProblem) {
        switch try cutter.next(from: &source, expecting: settings.chunkBytes, to: context.queue) {
        case .lines(let buffer, let reserved):
          guard hand(buffer, reserved, isLast: false, &source, context) else { return }
          show(source, context)
        case .more, .zeros: break
        case .noRoom: _ = context.stop.wait(milliseconds: Self.roomMilliseconds)
        case .atEnd: break reading
        }
      } catch {
        report(error, context)
        break reading
      }
    }
    // A pipe cannot be read again: what was read is handed in, also when it is cut off in the middle of a line.
    let count = cutter.carriedBytes
    while !context.queue.reserve(count, waitingMilliseconds: 100) { if context.stop.isRaised { return } }
    guard hand(cutter.takeCarry(), count, isLast: true, &source, context) else { return }
    context.logger.info("standard input has ended", metadata: ["bytes": "\(source.readBytes)"])
  }

  private func hand(
    _ buffer: ByteBuffer, _ reserved: Int, isLast: Bool, _ source: inout StdinSource, _ context: InputContext
  ) -> Bool {
    let batch = Batch(
      input: context.index, cluster: settings.cluster ?? context.cluster, arrival: context.clock.now,
      shape: isLast ? .endOfStream(id: 0) : .stream(id: 0), bytes: buffer, reservedBytes: reserved,
      sourceBytes: source.takeReadBytes())
    if context.queue.put(batch) { return true }
    context.queue.release(reserved)
    return false
  }

  private func show(_ source: borrowing StdinSource, _ context: InputContext) {
    let line = InputStatus.Source(
      name: Self.displayName, readBytes: UInt64(source.readBytes), totalBytes: source.totalBytes.map { UInt64($0) })
    context.status.succeeded(at: context.clock.now)
    context.status.update { $0.sources = [line] }
  }

  private func report(_ problem: SourceProblem, _ context: InputContext) {
    let (reason, text): (Failure.Reason, String) =
      switch problem {
      case .damaged: (.badGzip, "it begins like gzip and cannot be decompressed")
      case .system(let error): (.readFailed, error.text)
      case .replaced: (.readFailed, "its content changed")
      }
    context.status.failed(reason)
    context.logger.warning("cannot read standard input", metadata: ["reason": "\(reason.label)", "error": "\(text)"])
  }
}
