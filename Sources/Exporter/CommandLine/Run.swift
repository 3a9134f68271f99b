internal import ArgumentParser
internal import Diagnostics
import Glibc

/// Runs the program: the arguments without its name in, the exit code out.
///
/// Exit codes: 0 done (also after SIGTERM), 1 the configuration is wrong or the work failed, 2 the command line is wrong.
public func run(arguments: [String]) -> Int32 {
  run(arguments: arguments, commands: .real, console: .standard)
}

/// Where a command writes what is not a log line.
struct Console: Sendable {
  let out: @Sendable (String) -> Void
  let error: @Sendable (String) -> Void

  static let standard = Console(out: { write(Array($0.utf8), to: 1) }, error: { write(Array($0.utf8), to: 2) })

  /// Writes a page of bytes, which may be long, to standard output.
  static func out(_ page: [UInt8]) { write(page, to: 1) }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// The same with commands and console given, for tests.
func run(arguments given: [String], commands: Commands, console: Console) -> Int32 {
  let arguments = spelledOut(given)
  // Straight to the command that is named: building the parser of all of them takes longer than counting a small log. What
  // it refuses is refused below, in the words of the whole program.
  if arguments.first == "replay", let replay = try? ReplayCommand.parse(Array(arguments.dropFirst())) {
    return runReplay(replay, commands, console)
  }
  do {
    var command = try RootCommand.parseAsRoot(arguments)
    switch command {
    case let serve as ServeCommand: return runServe(serve, commands, console)
    case let replay as ReplayCommand: return runReplay(replay, commands, console)
    case let command as any ConsoleCommand: return command.print(to: console)
    case let document as DocumentCommand:
      console.out(document.page == .metrics ? commands.metricsDocument() : SettingsDocument.markdown)
      return 0
    default:
      try command.run()  // Help.
      return 0
    }
  } catch {
    let message = RootCommand.fullMessage(for: error)
    if RootCommand.exitCode(for: error).isSuccess {
      console.out(message + "\n")
      return 0
    }
    console.error(message + "\n")
    return 2
  }
}

/// `--storage.path=` as `--storage.path ''`: the parser takes an empty value after a blank alone, and shells, units and
/// manifests write the former.
private func spelledOut(_ arguments: [String]) -> [String] {
  let options = arguments.prefix { $0 != "--" }
  return options.flatMap { option in
    option.hasPrefix("--") && option.firstIndex(of: "=") == option.indices.last
      ? [String(option.dropLast()), ""] : [option]
  } + arguments[options.endIndex...]
}

private func runServe(_ command: ServeCommand, _ commands: Commands, _ console: Console) -> Int32 {
  let flags = command.given
  let file = command.configFile
  let load: @Sendable () throws(Failures) -> Settings = { () throws(Failures) in
    try SettingsReader.load(file: file, flags: flags, needsInput: true)
  }
  do throws(Failures) {
    let settings = try load()
    let listeners = try ListenerRules.load(settings)
    let pseudonyms = try settings.pseudonymKey()
    let rules = try settings.detectionRules()
    guard command.configCheck else {
      return commands.serve(
        ServeOptions(settings: settings, listeners: listeners, pseudonyms: pseudonyms, rules: rules, load: load))
    }
    console.out("SUCCESS: \(file ?? "the configuration") is valid\n")
    return 0
  } catch {
    console.error(FailureReport.lines(error.all))
    return 1
  }
}

private func runReplay(_ command: ReplayCommand, _ commands: Commands, _ console: Console) -> Int32 {
  do throws(Failures) {
    let settings = try SettingsReader.load(file: command.configFile, flags: command.given, needsInput: false)
    let rules = try settings.detectionRules()
    if command.matches != nil, rules == nil {
      throw Failures([
        Failure(
          .setting, "no rules are loaded that could match",
          at: .setting(key: "rules.files", file: command.configFile, line: nil), remedy: "Name files with --rules")
      ])
    }
    return commands.replay(
      ReplayOptions(
        settings: settings, pseudonyms: try settings.pseudonymKey(), rules: rules, format: command.format,
        matches: command.matches, files: command.files))
  } catch {
    console.error(FailureReport.lines(error.all))
    return 1
  }
}
