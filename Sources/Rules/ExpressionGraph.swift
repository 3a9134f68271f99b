/// All conditions as one graph: what is the same stands there once, whatever rule or macro it came from.
///
/// - Invariant: a node refers to earlier nodes alone. Constants occur at the top only, and no node is joined of one part.
struct ExpressionGraph {
  enum Node: Sendable, Hashable {
    case constant(Bool)
    case check(Int32)
    case not(Int32)
    case all([Int32])
    case any([Int32])
  }

  private(set) var nodes: [Node] = []
  /// What evaluating a node costs about, in no unit.
  private(set) var costs: [Int] = []
  private var depths: [Int] = []
  private var numbers: [Node: Int32] = [:]
  private let nodesLimit: Int

  /// Evaluation recurses no deeper than this.
  private static let depthLimit = 400

  private static let costLimit = 1 << 40

  struct Full: Error { let what: String }

  init(nodesLimit: Int) { self.nodesLimit = nodesLimit }

  private mutating func add(_ node: Node, cost: Int, depth: Int) throws(Full) -> Int32 {
    if let number = numbers[node] { return number }
    guard nodes.count < nodesLimit else { throw Full(what: "the rules have more than \(nodesLimit) different parts") }
    guard depth <= Self.depthLimit else { throw Full(what: "macros nest more than \(Self.depthLimit) deep") }
    let number = Int32(nodes.count)
    nodes.append(node)
    costs.append(cost)
    depths.append(depth)
    numbers[node] = number
    return number
  }

  mutating func constant(_ value: Bool) throws(Full) -> Int32 { try add(.constant(value), cost: 0, depth: 0) }

  mutating func check(_ check: Int32, cost: Int) throws(Full) -> Int32 { try add(.check(check), cost: cost, depth: 0) }

  mutating func not(_ part: Int32) throws(Full) -> Int32 {
    switch nodes[Int(part)] {
    case .constant(let value): return try constant(!value)
    case .not(let inner): return inner
    default: return try add(.not(part), cost: costs[Int(part)], depth: depths[Int(part)] + 1)
    }
  }

  mutating func all(_ parts: [Int32]) throws(Full) -> Int32 { try join(parts, isAll: true) }
  mutating func any(_ parts: [Int32]) throws(Full) -> Int32 { try join(parts, isAll: false) }

  /// Joins parts, the cheap ones first: they have no effects, so their order is free.
  private mutating func join(_ parts: [Int32], isAll: Bool) throws(Full) -> Int32 {
    var seen: Set<Int32> = []
    var flat: [Int32] = []
    for part in parts {
      for inner in inner(of: part, isAll: isAll) where seen.insert(inner).inserted { flat.append(inner) }
    }
    // A part that decides the whole, or two that contradict each other.
    for part in flat {
      if case .constant(let value) = nodes[Int(part)], value != isAll { return try constant(!isAll) }
      if case .not(let inner) = nodes[Int(part)], seen.contains(inner) { return try constant(!isAll) }
    }
    flat.removeAll { nodes[Int($0)] == .constant(isAll) }
    guard let first = flat.first else { return try constant(isAll) }
    guard flat.count > 1 else { return first }
    let sorted = flat.enumerated().sorted { a, b in
      (costs[Int(a.element)], a.offset) < (costs[Int(b.element)], b.offset)
    }.map(\.element)
    // What is shared counts again each time it occurs, so sums can double from node to node.
    let cost = sorted.reduce(0) { min($0 + costs[Int($1)], Self.costLimit) }
    let depth = (sorted.map { depths[Int($0)] }.max() ?? 0) + 1
    return try add(isAll ? .all(sorted) : .any(sorted), cost: cost, depth: depth)
  }

  private func inner(of part: Int32, isAll: Bool) -> [Int32] {
    switch nodes[Int(part)] {
    case .all(let parts) where isAll && parts.count <= 8: parts
    case .any(let parts) where !isAll && parts.count <= 8: parts
    default: [part]
    }
  }

  // MARK: - Code

  /// Writes code for the given roots into `program`. What is joined of parts and has several users becomes a shared
  /// expression with code of its own.
  func emit(_ roots: [Int32], into program: inout Program) {
    var emitter = Emitter(nodes: nodes, program: program)
    emitter.emit(roots)
    program = emitter.program
  }

  private struct Emitter {
    let nodes: [Node]
    var program: Program
    private var users: [Int]
    private var shared: [Int32: Int32] = [:]

    init(nodes: [Node], program: Program) {
      self.nodes = nodes
      self.program = program
      users = Array(repeating: 0, count: nodes.count)
    }

    mutating func emit(_ roots: [Int32]) {
      var isReached = Array(repeating: false, count: nodes.count)
      for root in roots {
        users[Int(root)] += 1
        isReached[Int(root)] = true
      }
      // Nodes refer backwards, so users of a node are all behind it.
      for node in nodes.indices.reversed() where isReached[node] {
        // A negation has no code of its own: its users are its part's.
        var uses = 1
        if case .not = nodes[node] { uses = users[node] }
        for part in parts(of: nodes[node]) {
          users[Int(part)] += uses
          isReached[Int(part)] = true
        }
      }
      for node in nodes.indices where isReached[node] && users[node] > 1 {
        switch nodes[node] {
        case .all, .any:
          // Of a node's own code, what is inside is shared already; the node itself is not yet.
          let start = emit(Int32(node), onTrue: Program.isTrue, onFalse: Program.isFalse)
          shared[Int32(node)] = Int32(program.checks.count + program.sharedStarts.count)
          program.sharedStarts.append(start)
        default: break
        }
      }
      program.ruleStarts = roots.map { emit($0, onTrue: Program.isTrue, onFalse: Program.isFalse) }
      program.ruleNodes = roots
      program.nodes = nodes
    }

    private func parts(of node: Node) -> [Int32] {
      switch node {
      case .constant, .check: []
      case .not(let part): [part]
      case .all(let parts), .any(let parts): parts
      }
    }

    /// Writes code from its end to its beginning; answers where it begins.
    private mutating func emit(_ node: Int32, onTrue: Int32, onFalse: Int32) -> Int32 {
      if let subject = shared[node] { return step(subject, onTrue, onFalse) }
      switch nodes[Int(node)] {
      case .constant(let value): return value ? onTrue : onFalse
      case .check(let check): return step(check, onTrue, onFalse)
      case .not(let part): return emit(part, onTrue: onFalse, onFalse: onTrue)
      case .all(let parts):
        return parts.reversed().reduce(onTrue) { next, part in emit(part, onTrue: next, onFalse: onFalse) }
      case .any(let parts):
        return parts.reversed().reduce(onFalse) { next, part in emit(part, onTrue: onTrue, onFalse: next) }
      }
    }

    private mutating func step(_ subject: Int32, _ onTrue: Int32, _ onFalse: Int32) -> Int32 {
      program.code.append(Program.Instruction(subject: subject, onTrue: onTrue, onFalse: onFalse))
      return Int32(program.code.count - 1)
    }
  }
}
