internal import ArgumentParser
internal import Diagnostics
internal import Rules

/// A command that does its work with nothing but a console.
protocol ConsoleCommand: ParsableCommand {
  /// The exit code.
  func print(to console: Console) -> Int32
}

/// `rules`: what one needs to write rules and to trust them.
struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules", abstract: "List, check, try and explain detection rules, and hold audit policies to them.",
    discussion: "The format is Falco's: docs/rules.md. Several files are read in their order.",
    subcommands: [
      RulesListCommand.self, RulesCheckCommand.self, RulesCheckPolicyCommand.self, RulesTestCommand.self,
      RulesExplainCommand.self,
    ])
}

/// The files of every command below.
struct RulesArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("Files of detection rules.", valueName: "FILE"))
  var files: [String]
}

enum ListFormat: String, Sendable, CaseIterable, ExpressibleByArgument { case table, json }

struct RulesListCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Print the rules that files hold, as they are after all of them.")

  @OptionGroup var rules: RulesArguments
  @Option(name: .customLong("format"), help: "What to print: table or json.")
  var format = ListFormat.table

  func print(to console: Console) -> Int32 {
    RuleFiles.open(rules.files, console) { set in
      console.out(format == .json ? RuleList.json(set) : RuleList.table(set))
      return 0
    }
  }
}

struct RulesCheckCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say whether files of rules can be loaded.",
    discussion:
      "Exits 0 when they can, 1 with every failure named when they cannot. What is odd and loads is a warning.")

  @OptionGroup var rules: RulesArguments
  @Flag(name: .customLong("strict"), help: "Take warnings for failures.")
  var isStrict = false

  func print(to console: Console) -> Int32 {
    RuleFiles.open(rules.files, console) { set in
      if isStrict, !set.warnings.isEmpty { return 1 }
      console.out(RuleList.summary(set))
      return 0
    }
  }
}

struct RulesCheckPolicyCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-policy", abstract: "Say which rules an audit policy blinds.",
    discussion: """
      Reads the file that the API server is given by --audit-policy-file. Exits 0 when every rule sees all that it asks \
      for, 1 when one does not, 2 when the policy cannot be read:

        kube-audit-exporter rules check-policy /etc/kubernetes/audit-policy.yaml --rules rules/detections.yaml
      """)

  @Argument(help: ArgumentHelp("An audit policy.", valueName: "FILE"))
  var policy: String
  @Option(name: .customLong("rules"), help: ArgumentHelp(PolicyTrial.rulesHelp, valueName: "FILE"))
  var rules: [String] = []
  @Option(name: .customLong("format"), help: "What to print: table or json.")
  var format = ListFormat.table

  func print(to console: Console) -> Int32 { PolicyTrial(policy, console).check(rules: rules, format) }
}

struct RulesTestCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Evaluate rules on events and print what matches.",
    discussion: """
      Each event is evaluated by itself: a rule that asks for no stage may match a request several times. With --expect, \
      exits 1 where a rule matches more or fewer events:

        kube-audit-exporter rules test rules.yaml --events attach.json --expect "Attach/Exec Pod=1"
      """)

  @OptionGroup var rules: RulesArguments
  @Option(name: .customLong("events"), help: ArgumentHelp(RuleTrial.eventsHelp, valueName: "FILE"))
  var events: [String]
  @Option(name: .customLong("expect"), help: ArgumentHelp("How many events a rule matches.", valueName: "RULE=N"))
  var expectations: [String] = []
  @Option(name: .customLong("format"), help: "What to print: table, or json, one match a line.")
  var format = ListFormat.table

  func validate() throws {
    guard !events.isEmpty else { throw ValidationError("Name a file of events: --events FILE") }
    for text in expectations where RuleExpectation(text) == nil {
      throw ValidationError("--expect \(text): write RULE=N, N a number.")
    }
  }

  func print(to console: Console) -> Int32 {
    RuleFiles.open(rules.files, console) { set in
      RuleTrial(set, events: events, console).test(format, expectations.compactMap(RuleExpectation.init))
    }
  }
}

struct RulesExplainCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say why events match a rule or do not, clause by clause.",
    discussion: "Without --rule, the rules that match are explained.")

  @OptionGroup var rules: RulesArguments
  @Option(name: .customLong("events"), help: ArgumentHelp(RuleTrial.eventsHelp, valueName: "FILE"))
  var events: [String]
  @Option(name: .customLong("rule"), help: ArgumentHelp("A rule to explain on each event.", valueName: "NAME"))
  var names: [String] = []

  func validate() throws {
    guard !events.isEmpty else { throw ValidationError("Name a file of events: --events FILE") }
  }

  func print(to console: Console) -> Int32 {
    RuleFiles.open(rules.files, console) { set in RuleTrial(set, events: events, console).explain(names) }
  }
}
