public import AuditEvents

/// What windowed rules count an event by.
extension Detector {
  /// Whether a rule counts in a window.
  public func isWindowed(_ rule: Int) -> Bool { program.windows[rule] != nil }

  /// Appends the values of a windowed rule's key of the event that was evaluated last: no two different keys are the same
  /// bytes. A missing field is a value of its own, and a list is one value.
  ///
  /// - Parameter sourceIP: what stands for `source_ip`.
  public mutating func appendWindowKey(
    of rule: Int, _ event: borrowing AuditEvent, sourceIP: [UInt8], to bytes: inout [UInt8]
  ) {
    guard let parts = program.windows[rule]?.by else { return }
    for part in parts { _ = append(part, event, sourceIP, to: &bytes) }
  }

  /// Appends the values that a windowed rule counts the different ones of; false when the event has none of them. Nothing for
  /// one that counts requests.
  public mutating func appendWindowValue(
    of rule: Int, _ event: borrowing AuditEvent, sourceIP: [UInt8], to bytes: inout [UInt8]
  ) -> Bool {
    guard let parts = program.windows[rule]?.distinct else { return false }
    var hasAny = parts.isEmpty
    for part in parts where append(part, event, sourceIP, to: &bytes) { hasAny = true }
    return hasAny
  }

  private mutating func append(
    _ part: WindowPart, _ event: borrowing AuditEvent, _ sourceIP: [UInt8], to bytes: inout [UInt8]
  ) -> Bool {
    switch part {
    case .sourceIP:
      bytes.append(count: sourceIP.count)
      bytes.append(contentsOf: sourceIP)
      return !sourceIP.isEmpty
    case .text(let which, let operand):
      let text = EventReader.text(which, of: event)
      guard !text.isEscaped else { return append(.operand(operand), event, sourceIP, to: &bytes) }
      bytes.append(count: text.isEmpty ? 0 : 1)
      guard !text.isEmpty else { return false }
      bytes.append(count: text.count)
      text.withSpan { span in for at in span.indices { bytes.append(span[at]) } }
      return true
    case .operand(let operand):
      let range = read(operand, event)
      bytes.append(count: range.count)
      for value in range {
        let place = values.range(of: value)
        bytes.append(count: place.count)
        for at in place { bytes.append(values.bytes[at]) }
      }
      return !range.isEmpty
    }
  }

  /// A windowed rule's threshold, as a clause of its explanation.
  ///
  /// - Parameters:
  ///   - value: what the window holds of the event's key, up to the threshold.
  ///   - isMatch: whether the event has made it reach that.
  public func windowClause(of rule: RuleWindow, value: Int, isMatch: Bool) -> Explanation {
    let what = rule.distinct.isEmpty ? "requests" : "different " + rule.distinct.joined(separator: ", ")
    let by = rule.by.isEmpty ? "" : " by " + rule.by.joined(separator: ", ")
    let clause = "at_least \(rule.atLeast) \(what)\(by) over \(rule.seconds)s"
    return Explanation(clause: clause, isTrue: isMatch, values: ["\(value) of \(rule.atLeast)"], parts: [])
  }
}

extension [UInt8] {
  fileprivate mutating func append(count: Int) {
    for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: count >> shift)) }
  }
}
