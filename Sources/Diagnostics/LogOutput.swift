import Glibc
public import Logging

/// Writes log lines to standard error as Prometheus' programs do: `ts`, `level`, `msg`, then the other keys in the order of
/// their names; repeated messages are throttled (`LogThrottle`), except at level debug.
///
/// Every logger of a process shares one `LogOutput`.
// Unchecked: the mutable state is reached only between lock and unlock of `mutex`, which lives as long as this object.
@safe public final class LogOutput: @unchecked Sendable {
  // SAFETY: allocated and initialised in `init`, freed once in `deinit`, never handed out. (Concurrency's `Lock` stands
  // right of this module.)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var throttle: LogThrottle
  private var format: LogFormat
  private var level: Logger.Level
  private let clock: Clock
  private let monotonic: @Sendable () -> Microseconds
  private let write: @Sendable ([UInt8]) -> Void

  /// - Parameters:
  ///   - level: lines below it are not written.
  ///   - write: takes one line at a time, never two at once.
  public convenience init(
    format: LogFormat, level: Logger.Level,
    write: @escaping @Sendable ([UInt8]) -> Void = LogOutput.standardError
  ) {
    self.init(
      format: format, level: level, clock: .system, monotonic: { Clock.monotonic }, throttle: LogThrottle(),
      write: write)
  }

  init(
    format: LogFormat, level: Logger.Level, clock: Clock, monotonic: @escaping @Sendable () -> Microseconds,
    throttle: LogThrottle, write: @escaping @Sendable ([UInt8]) -> Void
  ) {
    self.format = format
    self.level = level
    self.clock = clock
    self.monotonic = monotonic
    self.throttle = throttle
    self.write = write
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// A logger whose lines come here; `component` names the part of the program, and may be empty.
  public func logger(_ component: String = "") -> Logger {
    Logger(label: component) { Handler(component: $0, output: self) }
  }

  /// Changes level and format for all loggers, as a reload does.
  public func set(format: LogFormat, level: Logger.Level) {
    locked {
      self.format = format
      self.level = level
    }
  }

  var currentLevel: Logger.Level { locked { level } }

  func line(_ level: Logger.Level, _ message: String, _ pairs: [(key: String, value: String)]) {
    let word = Self.word(level)
    locked {
      guard level >= self.level else { return }
      var line = [("ts", Timestamp.text(clock.now)), ("level", word), ("msg", message)] + pairs
      if level > .debug {
        let verdict = throttle.judge(word + message.prefix(200), now: monotonic())
        guard case .write(let swallowed, let others) = verdict else { return }
        if swallowed > 0 { line.append(("swallowed", String(swallowed))) }
        if others > 0 { line.append(("swallowed_others", String(others))) }
      }
      write(format.line(line))
    }
  }

  /// Prometheus' four words for swift-log's seven levels.
  private static func word(_ level: Logger.Level) -> String {
    switch level {
    case .trace, .debug: "debug"
    case .info, .notice: "info"
    case .warning: "warn"
    case .error, .critical: "error"
    }
  }

  private func locked<R>(_ body: () -> R) -> R {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Writes to descriptor 2. A reader that does not read for 100 ms costs the rest of the line, and does not stop the
  /// program.
  @Sendable public static func standardError(_ line: [UInt8]) {
    var rest = line[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno == EAGAIN {
        var fd = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        if unsafe poll(&fd, 1, 100) <= 0 { return }
      } else if count >= 0 || errno != EINTR {
        return
      }
    }
  }
}

/// What swift-log calls for one logger.
private struct Handler: LogHandler {
  let component: String
  let output: LogOutput
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  /// Raised by a single logger; the output's own level holds besides.
  private var ownLevel: Logger.Level?

  init(component: String, output: LogOutput) {
    self.component = component
    self.output = output
  }

  var logLevel: Logger.Level {
    get { ownLevel ?? output.currentLevel }
    set { ownLevel = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let given = event.metadata { all.merge(given) { $1 } }
    var pairs = all.map { (key: reserved.contains($0.key) ? "field_" + $0.key : $0.key, value: $0.value.description) }
    pairs.sort { $0.key < $1.key }
    if let error = event.error { pairs.insert(("err", String(describing: error)), at: 0) }
    if !component.isEmpty { pairs.insert(("component", component), at: 0) }
    output.line(event.level, event.message.description, Array(pairs.prefix(Self.pairLimit)))
  }

  private var reserved: Set<String> { ["ts", "level", "msg", "component", "err", "swallowed", "swallowed_others"] }
  private static let pairLimit = 32
}
