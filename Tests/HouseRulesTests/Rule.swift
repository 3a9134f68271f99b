import Testing

/// One house rule.
struct Rule: Sendable, CustomTestStringConvertible {
  /// What holds, in a few words: the name of the test's case.
  let name: String
  let check: @Sendable (Tree) -> [Finding]

  var testDescription: String { name }

  /// Every rule; a rule that is not here does not exist.
  static let all: [Rule] = [
    importRules, sizeRules, bannedRules, unsafeRules, testRules, pageRules, productPageRules, textRules,
    alertRules,
  ].flatMap { $0 }
}

/// A place where a rule does not hold, and what to do about it.
struct Finding: Sendable, CustomStringConvertible {
  let path: String
  let line: Int?
  let text: String

  init(_ file: File, _ line: Int, _ text: String) {
    self.init(path: file.path, line, text)
  }

  /// About a file as a whole.
  init(_ file: File, _ text: String) {
    self.init(path: file.path, nil, text)
  }

  init(path: String, _ line: Int?, _ text: String) {
    self.path = path
    self.line = line
    self.text = text
  }

  var description: String { path + (line.map { ":\($0)" } ?? "") + ": " + text }
}
