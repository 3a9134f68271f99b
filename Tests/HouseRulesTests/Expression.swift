/// What a PromQL expression names: enough of the language to tell metrics, matchers and labels of groupings apart.
struct Expression {
  /// `name{label="value", …}`. The name is empty where a matcher of `__name__` gives it.
  struct Selector {
    var name = ""
    var matchers: [Matcher] = []
  }

  struct Matcher {
    let label: String
    let isRegex: Bool
    let value: String
  }

  private(set) var selectors: [Selector] = []
  /// Labels of `by`, `on`, `without`, `ignoring`, `group_left` and `group_right`.
  private(set) var groupings: [String] = []

  private static let groupingWords: Set = ["by", "on", "without", "ignoring", "group_left", "group_right"]
  private static let plainWords: Set = [
    "and", "or", "unless", "bool", "offset", "inf", "nan", "sum", "min", "max", "avg", "count", "group", "topk",
  ]

  init(_ text: String) {
    var tokens = Tokens(text)
    while let token = tokens.next() {
      switch token {
      case .word(let word) where Self.groupingWords.contains(word): readGrouping(&tokens)
      case .word(let word) where Self.plainWords.contains(word): continue
      case .word(let word):
        if tokens.skip("(") { continue }  // A function; what it is applied to follows.
        let matchers = tokens.skip("{") ? Self.matchers(&tokens) : []
        selectors.append(Selector(name: word, matchers: matchers))
      case .sign("{"): selectors.append(Selector(matchers: Self.matchers(&tokens)))
      case .sign("["): while let inner = tokens.next(), inner != .sign("]") {}
      case .sign, .text: continue
      }
    }
  }

  private mutating func readGrouping(_ tokens: inout Tokens) {
    guard tokens.skip("(") else { return }
    while let token = tokens.next(), token != .sign(")") {
      if case .word(let label) = token { groupings.append(label) }
    }
    // `sum by (a) (b)`: what is grouped follows.
    _ = tokens.skip("(")
  }

  private static func matchers(_ tokens: inout Tokens) -> [Matcher] {
    var found: [Matcher] = []
    var label = ""
    var isRegex = false
    while let token = tokens.next(), token != .sign("}") {
      switch token {
      case .word(let word): (label, isRegex) = (word, false)
      case .sign("~"): isRegex = true
      case .sign: continue
      case .text(let value): found.append(Matcher(label: label, isRegex: isRegex, value: value))
      }
    }
    return found
  }

  /// `a_(b|c)_d` is `a_b_d` and `a_c_d`, `b|c` is `b` and `c`: the only kinds of pattern whose words are judged.
  static func alternatives(_ pattern: String) -> [String] {
    guard let open = pattern.firstIndex(of: "("), let close = pattern.lastIndex(of: ")"), open < close else {
      return pattern.split(separator: "|").map(String.init)
    }
    let inner = pattern[pattern.index(after: open)..<close].split(separator: "|")
    return inner.map { String(pattern[..<open] + $0 + pattern[pattern.index(after: close)...]) }
  }
}

/// Words, strings and signs; numbers and blanks are passed over.
private struct Tokens {
  enum Token: Equatable {
    case word(String)
    case text(String)
    case sign(Character)
  }

  private var rest: Substring

  init(_ text: String) { rest = Substring(text) }

  mutating func next() -> Token? {
    rest = rest.drop { $0.isWhitespace }
    guard let first = rest.first else { return nil }
    if first.isLetter || first == "_" { return .word(take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" }) }
    if first.isNumber {
      // A duration or a number, with its unit.
      _ = take { $0.isLetter || $0.isNumber || $0 == "." }
      return next()
    }
    rest.removeFirst()
    return first == "\"" ? .text(quoted()) : .sign(first)
  }

  mutating func skip(_ sign: Character) -> Bool {
    rest = rest.drop { $0.isWhitespace }
    guard rest.first == sign else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func take(while holds: (Character) -> Bool) -> String {
    let taken = rest.prefix(while: holds)
    rest = rest[taken.endIndex...]
    return String(taken)
  }

  private mutating func quoted() -> String {
    var text = ""
    while let character = rest.popFirst(), character != "\"" {
      if character == "\\", let escaped = rest.popFirst() { text.append(escaped) } else { text.append(character) }
    }
    return text
  }
}
