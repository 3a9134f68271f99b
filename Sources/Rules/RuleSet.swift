public import Diagnostics

/// Rules that are loaded and compiled: what a `Detector` evaluates.
public struct RuleSet: Sendable {
  /// Of the files in their order, rules for Kubernetes audit events; those that are switched off too.
  public let rules: [Rule]
  /// What is odd and loads, in the files' order.
  public let warnings: [RuleWarning]
  /// How many rules of other sources were passed over.
  public let skippedRules: Int
  let program: Program
  let outputs: [OutputFormat]

  static let warningLimit = 500

  /// For each rule whether events of one stage alone can match it, as far as its condition names stages. Any other may
  /// match one request several times.
  public var matchesOneStage: [Bool] { RuleClasses.matchOneStage(program) }

  /// Reads, puts together and compiles files in their order.
  ///
  /// - Errors: all that were found, up to 50: reasons `rules` and `yaml`, each with file, line and column.
  public static func load(_ files: [RuleFile], limits: RuleLimits = RuleLimits()) throws(Failures) -> RuleSet {
    var sources = SourceMap(files)
    var failures: [Failure] = []
    var warnings: [RuleWarning] = []
    var items: [RuleItem] = []
    guard files.reduce(0, { $0 + $1.bytes.count }) <= limits.bytes else {
      let what = "the rules files together have more than \(limits.bytes) bytes"
      throw Failures([Failure(.rules, what, at: .path(files[0].name), remedy: "Give fewer files")])
    }
    for index in files.indices {
      var reader = ItemReader(sources: sources, file: index)
      items += reader.items(limits: limits)
      sources = reader.sources
      failures += reader.failures
      warnings += reader.warnings
    }
    var collector = RuleCollector(sources: sources)
    for item in items { collector.add(item) }
    failures += collector.failures
    warnings += collector.warnings
    // Without a whole of items every condition that names a lost one would fail too.
    guard failures.isEmpty else { throw Failures(Array(failures.prefix(ItemReader.failureLimit))) }
    var compiler = RuleCompiler(collector, sources: sources, limits: limits)
    let compiled = try compiler.compile()
    return RuleSet(
      rules: compiled.rules, warnings: Array((warnings + compiler.warnings).prefix(warningLimit)),
      skippedRules: compiled.skippedRules, program: compiled.program, outputs: compiled.outputs)
  }
}

/// One rule, as it is after all files.
public struct Rule: Sendable {
  public let name: String
  public let description: String
  public let priority: Priority
  /// The output with its fields, as written.
  public let output: String
  public let tags: [String]
  /// One that is not is never evaluated.
  public let isEnabled: Bool
  /// What makes it windowed; nil for a rule that matches requests by themselves.
  public let window: RuleWindow?
  /// Where it is defined.
  public let place: Failure.Place
}
