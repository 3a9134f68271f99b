/// Reads one JSON object whatever its order and spacing: the fields of an event, and where the values of the wrappings'
/// keys stand. What it is (an event, a wrapping, neither) is decided afterwards, from `facts`.
///
/// Of duplicate keys the last wins, at every level.
struct AnyOrderScanner: ~Copyable {
  /// The fields found; whole only once `scan` has returned a place.
  var event = AuditEvent()
  var facts = ObjectFacts()
  private var time = EventTime()
  /// Bodies are held to the letter, not only to their strings and brackets.
  private var checksBodies = false
  let keys = KeyScratch()
  let extents = ExtentTable()

  deinit { keys.free() }

  /// Reads the object that opens at `start`.
  ///
  /// - Parameters:
  ///   - limit: where the bytes end; with `isOnOneLine` the first line feed ends them too.
  ///   - level: how many wrappings are around it: which row of `extents` to fill.
  /// - Returns: the place behind it; nil with the reason in `fault`, and in `event` and `facts` what stood before.
  mutating func scan(
    _ start: BytePointer, limit: BytePointer, isOnOneLine: Bool, depthLimit: Int, level: Int, fault: inout ScanFault
  ) -> BytePointer? {
    checksBodies = false
    let end = scanOnce(start, limit, isOnOneLine, depthLimit, level, &fault)
    // A body with a lost quote seems to go on to the end of the event: where the times that follow are missing, the body
    // is looked at too.
    guard end != nil, facts.hasBody, event.time == AuditEvent.absentTime else { return end }
    checksBodies = true
    return scanOnce(start, limit, isOnOneLine, depthLimit, level, &fault)
  }

