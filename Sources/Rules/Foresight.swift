/// What a part of a condition can be, looked at twice: without the bodies that a level leaves out, and with them.
///
/// A set of pairs, the first of each what it is without, the second what it is with bodies. A test of a missing field is false
/// without, anything with. What bodies do not decide is the same both times.
struct Foresight: Sendable, Equatable {
  /// Bit `2 * without + with` for each pair that is possible.
  let pairs: UInt8

  static let no = Foresight(pairs: 0b0001)
  static let yes = Foresight(pairs: 0b1000)
  /// Either, and the same both times.
  static let unknown = Foresight(pairs: 0b1001)
  /// A test of what is left out.
  static let missing = Foresight(pairs: 0b0011)

  var negation: Foresight {
    Foresight(pairs: (pairs & 1) << 3 | (pairs & 2) << 1 | (pairs & 4) >> 1 | (pairs & 8) >> 3)
  }

  /// What both are at once, when neither depends on the other.
  func and(_ other: Foresight) -> Foresight {
    Foresight(pairs: Self.conjunctions[Int(pairs) << 4 | Int(other.pairs)])
  }

  var sight: RuleSight {
    var sight: RuleSight = []
    if pairs & 0b1100 != 0 { sight.insert(.matches) }
    if pairs & 0b0010 != 0 { sight.insert(.misses) }
    if pairs & 0b0100 != 0 { sight.insert(.exceeds) }
    return sight
  }

  private static let conjunctions: [UInt8] = (0..<256).map { sets in
    var both: UInt8 = 0
    for a in 0..<4 where sets >> 4 & 1 << a != 0 {
      for b in 0..<4 where sets & 1 << b != 0 { both |= 1 << UInt8(a & b) }
    }
    return both
  }
}

extension DecidedGraph {
  /// Finds out what each node can be without `absent` and with it, of a class of events.
  mutating func foresee(
    _ known: Known, _ codes: CodeClasses, _ texts: [TextClasses], leavingOut absent: Program.Absence,
    _ program: borrowing Program
  ) {
    foresee(nodes.indices) { graph, check in
      switch graph.answer(check, known, codes, texts, program) {
      case .no: .no
      case .yes: .yes
      case .unknown: program.checks[check].absence.isDisjoint(with: absent) ? .unknown : .missing
      }
    }
  }

  /// The same of these nodes, which rise and have their parts among them.
  mutating func foresee(_ chosen: some Sequence<Int>, _ ofCheck: (borrowing DecidedGraph, Int) -> Foresight) {
    if foresights.isEmpty { foresights = Array(repeating: .no, count: nodes.count) }
    for index in chosen {
      let node = nodes[index]
      foresights[index] =
        switch node.kind {
        case .constant: node.first == 1 ? .yes : .no
        case .check: ofCheck(self, Int(node.first))
        case .not: foresights[Int(node.first)].negation
        case .all: join(node) { $0 }
        case .any: join(node) { $0.negation }.negation
        }
    }
  }

  /// What a rule sees, of what was foreseen last.
  func sight(of node: Int32) -> RuleSight { foresights[Int(node)].sight }

  /// A node and all that it is made of, rising.
  func nodes(of root: Int32) -> [Int] {
    var isReached: Set<Int32> = []
    var left = [root]
    while let number = left.popLast() {
      guard isReached.insert(number).inserted else { continue }
      let node = nodes[Int(number)]
      switch node.kind {
      case .constant, .check: break
      case .not: left.append(node.first)
      case .all, .any: left += parts[Int(node.first)..<Int(node.first + node.count)]
      }
    }
    return isReached.sorted().map { Int($0) }
  }

  private func join(_ node: Node, _ form: (Foresight) -> Foresight) -> Foresight {
    var all = Foresight.yes
    for at in node.first..<node.first + node.count { all = all.and(form(foresights[Int(parts[Int(at)])])) }
    return all
  }
}
