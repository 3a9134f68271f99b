/// Where fields stand in an event, as a tree of keys: what several fields have in common is one node, so that an object is
/// walked over once for all that is wanted of it.
struct FieldPaths: Sendable {
  struct Node: Sendable {
    let key: [UInt8]
    let parent: Int32
    /// Which of these members of an event it is.
    let root: Extraction.Root?
    /// A Google log entry has something else in its place.
    let isReplaced: Bool
    var children: [Int32] = []
    /// A bit for the length of each child's key, those above 63 together.
    var lengths: UInt64 = 0
  }

  /// The first is the event.
  private(set) var nodes = [Node(key: [], parent: -1, root: nil, isReplaced: false)]

  /// No event is read as deep as this.
  private static let depthLimit = 256
  /// What is too deep to be there.
  static let nowhere: Int32 = -1

  /// The node of a part of the event, and of what is inside it.
  mutating func node(_ root: Extraction.Root, _ path: [String]) -> Int32 {
    path.reduce(child(of: 0, Array(root.key.utf8), isReplaced: true)) { child(of: $0, Array($1.utf8)) }
  }

  /// The node that a JSON pointer's tokens lead to. Of a Google log entry the two bodies stand where an audit event has
  /// them, and nothing else does.
  mutating func node(_ tokens: [[UInt8]]) -> Int32 {
    guard let first = tokens.first else { return 0 }
    guard tokens.count <= Self.depthLimit else { return Self.nowhere }
    let isBody = [Extraction.Root.requestObject, .responseObject].contains { first.elementsEqual($0.key.utf8) }
    return tokens.dropFirst().reduce(child(of: 0, first, isReplaced: isBody)) { child(of: $0, $1) }
  }

  private mutating func child(of parent: Int32, _ key: [UInt8], isReplaced: Bool = false) -> Int32 {
    for child in nodes[Int(parent)].children
    where nodes[Int(child)].key == key && nodes[Int(child)].isReplaced == isReplaced {
      return child
    }
    let number = Int32(nodes.count)
    let root = parent == 0 ? Extraction.Root.allCases.first { key.elementsEqual($0.key.utf8) } : nil
    nodes.append(Node(key: key, parent: parent, root: root, isReplaced: isReplaced))
    nodes[Int(parent)].children.append(number)
    nodes[Int(parent)].lengths |= Self.bit(key.count)
    return number
  }

  static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }

  /// Gives a plan the nodes of what it reads.
  mutating func place(_ plan: inout Program.FieldPlan) {
    switch plan.field.source {
    case .code: plan.node = node(.responseStatus, ["code"])
    case .decision: plan.node = node(.annotations, ["authorization.k8s.io/decision"])
    case .json(let extraction): place(&plan, extraction)
    case .stage, .verb, .text: break
    }
  }

  private mutating func place(_ plan: inout Program.FieldPlan, _ extraction: Extraction) {
    switch extraction {
    case .scalar(let root, let path), .elements(let root, let path): plan.node = node(root, path)
    case .pointer: plan.node = node(plan.pointer)
    case .sourceIPs: plan.node = node([Array("sourceIPs".utf8)])
    case .clusterName: plan.node = node(.annotations, ["cluster_name"])
    case .targetPodName: plan.node = node(.responseObject, ["metadata", "name"])
    case .subjects: plan.node = node(.requestObject, ["subjects"])
    case .roleRules: plan.node = node(.requestObject, ["rules"])
    case .containers(let list, let part):
      plan.node = node(.requestObject, ["spec", list])
      if case .effective(let name) = part {
        plan.otherNode = node(.requestObject, ["spec", "securityContext", name])
      }
    case .anyPrivileged, .firstImage, .firstRepository: plan.node = node(.requestObject, ["spec", "containers"])
    case .hostPath, .flexVolumeDriver, .volumeType, .hostPathMatches:
      plan.node = node(.requestObject, ["spec", "volumes"])
    case .constant, .uriParameter, .wholeEvent, .general: break
    }
  }
}
