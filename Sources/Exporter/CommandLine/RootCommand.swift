internal import ArgumentParser

/// The program: picks a command.
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Version.program, abstract: "Turns Kubernetes audit events into Prometheus metrics.",
    discussion: "Without a command, `serve` is meant: \(Version.program) --input.file /var/log/kubernetes/audit.log",
    version: Version.text,
    subcommands: [
      ServeCommand.self, ReplayCommand.self, PostureCommand.self, RulesCommand.self, PseudonymCommand.self,
      DocumentCommand.self,
    ],
    defaultSubcommand: ServeCommand.self)
}

/// `replay`: an archive through the same engine.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Count archived audit logs and print the result.",
    discussion: "Reads what serve reads, plain or gzip, with the events' own time as clock. Its totals equal serve's.")

  @Option(name: .customLong("format"), help: CommandFlag.format.argumentHelp)
  var format: ReplayFormat?
  @Option(name: .customLong("config.file"), help: CommandFlag.configFile.argumentHelp)
  var configFile: String?
  @Option(name: .customLong("pseudonyms.key-file"), help: CommandFlag.pseudonymKeyHelp)
  var pseudonymKeyFile: String?
  @Option(name: .customLong("rules"), help: CommandFlag.rules.argumentHelp)
  var rules: [String] = []
  @Option(name: .customLong("matches"), help: CommandFlag.matches.argumentHelp)
  var matches: MatchFormat?
  @Argument(help: ArgumentHelp("Audit logs; - is standard input.", valueName: "FILE"))
  var files: [String]

  /// The flags of settings that were given.
  var given: [GivenFlag] {
    (pseudonymKeyFile.map { [GivenFlag(name: "pseudonyms.key-file", values: [$0])] } ?? [])
      + (rules.isEmpty ? [] : [GivenFlag(name: "rules.file", values: rules)])
  }

  func validate() throws {
    guard files.count(where: { $0 == "-" }) <= 1 else {
      throw ValidationError("Standard input (-) can be read once only.")
    }
    guard format == nil || matches == nil else {
      throw ValidationError("--format prints counts, --matches prints matches: give one of them.")
    }
  }
}

extension ReplayFormat: ExpressibleByArgument {}
extension MatchFormat: ExpressibleByArgument {}

/// `docs`: writes what is generated under docs/. For those who build the program.
struct DocumentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "docs", abstract: "Print a generated page of docs/.", shouldDisplay: false)

  enum Page: String, ExpressibleByArgument, CaseIterable { case metrics, configuration }
  @Argument(help: "metrics or configuration.")
  var page: Page
}
