import AuditEvents

/// What the decoder reported, in its order: a digest of all fields for an event, the reason for everything else.
struct Outcomes: EventSink {
  private(set) var digests: [UInt64] = []
  /// Where what was rejected begins. Counted in a piece, so comparable between whole inputs only.
  private(set) var offsets: [Int] = []
  /// An event was taken whose body does not read as JSON's strings and brackets: the order path looks for such an event's
  /// end behind the body and takes it, the any-order path does not (docs/decoding.md).
  private(set) var hasDamagedBody = false
  private let judgesBodies: Bool

  init(judgesBodies: Bool) { self.judgesBodies = judgesBodies }

  mutating func receive(_ event: borrowing AuditEvent) {
    var digest = Digest()
    digest.add([UInt64(event.stage.rawValue), UInt64(event.level.rawValue), UInt64(event.verb.rawValue)])
    digest.add([UInt64(event.code), UInt64(event.decision.rawValue), UInt64(event.origin.rawValue)])
    let flags = [event.isImpersonationRefused, event.isDryRun, event.isSalvaged]
    digest.add(flags.map { $0 ? 1 : 0 } + [UInt64(bitPattern: event.time)])
    for text in [event.user, event.impersonatedUser, event.sourceIPs, event.userAgent, event.requestURI] {
      digest.add(text)
    }
    for text in [event.auditID, event.apiGroup, event.resource, event.subresource, event.namespace] { digest.add(text) }
    for text in [event.name, event.cluster, event.json] { digest.add(text) }
    digests.append(digest.value)
    if judgesBodies, !hasDamagedBody { hasDamagedBody = unsafe Body.isDamaged(Array(event.json.raw)) }
  }

  mutating func receive(_ record: borrowing CloudTrailRecord) {
    var digest = Digest()
    digest.add([UInt64(bitPattern: record.time)])
    for text in [record.eventID, record.eventSource, record.eventName, record.region, record.account] { digest.add(text) }
    for text in [record.sourceAddress, record.errorCode, record.sharedEventID] { digest.add(text) }
    for value in [record.identity, record.requestParameters, record.responseElements, record.insight] {
      digest.add(value?.text ?? .empty)
    }
    digests.append(digest.value)
  }

  mutating func ignore(_ reason: IgnoreReason) { digests.append(1_000 + UInt64(reason.rawValue)) }

  mutating func reject(_ reason: RejectReason, at offset: Int) {
    digests.append(2_000 + UInt64(reason.rawValue))
    offsets.append(offset)
  }
}

/// FNV-1a.
private struct Digest {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ numbers: [UInt64]) {
    for number in numbers { value = (value ^ number) &* 0x100_0000_01b3 }
  }

  /// The length goes first; escapes belong to it.
  mutating func add(_ text: Text) {
    add([UInt64(text.count), text.isEscaped ? 1 : 0])
    value = unsafe text.raw.reduce(value) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

/// The bodies of an event as the API server places them: between the fields before and the two times.
enum Body {
  private static let keys = [#","requestObject":"#, #","responseObject":"#].map { Array($0.utf8) }
  private static let tail = Array(#","requestReceivedTimestamp":""#.utf8)
  /// Below the decoder's limit of nesting, the event's own object counted.
  private static let depthLimit = 150

  /// Whether an event has something where bodies stand that is no body, or one whose strings or brackets do not close.
  static func isDamaged(_ event: [UInt8]) -> Bool {
    guard let first = event.indices.first(where: { at in keys.contains { event[at...].starts(with: $0) } }),
      let end = event.indices.last(where: { event[$0...].starts(with: tail) }), first < end
    else { return false }
    var place = first
    while place < end {
      guard let key = keys.first(where: { event[place...].starts(with: $0) }),
        let next = value(event[..<end], from: place + key.count)
      else { return true }
      place = next
    }
    return false
  }

  /// Where the value ends that begins at `start`; nil when it does not.
  private static func value(_ text: ArraySlice<UInt8>, from start: Int) -> Int? {
    guard start < text.endIndex else { return nil }
    switch text[start] {
    case UInt8(ascii: "\""): return string(text, from: start)
    case UInt8(ascii: "{"), UInt8(ascii: "["): return nested(text, from: start)
    default:
      for word in ["null", "true", "false"] where text[start...].starts(with: word.utf8) {
        return start + word.utf8.count
      }
      return nil
    }
  }

  private static func nested(_ text: ArraySlice<UInt8>, from start: Int) -> Int? {
    var depth = 0
    var place = start
    while place < text.endIndex {
      switch text[place] {
      case UInt8(ascii: "\""):
        guard let end = string(text, from: place) else { return nil }
        place = end
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= depthLimit else { return nil }
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      // Outside of strings an escape is no JSON, and what it hides is anybody's guess.
      case UInt8(ascii: "\\"): return nil
      default: break
      }
      place += 1
      if depth == 0 { return place }
    }
    return nil
  }

  private static func string(_ text: ArraySlice<UInt8>, from start: Int) -> Int? {
    var place = start + 1
    while place < text.endIndex {
      switch text[place] {
      case UInt8(ascii: "\""): return place + 1
      case UInt8(ascii: "\\"):
        guard place + 1 < text.endIndex else { return nil }
        if text[place + 1] == UInt8(ascii: "u") {
          let digits = text[(place + 2)...].prefix(4)
          guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
          place += 6
        } else {
          guard "\"\\/bfnrt".utf8.contains(text[place + 1]) else { return nil }
          place += 2
        }
      default: place += 1
      }
    }
    return nil
  }
}
