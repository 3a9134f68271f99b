/// Reads an event whose fields stand in the order in which the API server writes them, without white space.
///
/// Every literal between two values is compared, so what it accepts is an event; whatever differs (order, spacing, a
/// field unknown to it, an escape that is none, a line that ends early) is no error but an answer of nil: the any-order
/// scanner then reads the line from its beginning.
///
/// - Bodies: `requestObject` and `responseObject` are not read. When one follows, the end of the event is searched from
///   the line feed backwards: a raw quote cannot occur inside a string, and only the times and the annotations come
///   after the bodies. So damage inside a body goes unnoticed, and so would a field between body and
///   `requestReceivedTimestamp`, where no API server writes one. Such an event must have its `objectRef`,
///   `responseStatus` and `annotations` where they belong, or it is read in any order.
/// - Source: kubernetes/apiserver `pkg/apis/audit/v1/types.go` for the order; `generated.pb.go` has no say in JSON.
struct OrderScanner: ~Copyable {
  var event = AuditEvent()
  // One each: the two times of a watch's end are apart.
  private var stageTime = EventTime()
  private var receivedTime = EventTime()

  init() { event.isOrdered = true }

  /// Reads the event that begins with the `{` at `start`, into `event`.
  ///
  /// - Parameter end: the end of the readable input; a line feed before it ends the event's line.
  /// - Returns: the place after the event's `}`.
  mutating func scan(_ start: BytePointer, end: BytePointer) -> BytePointer? {
    var place = start
    guard place.skip(#"{"kind":"Event","apiVersion":"au"#), place.skip(#"dit.k8s.io/v1","level":""#) else { return nil }
    return scanFields(start, &place, end: end, readsBodies: true)
  }

  /// The same for an item of an EventList, which has neither kind nor apiVersion; one with a body is read in any order,
  /// for nothing tells where its line would end.
  mutating func scanItem(_ start: BytePointer, end: BytePointer) -> BytePointer? {
    var place = start
    guard place.skip(#"{"level":""#) else { return nil }
    return scanFields(start, &place, end: end, readsBodies: false)
  }

  @inline(__always)
  private mutating func scanFields(
    _ start: BytePointer, _ place: inout BytePointer, end: BytePointer, readsBodies: Bool
  ) -> BytePointer? {
    clear()
    guard scanHead(&place), scanUser(&place), scanClient(&place) else { return nil }
    var hasReference = false
    if place.skip(#","objectRef":{"resource":""#) {
      guard scanObjectReference(&place) else { return nil }
      hasReference = true
    }
    var hasStatus = false
    if place.skip(#","responseStatus":{"metadata":{},"code":"#) {
      guard scanCode(&place) else { return nil }
      hasStatus = true
    } else if place.skip(#","responseStatus":{"metadata":{},""#) {
      guard scanStatus(&place) else { return nil }
      hasStatus = true
    }
    var lineEnd: BytePointer?
    if !place.matches(#","requestR"#) {
      guard readsBodies, hasReference, hasStatus,
        place.matches(#","requestObject":"#) || place.matches(#","responseObject":"#),
        let found = place.find(UInt8(ascii: "\n"), before: end), let tail = Self.tail(before: found, after: place)
      else { return nil }
      lineEnd = found
      event.bodies = place.text(to: tail, isEscaped: false)
      place = tail
    }
    guard scanTail(&place, needsAnnotations: lineEnd != nil) else { return nil }
    if let lineEnd, place != lineEnd { return nil }
    event.json = start.text(to: place, isEscaped: false)
    return place
  }

  /// Takes back every field that an event may lack, but those of user and client, which are set either way.
  @inline(__always)
  private mutating func clear() {
    event.code = 0
    event.decision = .absent
    event.isImpersonationRefused = false
    event.bodies = .empty
    event.hasUsualAnnotations = true
    event.clearObjectReference()
  }

  // MARK: - Parts, in their order

  /// From the level's first byte to the end of the verb.
  @inline(__always)
  private mutating func scanHead(_ place: inout BytePointer) -> Bool {
    if place.skip(#"Metadata","auditID":""#) {
      event.level = .metadata
    } else if place.skip(#"Request","auditID":""#) {
      event.level = .request
    } else if place.skip(#"RequestResponse","auditID":""#) {
      event.level = .requestResponse
    } else {
      return false
    }
    let identifier = place
    var isEscaped = false
    guard Self.passUUID(&place, &isEscaped) else { return false }
    event.auditID = identifier.text(to: place, isEscaped: isEscaped)
    guard place.skip(#"","stage":"Re"#) else { return false }
    if place.skip(#"sponseComplete","requestURI":""#) {
      event.stage = .responseComplete
    } else if place.skip(#"sponseStarted","requestURI":""#) {
      event.stage = .responseStarted
    } else if place.skip(#"questReceived","requestURI":""#) {
      event.stage = .requestReceived
    } else {
      return false
    }
    guard Self.longestText(&place, into: &event.requestURI), place.skip(#"","verb":""#) else { return false }
    let verb = place
    isEscaped = false
    guard let verbEnd = place.closingQuote(&isEscaped), !isEscaped else { return false }
    place = verbEnd
    event.verb = Verb(verb, count: place - verb)
    return place.skip(#"","user":{"#)
  }

  /// From the byte after `"user":{` to the end of the users' last object.
  @inline(__always)
  private mutating func scanUser(_ place: inout BytePointer) -> Bool {
    if place.skip(#""username":""#) {
      guard Self.longText(&place, into: &event.user), Self.passRestOfUser(&place) else { return false }
    } else {
      guard place.skip("}") else { return false }
      event.user = .empty
    }
    if place.skip(#","impersonatedUser":{"username":""#) {
      guard Self.text(&place, into: &event.impersonatedUser), Self.passRestOfUser(&place) else { return false }
    } else {
      event.impersonatedUser = .empty
    }
    if place.skip(#","authenticationMetadata":{"#) {
      guard place.skip(#""impersonationConstraint":""#), Self.pass(&place), place.skip(#""}"#) else { return false }
    }
    return true
  }

  /// `sourceIPs` and `userAgent`, both optional.
  @inline(__always)
  private mutating func scanClient(_ place: inout BytePointer) -> Bool {
    if place.skip(#","sourceIPs":[""#) {
      let list = place + -1
      guard Self.pass(&place) else { return false }
      if place[1] == UInt8(ascii: "]") {
        place += 1
      } else {
        guard place.skip(#"",""#), Self.passRestOfStrings(&place) else { return false }
      }
      event.sourceIPs = list.text(to: place, isEscaped: false)
      place += 1
    } else {
      event.sourceIPs = .empty
    }
    if place.skip(#","userAgent":""#) {
      guard Self.longestText(&place, into: &event.userAgent) else { return false }
      place += 1
    } else {
      event.userAgent = .empty
    }
    return true
  }

  /// From the resource's first byte to the end of the object.
  @inline(__always)
  private mutating func scanObjectReference(_ place: inout BytePointer) -> Bool {
    guard Self.text(&place, into: &event.resource) else { return false }
    if place[3] == UInt8(ascii: "n") {
      if place.skip(#"","namespace":""#), !Self.text(&place, into: &event.namespace) { return false }
      if place.skip(#"","name":""#), !Self.longText(&place, into: &event.name) { return false }
    }
    if place.skip(#"","uid":""#), !Self.pass(&place) { return false }
    if place.skip(#"","apiGroup":""#), !Self.longText(&place, into: &event.apiGroup) { return false }
    if place.skip(#"","apiVersion":"v1"}"#) { return true }
    if place.skip(#"","apiVersion":""#), !Self.pass(&place) { return false }
    if place.skip(#"","resourceVersion":""#), !Self.pass(&place) { return false }
    if place.skip(#"","subresource":""#), !Self.text(&place, into: &event.subresource) { return false }
    return place.skip(#""}"#)
  }

  /// From the first byte of the key that follows `metadata` to the end of the object. The code is required.
  @inline(__always)
  private mutating func scanStatus(_ place: inout BytePointer) -> Bool {
    var message = Text.empty
    var kind = Text.empty
    if place.skip(#"status":""#), !(Self.pass(&place) && place.skip(#"",""#)) { return false }
    if place.skip(#"message":""#), !(Self.text(&place, into: &message) && place.skip(#"",""#)) { return false }
    if place.skip(#"reason":""#), !(Self.pass(&place) && place.skip(#"",""#)) { return false }
    if place.skip(#"details":{""#) {
      if place.skip(#"name":""#), !(Self.pass(&place) && place.skip(#"",""#)) { return false }
      if place.skip(#"group":""#), !(Self.pass(&place) && place.skip(#"",""#)) { return false }
      guard place.skip(#"kind":""#), Self.text(&place, into: &kind), place.skip(#""},""#) else { return false }
    }
    guard place.skip(#"code":"#), scanCode(&place) else { return false }
    if event.code == 403 {
      event.isImpersonationRefused = Impersonation.isRefused(message: message, kind: kind, resource: event.resource)
    }
    return true
  }

  /// `200}`: three digits, nothing else.
  @inline(__always)
  private mutating func scanCode(_ place: inout BytePointer) -> Bool {
    let (a, b, c) = (place[0].digit, place[1].digit, place[2].digit)
    guard a >= 1, a <= 5, b <= 9, c <= 9, place[3] == UInt8(ascii: "}") else { return false }
    event.code = UInt16(a) &* 100 &+ UInt16(b) &* 10 &+ UInt16(c)
    place += 4
    return true
  }

  /// The times, the annotations and the closing bracket.
  @inline(__always)
  private mutating func scanTail(_ place: inout BytePointer, needsAnnotations: Bool) -> Bool {
    guard place.skip(#","requestReceivedTimestamp":""#) else { return false }
    // Read only where the stage's time is missing.
    var received = place
    var isEscaped = false
    if place.isQuotedTime {
      place += 27
    } else {
      guard let receivedEnd = place.closingQuote(&isEscaped), !isEscaped else { return false }
      place = receivedEnd
    }
    guard place.skip(#"","stageTimestamp":""#) else { return false }
    event.time = Self.scanTime(&place, &stageTime)
    if event.time == AuditEvent.absentTime { event.time = Self.scanTime(&received, &receivedTime) }
    guard place.skip(#"""#) else { return false }
    if place.skip(#","annotations":{""#) {
      guard scanAnnotations(&place) else { return false }
    } else if needsAnnotations {
      return false
    }
    return place.skip("}")
  }

  /// A time's string; leaves `place` at its closing quote, or where no quote is.
  @inline(__always)
  private static func scanTime(_ place: inout BytePointer, _ time: inout EventTime) -> Int64 {
    let start = place
    if let value = time.readServerTime(start) {
      place += 27
      return value
    }
    var isEscaped = false
    guard let end = place.closingQuote(&isEscaped), !isEscaped else {
      // No quote stands at the beginning of what was no time: the caller's next literal fails.
      return AuditEvent.absentTime
    }
    place = end
    return time.read(start, count: end - start)
  }

  /// From the first key's first byte to the end of the object: strings only.
  @inline(__always)
  private mutating func scanAnnotations(_ place: inout BytePointer) -> Bool {
    // What the authorizer writes, as nearly always.
    if place.skip(#"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""#) {
      // The reason quotes names, so escapes are expected.
      guard place.byte == UInt8(ascii: "\"") || Self.passEscaped(&place) else { return false }
      event.decision = .allow
      if place.skip(#""}"#) { return true }
      guard place.skip(#"",""#) else { return false }
    }
    event.hasUsualAnnotations = false
    while true {
      let isDecision = place.matches(#"authorization.k8s.io/decision":""#)
      var isEscaped = false
      guard let keyEnd = place.closingQuoteOfLong(&isEscaped), !isEscaped else { return false }
      place = keyEnd
      guard place.skip(#"":""#) else { return false }
      let value = place
      guard let valueEnd = place.closingQuote(&isEscaped) else { return false }
      place = valueEnd
      if isDecision {
        guard !isEscaped else { return false }
        event.decision = Decision(value, count: place - value)
      }
      if place.skip(#"",""#) { continue }
      return place.skip(#""}"#)
    }
  }

  /// The last `,"requestReceivedTimestamp":"` between `first` and the line's end.
  private static func tail(before lineEnd: BytePointer, after first: BytePointer) -> BytePointer? {
    var block = lineEnd + -16
    while first < block {
      // Two of its bytes together are rare: the comma, and the R nine bytes on.
      var hits = block.mask16(UInt8(ascii: ",")) & (block + 9).mask16(UInt8(ascii: "R"))
      while hits != 0 {
        let bit = 31 - hits.leadingZeroBitCount
        let place = block + bit
        if place.matches(#","requestReceivedTimestamp":""#) { return place }
        hits &= ~(1 << UInt32(bit))
      }
      block += -16
    }
    return nil
  }
}
