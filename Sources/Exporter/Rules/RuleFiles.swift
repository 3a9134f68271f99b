internal import Diagnostics
internal import Engine
internal import Logging
internal import Rules

/// Reads files of detection rules for the commands.
enum RuleFiles {
  /// How many warnings are told one by one.
  static let warningsLimit = 50

  /// - Errors: all at once: files that cannot be read, else what is wrong in them, each with line and column.
  static func load(_ paths: [String]) throws(Failures) -> RuleSet {
    var files: [RuleFile] = []
    var failures: [Failure] = []
    for path in paths {
      do throws(Failure) { files.append(RuleFile(name: path, bytes: try FileText.read(path))) } catch {
        failures.append(
          Failure(.rules, error.what, at: .path(path), remedy: "Give the path of a rules file that this user can read"))
      }
    }
    guard failures.isEmpty else { throw Failures(failures) }
    return try RuleSet.load(files)
  }

  /// What there is to say of rules that load: what is odd in them, and what was passed over. A sentence each.
  static func remarks(_ rules: RuleSet) -> [String] {
    var lines = rules.warnings.prefix(warningsLimit).map { warning in
      FailureReport.sentence(Failure(.rules, warning.what, at: warning.place, remedy: ""))
    }
    if rules.warnings.count > warningsLimit { lines.append("\(rules.warnings.count - warningsLimit) warnings more.") }
    return lines
  }

  /// Does something with the rules of these files; says what is wrong or odd in them. The exit code.
  static func open(_ paths: [String], _ console: Console, _ body: (RuleSet) -> Int32) -> Int32 {
    do throws(Failures) {
      let rules = try load(paths)
      for line in remarks(rules) { console.error(line + "\n") }
      return body(rules)
    } catch {
      console.error(FailureReport.lines(error.all))
      return 1
    }
  }

  /// The same in the log, and how many rules there are.
  static func tell(_ rules: RuleSet?, _ logger: Logger) {
    guard let rules else { return }
    for line in remarks(rules) { logger.warning("rules", metadata: ["problem": "\(line)"]) }
    logger.info(
      "rules loaded",
      metadata: [
        "rules": "\(rules.rules.count(where: \.isEnabled))", "disabled": "\(rules.rules.count { !$0.isEnabled })",
        "of_other_sources": "\(rules.skippedRules)",
      ])
  }
}

extension Settings {
  /// The detection rules that the settings name; nil when none is named.
  func detectionRules() throws(Failures) -> RuleSet? {
    detection.files.isEmpty ? nil : try RuleFiles.load(detection.files)
  }
}
