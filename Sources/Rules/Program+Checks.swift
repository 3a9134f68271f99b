internal import AuditEvents

extension Program {
  /// Whether one value satisfies a check whose right side is constant.
  func satisfies(_ check: Check, _ value: borrowing Span<UInt8>) -> Bool {
    if check.isNumber { return satisfiesNumber(check, value) }
    switch check.comparison {
    case .exists: return true
    case .isIn, .intersects: return isMember(value, check)
    case .pmatch:
      for index in check.first..<check.first + check.count {
        if Bytes.isPathPrefix(constantBytes.span.extracting(constant(index)), of: value) { return true }
      }
      return false
    default: break
    }
    guard let modifier = check.modifier else { return satisfies(check.comparison, check.first, value) }
    var count: Int32 = 0
    for index in check.first..<check.first + check.count where satisfies(check.comparison, index, value) { count += 1 }
    switch modifier {
    case .anyof: return count > 0
    case .oneof: return count == 1
    case .allof: return count == check.count
    }
  }

  /// The set stands in order of length, then of bytes.
  private func isMember(_ value: borrowing Span<UInt8>, _ check: Check) -> Bool {
    var low = check.first
    var high = check.first + check.count
    while low < high {
      let middle = (low + high) / 2
      let range = constant(middle)
      var order = value.count - range.count
      if order == 0 { order = Bytes.compare(value, constantBytes.span.extracting(range)) }
      if order == 0 { return true }
      if order < 0 { high = middle } else { low = middle + 1 }
    }
    return false
  }

  private func satisfies(_ comparison: Comparison, _ index: Int32, _ value: borrowing Span<UInt8>) -> Bool {
    guard comparison != .regex else { return matchesExpression(Int(index), value) }
    return Self.satisfies(comparison, value, constantBytes.span.extracting(constant(index)))
  }

  /// Whether two texts compare so.
  static func satisfies(
    _ comparison: Comparison, _ value: borrowing Span<UInt8>, _ other: borrowing Span<UInt8>
  ) -> Bool {
    switch comparison {
    case .equal: Bytes.areEqual(value, other)
    case .notEqual: !Bytes.areEqual(value, other)
    case .less: Bytes.compare(value, other) < 0
    case .lessOrEqual: Bytes.compare(value, other) <= 0
    case .greater: Bytes.compare(value, other) > 0
    case .greaterOrEqual: Bytes.compare(value, other) >= 0
    case .contains: Bytes.contains(value, other, foldsCase: false)
    case .icontains: Bytes.contains(value, other, foldsCase: true)
    case .startswith: Bytes.matches(value, at: 0, other)
    case .endswith: Bytes.matches(value, at: value.count - other.count, other)
    case .glob: Glob.matches(other, value, foldsCase: false)
    case .iglob: Glob.matches(other, value, foldsCase: true)
    default: false
    }
  }

  private func satisfiesNumber(_ check: Check, _ value: borrowing Span<UInt8>) -> Bool {
    guard let number = Bytes.number(value) else { return false }
    if check.comparison == .exists { return true }
    for index in Int(check.first)..<Int(check.first + check.count)
    where Self.satisfiesNumber(check.comparison, number, numbers[index]) {
      return true
    }
    return false
  }

  static func satisfiesNumber(_ comparison: Comparison, _ number: UInt64, _ other: UInt64) -> Bool {
    switch comparison {
    case .equal, .isIn, .intersects: number == other
    case .notEqual: number != other
    case .less: number < other
    case .lessOrEqual: number <= other
    case .greater: number > other
    case .greaterOrEqual: number >= other
    default: false
    }
  }

  /// RE2 reads UTF-8: ill-formed bytes are replaced first, which is rare and costs a copy.
  private func matchesExpression(_ index: Int, _ value: borrowing Span<UInt8>) -> Bool {
    var isPlain = true
    for at in 0..<value.count where value[at] >= 0x80 { isPlain = false }
    if isPlain { return expressions[index].matches(value) }
    var copy: [UInt8] = []
    for at in 0..<value.count { copy.append(value[at]) }
    let repaired = Array(String(decoding: copy, as: UTF8.self).utf8)
    return expressions[index].matches(repaired.span)
  }

