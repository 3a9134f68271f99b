internal import AuditEvents

extension Program {
  /// Finds for each check on a body the words of which one must stand there for it to hold: a key that its field is under, or
  /// what it compares with. Bodies are long, and most have none of what rules ask for: then one search for all words answers
  /// every such check, and nothing of the body is read.
  mutating func makeBodyWords() {
    var words: [[UInt8]] = []
    // Constants that have a part in common can be looked for by it.
    var shares: [[UInt8]: Int] = [:]
    for check in checks { for part in constantParts(check).joined() { shares[part, default: 0] += 1 } }
    for index in checks.indices where !checks[index].absence.isDisjoint(with: .bodies) && checks[index].right < 0 {
      var needed = constantParts(checks[index]).compactMap { parts in
        parts.max { (shares[$0] ?? 0, $0.count) < (shares[$1] ?? 0, $1.count) }
      }
      if needed.isEmpty || needed.count < checks[index].count { needed = keyWord(checks[index]).map { [$0] } ?? [] }
      let new = Set(needed).subtracting(words)
      guard !needed.isEmpty, words.count + new.count <= WordSearch.wordsLimit else { continue }
      for word in needed where !words.contains(word) { words.append(word) }
      for word in needed { checks[index].bodyWords |= 1 << UInt64(words.firstIndex(of: word) ?? 0) }
    }
    bodyWords = WordSearch(words)
  }

  /// For each constant of a check for `contains`, on a value that stands in the body as it does in the JSON, the parts that can
  /// be looked for; shorter ones are everywhere.
  private func constantParts(_ check: Check) -> [[[UInt8]]] {
    guard check.comparison == .contains, !check.isNumber, check.right < 0,
      case .field(let plan) = operands[Int(check.operand)], plan.field.source.isWholeValue
    else { return [] }
    return (check.first..<check.first + check.count).map { index in
      WordSearch.parts(of: Array(constantBytes[constant(index)])).filter { $0.count >= 6 }
    }
  }

  /// A key without which the field of a check has no value; nil where every object has it, or none is known.
  private func keyWord(_ check: Check) -> [UInt8]? {
    guard case .field(let plan) = operands[Int(check.operand)], case .json(let extraction) = plan.field.source,
      plan.node > 0
    else { return nil }
    var keys: [[UInt8]] = []
    switch extraction {
    case .containers(_, .security(let name)): keys.append(Array(name.utf8))
    case .containers(_, .capabilities): keys.append(Array("capabilities".utf8))
    case .hostPath, .hostPathMatches: keys.append(Array("hostPath".utf8))
    case .flexVolumeDriver: keys.append(Array("flexVolume".utf8))
    default: break
    }
    var node = plan.node
    while paths.nodes[Int(node)].parent > 0 {
      keys.append(paths.nodes[Int(node)].key)
      node = paths.nodes[Int(node)].parent
    }
    return keys.first { key in
      // Digits may number an element of an array.
      key.count >= 6 && WordSearch.isPlain(key) && !Self.usualKeys.contains(key)
        && !key.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
  }

  /// Keys that most objects have: to look for them tells nothing.
  private static let usualKeys: Set<[UInt8]> = Set(
    ["annotations", "containers", "labels", "metadata", "namespace", "roleRef", "subjects", "template"].map {
      Array($0.utf8)
    })
}
