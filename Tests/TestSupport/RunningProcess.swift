import Glibc

/// A child process that is watched and talked to while it runs. It is killed when this value goes.
///
/// What it writes goes to unlinked files, so that nobody has to read for it to go on.
public final class RunningProcess {
  public enum Input {
    /// End of file at once.
    case nothing
    case bytes([UInt8])
    /// The file at this path, as a shell redirects it.
    case file(String)
    /// Open until `closeInput`; `send` writes to it.
    case pipe
  }

  /// Something did not happen in time, or the process ended before it did.
  public struct Unmet: Error, CustomStringConvertible {
    public let description: String
  }

  private let name: String
  private let child: pid_t
  private let output: Int32
  private let errors: Int32
  private var inputEnd: Int32 = -1
  /// Nil while it runs.
  private var status: Int32?

  public init(_ arguments: [String], input: Input = .nothing, environment: [String: String] = [:]) throws {
    name = arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
    let source: Int32
    switch input {
    case .pipe:
      // A child that ended early must not end the test with it.
      _ = Self.ignoringPipeSignal
      (source, inputEnd) = try Self.pipe()
    case .nothing: source = try Process.scratchFile()
    case .file(let path):
      source = unsafe open(path, O_RDONLY | O_CLOEXEC)
      guard source >= 0 else { throw SystemError("cannot open \(path)") }
    case .bytes(let bytes):
      source = try Process.scratchFile()
      try Files.writeAll(bytes, to: source)
      lseek(source, 0, SEEK_SET)
    }
    defer { close(source) }
    output = try Process.scratchFile()
    errors = try Process.scratchFile()
    child = try Process.spawn(arguments, environment: environment, streams: [source, output, errors])
  }

  deinit {
    if isRunning {
      kill(child, SIGKILL)
      var status: Int32 = 0
      while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    }
    for descriptor in [inputEnd, output, errors] where descriptor >= 0 { close(descriptor) }
  }

  public var processID: Int32 { child }

  public var isRunning: Bool {
    guard status == nil else { return false }
    var code: Int32 = 0
    if unsafe waitpid(child, &code, WNOHANG) == child { status = Process.exitCode(code) }
    return status == nil
  }

  /// What it has written to standard output, and to standard error.
  public var outputText: String { Self.content(output) }
  public var errorText: String { Self.content(errors) }

  public func signal(_ number: Int32) {
    if isRunning { kill(child, number) }
  }

  /// Writes to its standard input; needs `Input.pipe`.
  public func send(_ bytes: [UInt8]) throws { try Files.writeAll(bytes, to: inputEnd) }

  public func closeInput() {
    if inputEnd >= 0 { close(inputEnd) }
    inputEnd = -1
  }

  /// How long something is waited for that takes a moment: long enough for a machine that does much else.
  public static let patience = 90.0

  /// The first line of standard error that `isWanted`, once it is there.
  public func waitForLine(
    _ what: String, secondsLimit: Double = patience, _ isWanted: (Substring) -> Bool
  ) throws -> String {
    try wait(for: what, secondsLimit: secondsLimit) {
      errorText.split(separator: "\n").first(where: isWanted).map { String($0) }
    }
  }

  /// Calls `attempt` until it answers something.
  /// - Throws: `Unmet` after the time, and as soon as the process has ended.
  @discardableResult
  public func wait<R>(for what: String, secondsLimit: Double = patience, _ attempt: () throws -> R?) throws -> R {
    var hasEnded = false
    let answer = try Deadline.poll(seconds: secondsLimit) { () -> R?? in
      // Looked at before the attempt, so that what a process did last still counts.
      hasEnded = !isRunning
      if let answer = try attempt() { return .some(answer) }
      return hasEnded ? .some(nil) : nil
    }
    if let answer, let answer { return answer }
    let why = hasEnded ? "\(name) ended with \(status ?? -1)" : "\(secondsLimit) s have passed"
    throw Unmet(description: "not seen: \(what); \(why). Its standard error:\n\(errorText.suffix(4000))")
  }

  /// Its exit code, or 128 plus the signal's number, once it has ended.
  /// - Throws: `Unmet` when it still runs after the time.
  public func waitForExit(secondsLimit: Double = patience) throws -> Int32 {
    let ended = Deadline.poll(seconds: secondsLimit) { isRunning ? nil : true }
    guard ended != nil, let status else {
      throw Unmet(description: "\(name) still runs after \(secondsLimit) s:\n\(errorText.suffix(4000))")
    }
    return status
  }

  private static let ignoringPipeSignal: Void = { _ = Glibc.signal(SIGPIPE, SIG_IGN) }()

  /// Both ends closed on exec from the start: another test may be starting a process that would hold them open.
  public static func pipe() throws -> (Int32, Int32) {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/pipe"
      guard unsafe mkfifo(path, 0o600) == 0 else { throw SystemError("cannot make a pipe") }
      let source = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      let target = unsafe open(path, O_WRONLY | O_CLOEXEC)
      guard source >= 0, target >= 0 else { throw SystemError("cannot open a pipe") }
      _ = fcntl(source, F_SETFL, 0)
      return (source, target)
    }
  }

  private static func content(_ descriptor: Int32) -> String {
    var content: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // At an offset of its own: the child shares the file's.
      let count = unsafe pread(descriptor, &block, block.count, content.count)
      guard count > 0 else { return String(decoding: content, as: UTF8.self) }
      content += block[..<count]
    }
  }
}

/// Waiting for what another process does.
public enum Deadline {
  /// Calls `attempt` every few milliseconds until it answers something; nil when it did not in time.
  public static func poll<R, E: Error>(seconds: Double, _ attempt: () throws(E) -> R?) throws(E) -> R? {
    let end = now + seconds
    var pause: UInt32 = 2_000
    while true {
      if let answer = try attempt() { return answer }
      guard now < end else { return nil }
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
  }

  private static var now: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
