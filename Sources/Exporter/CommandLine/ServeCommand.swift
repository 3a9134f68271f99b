internal import ArgumentParser

/// `serve`: the flags, each declared once more than in `Schema`, because the parser wants them at compile time. A test holds
/// the two together.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Read audit events and serve metrics. The default.",
    discussion: "Flags win over the configuration file. docs/configuration.md lists every setting.")

  @Option(name: .customLong("config.file"), help: CommandFlag.configFile.argumentHelp)
  var configFile: String?
  @Flag(name: .customLong("config.check"), help: CommandFlag.configCheck.argumentHelp)
  var configCheck = false

  @Option(name: .customLong("cluster.name"), help: help("cluster.name", "NAME"))
  var clusterName: String?
  @Option(name: .customLong("storage.path"), help: help("storage.path", "DIRECTORY"))
  var storagePath: String?
  @Option(name: .customLong("pseudonyms.key-file"), help: CommandFlag.pseudonymKeyHelp)
  var pseudonymKeyFile: String?
  @Option(name: .customLong("input.file"), help: help("input.file", "PATH|PATTERN"))
  var inputFile: [String] = []
  @Option(name: .customLong("input.file.start"), help: help("input.file.start", "beginning|end"))
  var inputFileStart: String?
  @Flag(name: .customLong("input.stdin"), inversion: .prefixedNo, help: help("input.stdin"))
  var inputStdin: Bool?
  @Option(name: .customLong("input.webhook.listen-address"), help: help("input.webhook.listen-address", "ADDRESS"))
  var webhookListenAddress: [String] = []
  @Option(name: .customLong("input.webhook.config.file"), help: help("input.webhook.config.file", "FILE"))
  var webhookConfigFile: String?
  @Flag(name: .customLong("input.webhook.insecure"), inversion: .prefixedNo, help: help("input.webhook.insecure"))
  var webhookInsecure: Bool?

  @Option(name: .customLong("input.cloudwatch.region"), help: help("input.cloudwatch.region", "REGION"))
  var cloudWatchRegion: [String] = []
  @Option(name: .customLong("input.cloudtrail.region"), help: help("input.cloudtrail.region", "REGION"))
  var cloudTrailRegion: [String] = []

  @Option(name: .customLong("rules.file"), help: help("rules.file", "FILE"))
  var rulesFile: [String] = []

  @Option(name: .customLong("web.listen-address"), help: help("web.listen-address", "ADDRESS"))
  var webListenAddress: [String] = []
  @Option(name: .customLong("web.config.file"), help: help("web.config.file", "FILE"))
  var webConfigFile: String?
  @Option(name: .customLong("web.telemetry-path"), help: help("web.telemetry-path", "PATH"))
  var webTelemetryPath: String?
  @Option(name: .customLong("web.external-url"), help: help("web.external-url", "URL"))
  var webExternalURL: String?
  @Option(name: .customLong("web.route-prefix"), help: help("web.route-prefix", "PATH"))
  var webRoutePrefix: String?
  @Flag(name: .customLong("web.enable-lifecycle"), inversion: .prefixedNo, help: help("web.enable-lifecycle"))
  var webEnableLifecycle: Bool?
  @Option(name: .customLong("web.max-requests"), help: help("web.max-requests", "N"))
  var webMaxRequests: String?

  @Option(name: .customLong("log.level"), help: help("log.level", "LEVEL"))
  var logLevel: String?
  @Option(name: .customLong("log.format"), help: help("log.format", "FORMAT"))
  var logFormat: String?

  /// The flags that were given, in a fixed order.
  var given: [GivenFlag] {
    let single: [(String, String?)] = [
      ("cluster.name", clusterName), ("storage.path", storagePath), ("pseudonyms.key-file", pseudonymKeyFile),
      ("input.file.start", inputFileStart),
      ("input.stdin", inputStdin.map(String.init)), ("input.webhook.config.file", webhookConfigFile),
      ("input.webhook.insecure", webhookInsecure.map(String.init)), ("web.config.file", webConfigFile),
      ("web.telemetry-path", webTelemetryPath),
      ("web.external-url", webExternalURL), ("web.route-prefix", webRoutePrefix),
      ("web.enable-lifecycle", webEnableLifecycle.map(String.init)), ("web.max-requests", webMaxRequests),
      ("log.level", logLevel), ("log.format", logFormat),
    ]
    let repeated: [(String, [String])] = [
      ("input.file", inputFile), ("input.webhook.listen-address", webhookListenAddress),
      ("input.cloudwatch.region", cloudWatchRegion), ("input.cloudtrail.region", cloudTrailRegion),
      ("rules.file", rulesFile),
      ("web.listen-address", webListenAddress),
    ]
    return single.compactMap { name, value in value.map { GivenFlag(name: name, values: [$0]) } }
      + repeated.filter { !$0.1.isEmpty }.map { GivenFlag(name: $0.0, values: $0.1) }
  }

  /// The schema's help, with the default.
  static func help(_ flag: String, _ value: String? = nil) -> ArgumentHelp {
    let setting = Schema.setting(flag: flag)
    var text = setting?.help ?? ""
    if let fallback = setting?.fallback, fallback != "[]", fallback != "\"\"" { text += " (default: \(fallback))" }
    return ArgumentHelp(stringLiteral: text).naming(value)
  }
}

/// Flags that no configuration file can hold.
enum CommandFlag: String, CaseIterable {
  case configFile = "config.file"
  case configCheck = "config.check"
  case format
  case kind
  case rules
  case matches

  static let pseudonymKeyHelp = ServeCommand.help("pseudonyms.key-file", "FILE")

  /// The commands that have it.
  var commands: [String] {
    switch self {
    case .configFile: ["serve", "replay"]
    case .configCheck: ["serve"]
    case .format, .rules, .matches: ["replay"]
    case .kind: ["pseudonym"]
    }
  }

  var help: String {
    switch self {
    case .configFile: "The configuration file, YAML."
    case .configCheck: "Check the configuration and exit: 0 when it is good, 1 with every failure named when it is not."
    case .format: "What to print: table, json or openmetrics. (default: table)"
    case .kind: "What the names are of: user or source-ip."
    case .matches: "Print each match of a rule instead of counts: as a table, jsonl (a JSON object a line) or sarif."
    case .rules: "Files of detection rules, in the place of those that the configuration names."
    }
  }

  var argumentHelp: ArgumentHelp {
    let value: String? =
      switch self {
      case .configFile, .rules: "FILE"
      case .configCheck: nil
      case .format, .matches: "FORMAT"
      case .kind: "KIND"
      }
    return ArgumentHelp(stringLiteral: help).naming(value)
  }
}

extension ArgumentHelp {
  fileprivate func naming(_ value: String?) -> ArgumentHelp {
    var help = self
    help.valueName = value
    return help
  }
}
