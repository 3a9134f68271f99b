internal import AuditEvents

extension Program {
  /// Finds for each check the events in which it reads nothing, and the checks that the user agent alone decides.
  mutating func findDependencies() {
    let absences = operands.indices.map { absence(of: Int32($0)) }
    let isOfAgent = operands.indices.map { readsAgentAlone(Int32($0)) }
    for index in checks.indices {
      let (left, right) = (Int(checks[index].operand), Int(checks[index].right))
      // Without either side nothing holds.
      checks[index].absence = right < 0 ? absences[left] : absences[left].union(absences[right])
      if right < 0, isOfAgent[left] {
        checks[index].agent = Int32(agentChecks.count)
        agentChecks.append(Int32(index))
      }
    }
  }

  private func absence(of operand: Int32) -> Absence {
    switch operands[Int(operand)] {
    case .literal: return []
    // None makes something of nothing.
    case .transformed(_, let parts, _): return parts.reduce(into: []) { $0.formUnion(absence(of: $1)) }
    case .field(let plan):
      // The decoder's fields, and one that has more than one source, are no matter of paths.
      guard case .json(let extraction) = plan.field.source, extraction != .clusterName, plan.node > 0 else {
        return []
      }
      var top = plan.node
      var below: Int32?
      while paths.nodes[Int(top)].parent > 0 {
        below = top
        top = paths.nodes[Int(top)].parent
      }
      switch paths.nodes[Int(top)].root {
      case .requestObject: return .requestObject
      case .responseObject: return .responseObject
      case .annotations:
        guard let below else { return [] }
        let usual = ["authorization.k8s.io/decision", "authorization.k8s.io/reason"]
        let isUsual = usual.contains { paths.nodes[Int(below)].key.elementsEqual($0.utf8) }
        return isUsual ? [] : .unusualAnnotations
      default: return []
      }
    }
  }

  private func readsAgentAlone(_ operand: Int32) -> Bool {
    switch operands[Int(operand)] {
    case .literal: false
    case .field(let plan): plan.field.source == .text(.userAgent)
    case .transformed(_, let parts, _): parts.count == 1 && readsAgentAlone(parts[0])
    }
  }
}
