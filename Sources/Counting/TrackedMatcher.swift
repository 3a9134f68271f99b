internal import AuditEvents
internal import Metrics

/// Finds the tracked objects that a request is about, cheaply when it is about none.
///
/// - Shape: one bit an object. The verb, and length and first letter of the resource, leave few bits, and only those compare
///   text.
struct TrackedMatcher {
  private struct Rule {
    let name: [UInt8]
    let group: [UInt8]?
    let resource: [UInt8]
    let subresources: [[UInt8]]?
    let namespace: [UInt8]?
    let objectName: [UInt8]?
  }

  private var rules: [Rule] = []
  private var byVerb = [UInt64](repeating: 0, count: Verb.allCases.count)
  private var byResource = [UInt64](repeating: 0, count: 64)

  /// - Parameter values: makes label values of the names.
  init(_ objects: [TrackedObject], values: inout LabelValue) {
    for (i, object) in objects.prefix(CountingSettings.trackedObjectLimit).enumerated() {
      var name = LabelBuffer()
      values.append(configured: object.name, whenEmpty: "(none)", to: &name)
      rules.append(
        Rule(
          name: name.bytes, group: object.group.map { Array($0.utf8) }, resource: Array(object.resource.utf8),
          subresources: object.subresources?.map { Array($0.utf8) }, namespace: object.namespace.map { Array($0.utf8) },
          objectName: object.objectName.map { Array($0.utf8) }))
      for verb in object.verbs { byVerb[Int(verb.rawValue)] |= 1 << UInt64(i) }
      let first = object.resource.utf8.first ?? 0
      byResource[Self.slot(object.resource.utf8.count, first)] |= 1 << UInt64(i)
    }
  }

  /// The objects that match, one bit each.
  @inline(__always)
  func matches(_ event: borrowing AuditEvent) -> UInt64 {
    // SAFETY: a text's first byte is readable even when it is empty.
    let first = unsafe event.resource.raw.baseAddress.unsafelyUnwrapped.pointee
    let slot = Self.slot(event.resource.count, event.resource.isEmpty ? 0 : first)
    let candidates = byVerb[Int(event.verb.rawValue)] & byResource[slot]
    return candidates == 0 ? 0 : compare(event, candidates)
  }

  @inline(__always)
  private static func slot(_ count: Int, _ first: UInt8) -> Int { (count &+ Int(first) &* 5) & 63 }

  /// The escaped label value of an object.
  func name(_ object: Int) -> [UInt8] { rules[object].name }

  private func compare(_ event: borrowing AuditEvent, _ candidates: UInt64) -> UInt64 {
    var left = candidates
    var matches: UInt64 = 0
    while left != 0 {
      let i = left.trailingZeroBitCount
      left &= left - 1
      if isMatch(event, rules[i]) { matches |= 1 << UInt64(i) }
    }
    return matches
  }

  private func isMatch(_ event: borrowing AuditEvent, _ rule: borrowing Rule) -> Bool {
    guard equal(event.resource, rule.resource) else { return false }
    if let group = rule.group, !equal(event.apiGroup, group) { return false }
    if let namespace = rule.namespace, !equal(event.namespace, namespace) { return false }
    if let name = rule.objectName, !equal(event.name, name) { return false }
    guard let subresources = rule.subresources else { return true }
    for i in subresources.indices where equal(event.subresource, subresources[i]) { return true }
    return false
  }

  /// Names of Kubernetes hold nothing that JSON escapes, so raw bytes decide.
  private func equal(_ text: borrowing Text, _ bytes: [UInt8]) -> Bool {
    guard text.count == bytes.count else { return false }
    // SAFETY: `text` lends `count` bytes for this call.
    let raw = unsafe text.raw
    for i in bytes.indices where unsafe raw[i] != bytes[i] { return false }
    return true
  }
}