  @inline(__always)
  private mutating func scanOnce(
    _ start: BytePointer, _ limit: BytePointer, _ isOnOneLine: Bool, _ depthLimit: Int, _ level: Int,
    _ fault: inout ScanFault
  ) -> BytePointer? {
    clear()
    var scanner = ValueScanner(limit: limit, isOnOneLine: isOnOneLine, depthLimit: depthLimit, keys: keys)
    var place = start + 1
    var isFirst = true
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      guard let next = member(key, at: place, level: level, &scanner) else { break }
      place = next
    }
    fault = scanner.fault
    if fault == .none, place > limit { fault = .incomplete }
    let isWhole = fault == .none
    finish()
    event.json = start.text(to: isWhole ? place : scanner.limit, isEscaped: false)
    return isWhole ? place : nil
  }

  /// Takes back what an object may lack. Field by field: copying a fresh event costs more.
  @inline(__always)
  private mutating func clear() {
    event.clearRequest()
    event.clearObjectReference()
    facts.clear()
  }

  /// Takes the value at `place` if its key is one of ours, passes over it otherwise.
  @inline(__always)
  private mutating func member(
    _ key: Key, at place: BytePointer, level: Int, _ scanner: inout ValueScanner
  ) -> BytePointer? {
    switch key.count {
    case 4:
      if key.start.matches("user") { return user(place, &scanner) }
      if key.start.matches("verb") { return verb(place, &scanner) }
      if key.start.matches("kind") { return kind(place, &scanner) }
    case 5:
      if key.start.matches("level") { return self.level(place, &scanner) }
      if key.start.matches("stage") { return stage(place, &scanner) }
    case 7 where key.start.matches("auditID"):
      facts.hasAuditID = true
      return scanner.stringValue(place, into: &event.auditID)
    case 9:
      if key.start.matches("sourceIPs") { return sourceIPs(place, &scanner) }
      if key.start.matches("userAgent") { return scanner.stringValue(place, into: &event.userAgent) }
      if key.start.matches("objectRef") { return objectReference(place, &scanner) }
    case 10:
      if key.start.matches("apiVersion") { return apiVersion(place, &scanner) }
      if key.start.matches("requestURI") {
        facts.hasRequestURI = true
        return scanner.stringValue(place, into: &event.requestURI)
      }
    case 11 where key.start.matches("annotations"): return annotations(place, &scanner)
    case 14:
      if key.start.matches("responseStatus") { return status(place, &scanner) }
      if key.start.matches("stageTimestamp") { return scanner.stringValue(place, into: &facts.stageTime) }
    case 16 where key.start.matches("impersonatedUser"):
      return Self.username(place, into: &event.impersonatedUser, &scanner)
    case 24 where key.start.matches("requestReceivedTimestamp"):
      return scanner.stringValue(place, into: &facts.receivedTime)
    default: break
    }
    return other(key, at: place, level: level, &scanner)
  }

  /// Notes the extent of a value that a wrapping may want.
  private mutating func other(
    _ key: Key, at place: BytePointer, level: Int, _ scanner: inout ValueScanner
  ) -> BytePointer? {
    // Bodies are long and no field comes from them.
    if key.equals("requestObject") || key.equals("responseObject") {
      facts.hasBody = true
      return checksBodies ? scanner.value(place) : scanner.unchecked(place)
    }
    guard let wanted = WrappingKey(key) else { return scanner.value(place) }
    // What is inside is checked when it is unwrapped.
    let end = scanner.unchecked(place)
    facts.lastKey = wanted
    // An unfinished value is noted too, up to the limit: the whole items of a list that was cut short still count.
    extents[level, wanted] = Extent(start: place, end: end ?? scanner.limit)
    facts.present |= 1 << UInt64(wanted.rawValue)
    return end
  }

  // MARK: - Words

  @inline(__always)
  private mutating func kind(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var text = Text.empty
    let end = scanner.stringValue(place, into: &text)
    let word = plain(text)
    facts.kind = word.equals("Event") ? .event : word.equals("EventList") ? .eventList : .other
    return end
  }

  @inline(__always)
  private mutating func apiVersion(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var text = Text.empty
    let end = scanner.stringValue(place, into: &text)
    let word = plain(text)
    facts.hasAPIVersion = true
    facts.isAuditGroup = word.count >= 13 && word.start.matches("audit.k8s.io/")
    facts.isFirstAlpha = word.equals("audit.k8s.io/v1alpha1")
    return end
  }

  @inline(__always)
  private mutating func verb(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var text = Text.empty
    guard let end = scanner.stringValue(place, into: &text) else { return nil }
    facts.hasVerb = true
    let word = plain(text)
    event.verb = Verb(word.start, count: word.count)
    return end
  }

  @inline(__always)
  private mutating func stage(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var text = Text.empty
    guard let end = scanner.stringValue(place, into: &text) else { return nil }
    facts.hasStage = true
    let word = plain(text)
    event.stage = Stage(word.start, count: word.count)
    return end
  }

  @inline(__always)
  private mutating func level(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var text = Text.empty
    guard let end = scanner.stringValue(place, into: &text) else { return nil }
    let word = plain(text)
    event.level = Level(word.start, count: word.count)
    return end
  }

  /// A short text with its escapes undone. The key scratch serves: at most one such word is looked at a time.
  private func plain(_ text: Text) -> Key {
    guard text.isEscaped else { return Key(start: text.start, count: text.count) }
    return keys.undo(text.start, text.start + text.count)
  }

  // MARK: - Objects

  private mutating func user(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    facts.isUserWhole = false
    let end = Self.username(place, into: &event.user, &scanner)
    if end != nil { facts.isUserWhole = true }
    return end
  }

  @inline(__always)
  private static func username(
    _ start: BytePointer, into field: inout Text, _ scanner: inout ValueScanner
  ) -> BytePointer? {
    var name = Text.empty
    field = .empty
    guard start.byte == UInt8(ascii: "{") else { return scanner.value(start) }
    var place = start + 1
    var isFirst = true
    // How an API server writes it.
    if start.matches(#"{"username":""#), start + 13 < scanner.limit {
      guard let next = scanner.string(start + 13, into: &name) else { return nil }
      var end = next + -1
      if OrderScanner.passRestOfUser(&end), end < scanner.limit {
        field = name
        return end
      }
      place = next
      isFirst = false
    }
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      let isName = key.equals("username")
      guard let next = isName ? scanner.stringValue(place, into: &name) : scanner.value(place) else { return nil }
      place = next
    }
    guard scanner.fault == .none else { return nil }
    field = name
    return place
  }

  private mutating func objectReference(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    event.clearObjectReference()
    facts.referenceVersion = .empty
    guard start.byte == UInt8(ascii: "{") else { return scanner.value(start) }
    var place = start + 1
    var isFirst = true
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      guard let next = referenceMember(key, at: place, &scanner) else { break }
      place = next
    }
    if scanner.fault != .none {
      event.clearObjectReference()
      return nil
    }
    return place
  }

  @inline(__always)
  private mutating func referenceMember(
    _ key: Key, at place: BytePointer, _ scanner: inout ValueScanner
  ) -> BytePointer? {
    switch key.count {
    case 8:
      if key.start.matches("resource") { return scanner.stringValue(place, into: &event.resource) }
      if key.start.matches("apiGroup") { return scanner.stringValue(place, into: &event.apiGroup) }
    case 9 where key.start.matches("namespace"): return scanner.stringValue(place, into: &event.namespace)
    case 4 where key.start.matches("name"): return scanner.stringValue(place, into: &event.name)
    case 11 where key.start.matches("subresource"): return scanner.stringValue(place, into: &event.subresource)
    case 10 where key.start.matches("apiVersion"): return scanner.stringValue(place, into: &facts.referenceVersion)
    default: break
    }
    return scanner.value(place)
  }

  private mutating func status(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    facts.status = StatusScanner(keys: keys)
    event.code = 0
    facts.isStatusWhole = false
    guard start.byte == UInt8(ascii: "{") else { return scanner.value(start) }
    guard let end = facts.status.scan(start, &scanner) else { return nil }
    event.code = facts.status.code
    facts.isStatusWhole = event.code != 0
    return end
  }

  private mutating func annotations(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    event.decision = .absent
    guard start.byte == UInt8(ascii: "{") else { return scanner.value(start) }
    var decision = Decision.absent
    guard let end = DecisionScanner.scan(start, &scanner, keys: keys, into: &decision) else { return nil }
    event.decision = decision
    return end
  }

  private mutating func sourceIPs(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    event.sourceIPs = .empty
    guard start.byte == UInt8(ascii: "[") else { return scanner.value(start) }
    var place = start + 1
    var isFirst = true
    var endsInString = false
    while scanner.nextElement(&place, isFirst: &isFirst) {
      endsInString = place.byte == UInt8(ascii: "\"")
      guard let next = scanner.value(place) else { return nil }
      place = next
    }
    guard scanner.fault == .none else { return nil }
    if endsInString { event.sourceIPs = (start + 1).text(to: place + -1, isEscaped: false) }
    return place
  }

  // MARK: - The end

  /// Puts together what several fields decide.
  private mutating func finish() {
    if event.code == 403 {
      event.isImpersonationRefused = Impersonation.isRefused(
        message: facts.status.message, kind: facts.status.kind, resource: event.resource)
    }
    if !facts.stageTime.isEmpty { event.time = readTime(facts.stageTime) }
    if event.time == AuditEvent.absentTime, !facts.receivedTime.isEmpty { event.time = readTime(facts.receivedTime) }
    if facts.isFirstAlpha, event.apiGroup.isEmpty { event.apiGroup = facts.referenceVersion.beforeLastSlash }
  }

  /// The time that `text` spells, or `AuditEvent.absentTime`.
  mutating func readTime(_ text: Text) -> Int64 {
    if text.count == 27, let value = time.readServerTime(text.start) { return value }
    let word = plain(text)
    return time.read(word.start, count: word.count)
  }
}