  // MARK: - Closed vocabularies

  /// Fills in the answers of checks on words that the decoder has read: one table of bytes a check.
  mutating func makeAnswers() {
    for index in checks.indices where checks[index].right < 0 {
      guard case .field(let plan) = operands[Int(checks[index].operand)] else { continue }
      let check = checks[index]
      let words: [String?]
      switch plan.field.source {
      case .stage:
        checks[index].fast = .stage
        words = Stage.allCases.map { $0 == .unknown ? nil : $0.label }
      case .verb:
        checks[index].fast = .verb
        words = Verb.allCases.map { $0 == .other || $0 == .none ? nil : "\($0.label)" }
      case .decision:
        checks[index].fast = .decision
        words = Decision.allCases.map { $0 == .allow ? "allow" : $0 == .forbid ? "forbid" : nil }
      case .code:
        checks[index].fast = .code
        words = (0..<600).map { $0 < 100 ? nil : String($0) }
      case .text(let text):
        checks[index].fast = .text(text)
        continue
      case .json(.general(.rawTime)) where !check.isNumber:
        if decidesByPresence(check) { checks[index].fast = .hasTime }
        continue
      case .json: continue
      }
      checks[index].answers = Int32(answers.count)
      for (number, word) in words.enumerated() {
        if let word {
          answers.append(satisfies(check, word.utf8Span.span) ? Answer.yes : Answer.no)
        } else {
          answers.append(Self.isAbsent(plan.field.source, number) ? Answer.no : Answer.look)
        }
      }
    }
  }

  /// Puts the words that checks look for in one field together: what is an object or array is searched once for all.
  mutating func makeSearches() {
    var searched: [Int32: (node: Int32, checks: [Int], words: [[UInt8]])] = [:]
    for index in checks.indices {
      let check = checks[index]
      guard check.comparison == .contains, check.right < 0, !check.isNumber, check.count > 0,
        check.modifier == nil || check.modifier == .anyof, case .field(let plan) = operands[Int(check.operand)],
        plan.field.source.isWholeValue
      else { continue }
      let words = (check.first..<check.first + check.count).map { Array(constantBytes[constant($0)]) }
      var all = searched[check.operand] ?? (plan.node, [], [])
      let new = words.filter { !all.words.contains($0) }
      guard words.allSatisfy(WordSearch.isPlain), all.words.count + new.count <= WordSearch.wordsLimit else { continue }
      all.checks.append(index)
      for word in new where !all.words.contains(word) { all.words.append(word) }
      searched[check.operand] = all
      for word in words {
        checks[index].searchedWords |= 1 << UInt64(all.words.firstIndex(of: word) ?? 0)
      }
    }
    for (_, all) in searched.sorted(by: { $0.key < $1.key }) {
      for check in all.checks { checks[check].search = Int32(searches.count) }
      searches.append(Search(node: all.node, words: WordSearch(all.words)))
    }
  }

  /// Falco's rules write "always" as `jevt.rawtime exists`, and "never" as `jevt.rawtime = 0`: no time is that text, for
  /// it ends in the three digits that microseconds leave.
  private func decidesByPresence(_ check: Check) -> Bool {
    if check.comparison == .exists { return true }
    guard check.comparison == .equal, check.modifier == nil, check.count == 1 else { return false }
    return constant(check.first).count < 4
  }

  /// Whether the word of that number says that there is none.
  private static func isAbsent(_ source: FieldSource, _ number: Int) -> Bool {
    switch source {
    case .verb: number == Int(Verb.none.rawValue)
    case .decision: number == Int(Decision.absent.rawValue)
    default: false
    }
  }
}
