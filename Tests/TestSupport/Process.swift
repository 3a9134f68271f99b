import Glibc

/// Child processes that run to their end. `RunningProcess` is for those that are talked to meanwhile.
public enum Process {
  public struct Outcome: Sendable {
    /// The exit code, or 128 plus the signal's number.
    public let status: Int32
    public let output: [UInt8]
    public let errors: [UInt8]
    public var outputText: String { String(decoding: output, as: UTF8.self) }
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
  }

  /// The full path of a program on PATH, or nil.
  public static func find(_ name: String) -> String? {
    guard let path = unsafe getenv("PATH") else { return nil }
    return unsafe String(cString: path).split(separator: ":").map { "\($0)/\(name)" }
      .first { unsafe access($0, X_OK) == 0 }
  }

  /// Runs a program with `input` on its standard input. It is killed after `secondsLimit`.
  ///
  /// Its three streams are unlinked files, so that no pipe can fill up and no writer can be left behind.
  /// - Throws: `SystemError` when it cannot be started.
  public static func run(
    _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:], secondsLimit: Int = 120
  ) throws -> Outcome {
    let streams = try (0..<3).map { _ in try scratchFile() }
    defer { for stream in streams { close(stream) } }
    try Files.writeAll(input, to: streams[0])
    lseek(streams[0], 0, SEEK_SET)
    let child = try spawn(arguments, environment: environment, streams: streams)
    let status = wait(child, secondsLimit: secondsLimit)
    for stream in streams { lseek(stream, 0, SEEK_SET) }
    return Outcome(status: status, output: try Files.readAll(streams[1]), errors: try Files.readAll(streams[2]))
  }

  static func scratchFile() throws -> Int32 {
    var template = Array("/tmp/kube-audit-exporter-stream-XXXXXX".utf8CString)
    let fd = unsafe mkstemp(&template)
    guard fd >= 0 else { throw SystemError("cannot make a temporary file") }
    unsafe unlink(template)
    _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
    return fd
  }

  static func spawn(
    _ arguments: [String], environment: [String: String], streams: [Int32]
  ) throws -> pid_t {
    guard let program = arguments.first else { throw SystemError("no program to run", code: EINVAL) }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (number, stream) in zip(Int32(0)..., streams) {
      unsafe posix_spawn_file_actions_adddup2(&actions, stream, number)
    }
    let argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
    let envp = unsafe childEnvironment(environment).map { unsafe strdup($0) } + [nil]
    defer { for at in unsafe argv.indices { unsafe free(argv[at]) } }
    defer { for at in unsafe envp.indices { unsafe free(envp[at]) } }
    var child: pid_t = 0
    let code = unsafe posix_spawnp(&child, program, &actions, nil, argv, envp)
    guard code == 0 else { throw SystemError("cannot start \(program)", code: code) }
    return child
  }

  /// This process' variables as they were when they were first asked for. Whoever sets one for this process asks for them
  /// before: what others start meanwhile neither inherits it nor reads a list that is being changed.
  public static let variables: [String] = {
    var variables: [String] = []
    while let entry = unsafe environ[variables.count] { unsafe variables.append(String(cString: entry)) }
    return variables
  }()

  /// These, with `changes` put over them.
  private static func childEnvironment(_ changes: [String: String]) -> [String] {
    variables.filter { text in !changes.keys.contains { text.hasPrefix($0 + "=") } }
      + changes.map { "\($0.key)=\($0.value)" }
  }

  private static func wait(_ child: pid_t, secondsLimit: Int) -> Int32 {
    var status: Int32 = 0
    var polls = 0
    while unsafe waitpid(child, &status, WNOHANG) == 0 {
      usleep(2_000)
      polls += 1
      if polls == secondsLimit * 500 { kill(child, SIGKILL) }
    }
    return exitCode(status)
  }

  /// What a shell would say of such a status: the exit code, or 128 plus the signal's number.
  static func exitCode(_ status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
