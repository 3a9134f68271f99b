import AuditEvents
import Rules
import TestSupport

/// Runs `body` on every event that `bytes` holds.
func forEachEvent(
  of bytes: [UInt8], speculatesOrder: Bool = true, _ body: (borrowing AuditEvent) -> Void
) -> Int {
  withoutActuallyEscaping(body) { body in
    var sink = Sink(body: body)
    var limits = AuditDecoder.Limits()
    limits.speculatesOrder = speculatesOrder
    var decoder = AuditDecoder(limits: limits)
    _ = decoder.decode(ByteBuffer(bytes), .lastOfStream, into: &sink)
    return sink.count
  }
}

private struct Sink: EventSink {
  let body: (borrowing AuditEvent) -> Void
  var count = 0

  mutating func receive(_ event: borrowing AuditEvent) {
    count += 1
    body(event)
  }
  mutating func ignore(_ reason: IgnoreReason) {}
  mutating func reject(_ reason: RejectReason, at offset: Int) {}
}

/// Rules out of one text.
func load(_ text: String) throws -> RuleSet {
  try RuleSet.load([RuleFile(name: "rules.yaml", bytes: Array(text.utf8))])
}

/// A file of one rule with this condition, and what stands before it.
func ruleText(_ condition: String, before: String = "", output: String = "said") -> String {
  before + """
    - rule: r
      desc: d
      condition: >
        \(condition)
      output: '\(output)'
      priority: WARNING
      source: k8s_audit

    """
}

/// How often each rule matches the events of `bytes`.
func counts(_ rules: RuleSet, _ bytes: [UInt8], _ matching: Detector.Matching = .all) -> [String: Int] {
  var counts: [String: Int] = [:]
  var detector = Detector(rules, matching: matching)
  _ = forEachEvent(of: bytes) { event in
    detector.detect(event)
    for rule in detector.matches { counts[rules.rules[rule].name, default: 0] += 1 }
  }
  return counts
}

/// Whether the rule of that condition matches the one event.
func matches(_ condition: String, before: String = "", _ event: String) throws -> Bool {
  !counts(try load(ruleText(condition, before: before)), Array(event.utf8)).isEmpty
}

enum Corpora {
  static let folder = Files.beside("../../Corpora")
}
