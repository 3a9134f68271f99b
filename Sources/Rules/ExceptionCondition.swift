/// Writes a rule's exceptions into its condition, as text: `(condition) and not ((f1 c1 v1 and f2 c2 v2) or …)`.
enum ExceptionCondition {
  struct Malformed: Error {
    let what: String
    let remedy: String
    let place: ItemPlace
  }

  /// A value with a blank and no quotes gets quotes.
  static func quotedIfBlank(_ text: String) -> String {
    guard text.contains(" "), !text.hasPrefix("\""), !text.hasPrefix("'") else { return text }
    return "\"" + text + "\""
  }

  private static let listComparisons: Set = ["in", "intersects", "pmatch"]

  /// Says what is wrong with an exception's shape. One that is appended may have values alone.
  static func check(_ exception: RuleException) throws(Malformed) {
    guard let fields = exception.fields else {
      throw malformed(exception, "has no fields", "Write fields: [ka.user.name, …]")
    }
    switch fields {
    case .one:
      guard let word = exception.comparisons else { return }
      guard let text = word.text else {
        throw malformed(exception, "has one field and a list of comps", "Write one comp")
      }
      let words = text.split(separator: " ")
      guard listComparisons.contains(text) || words.count == 2 && Modifier(rawValue: String(words[1])) != nil else {
        throw malformed(exception, "compares one field with \(quoted(text))", "Write in, pmatch or intersects")
      }
    case .many(let names):
      if let comparisons = exception.comparisons {
        guard case .many(let words) = comparisons, words.count == names.count else {
          throw malformed(exception, "has not as many comps as fields", "Write a list of \(names.count)")
        }
      }
    }
  }

  static func malformed(_ exception: RuleException, _ what: String, _ remedy: String) -> Malformed {
    Malformed(what: "exception \(quoted(exception.name)) \(what)", remedy: remedy, place: exception.place)
  }

  /// The condition with all exceptions that have values.
  static func condition(
    _ condition: PlacedText, _ exceptions: [RuleException]
  ) throws(Malformed) -> PlacedText {
    guard !exceptions.isEmpty else { return condition }
    let first = condition.origin(at: 0)
    var text = PlacedText()
    text.append("(", of: first)
    text.append(condition)
    text.append(")", of: text.origin(at: text.bytes.count))
    for exception in exceptions where !exception.values.isEmpty {
      text.append(" and not " + (try clause(exception)), of: exception.origin)
    }
    return text
  }

  private static func clause(_ exception: RuleException) throws(Malformed) -> String {
    guard let fields = exception.fields else { throw malformed(exception, "has no fields", "Write fields") }
    guard case .many(let names) = fields else {
      let values = exception.values.compactMap(\.text)
      guard values.count == exception.values.count else {
        throw malformed(exception, "has one field and tuples of values", "Write a flat list")
      }
      let list = values.map(quotedIfBlank).joined(separator: ", ")
      return "(\(fields.text ?? "") \(exception.comparisons?.text ?? "in") (\(list)))"
    }
    var tuples: [String] = []
    for value in exception.values {
      guard case .many(let items) = value, items.count == names.count else {
        throw malformed(exception, "has a tuple that is not as long as its fields", "Write \(names.count) values")
      }
      var checks: [String] = []
      for (index, name) in names.enumerated() {
        let comparison = exception.comparisons?.items[index].text ?? "="
        checks.append("\(name.text ?? "") \(comparison) \(try right(items[index], comparison, exception))")
      }
      tuples.append("(" + checks.joined(separator: " and ") + ")")
    }
    return "(" + tuples.joined(separator: " or ") + ")"
  }

  private static func right(
    _ value: ExceptionEntry, _ comparison: String, _ exception: RuleException
  ) throws(Malformed) -> String {
    switch value {
    case .many(let items):
      let texts = items.compactMap(\.text)
      guard texts.count == items.count else { throw malformed(exception, "nests lists too deep", "Write one list") }
      return "(" + texts.map(quotedIfBlank).joined(separator: ", ") + ")"
    case .one(let text):
      let word = comparison.split(separator: " ").last.map(String.init) ?? ""
      guard listComparisons.contains(word) || Modifier(rawValue: word) != nil else { return quotedIfBlank(text) }
      return text.hasPrefix("(") ? text : "(\(text))"
    }
  }
}
