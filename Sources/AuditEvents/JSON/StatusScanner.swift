/// Reads a metav1.Status: `responseStatus` of an event, `response` or `status` of a Google log entry.
struct StatusScanner {
  /// Whether there is a `code` at all.
  private(set) var hasCode = false
  /// `code` as it stands when it is a whole number or a string of digits, at most 1,000,001; nil otherwise.
  private(set) var number: Int?
  private(set) var message = Text.empty
  /// `details.kind`.
  private(set) var kind = Text.empty
  /// The object's own `kind` is `Status`, or its `@type` ends so.
  private(set) var isStatus = false
  private let keys: KeyScratch?

  /// Nothing read.
  static var none: StatusScanner { StatusScanner(keys: nil) }

  init(keys: KeyScratch?) { self.keys = keys }

  /// The HTTP code: 100 to 599, or 0.
  var code: UInt16 {
    guard let number, number >= 100, number <= 599 else { return 0 }
    return UInt16(number)
  }

  /// Reads the object that opens at `start`.
  mutating func scan(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    var place = start + 1
    var isFirst = true
    // How it mostly begins.
    if start.matches(#"{"metadata":{},"code":"#), start + 22 < scanner.limit {
      guard let next = readCode(start + 22, &scanner) else { return nil }
      place = next
      isFirst = false
    }
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      guard let next = member(key, at: place, &scanner) else { return nil }
      place = next
    }
    return scanner.fault == .none ? place : nil
  }

  @inline(__always)
  private mutating func member(_ key: Key, at place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    switch key.count {
    case 4:
      if key.start.matches("code") { return readCode(place, &scanner) }
      if key.start.matches("kind") {
        var word = Text.empty
        let end = scanner.stringValue(place, into: &word)
        isStatus = word.equals("Status")
        return end
      }
    case 5 where key.start.matches("@type"):
      var word = Text.empty
      let end = scanner.stringValue(place, into: &word)
      if word.count >= 6, (word.start + (word.count - 6)).matches("Status") { isStatus = true }
      return end
    case 7:
      if key.start.matches("message") { return scanner.stringValue(place, into: &message) }
      if key.start.matches("details") { return readDetails(place, &scanner) }
    default: break
    }
    return scanner.value(place)
  }

  private mutating func readCode(_ place: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    hasCode = true
    // Three digits and the end of the object, as nearly always.
    let (a, b, c) = (place[0].digit, place[1].digit, place[2].digit)
    if a >= 1, a <= 9, b <= 9, c <= 9, place[3] == UInt8(ascii: "}"), place + 3 < scanner.limit {
      number = Int(a) &* 100 &+ Int(b) &* 10 &+ Int(c)
      return place + 3
    }
    var text = Text.empty
    let isString = place.byte == UInt8(ascii: "\"")
    guard let end = scanner.stringValue(place, into: &text) else { return nil }
    if isString {
      if text.isEscaped, let keys {
        let plain = keys.undo(text.start, text.start + text.count)
        text = plain.start.text(to: plain.start + plain.count, isEscaped: false)
      }
    } else {
      text = place.text(to: end, isEscaped: false)
    }
    number = text.smallNumber
    return end
  }

  private mutating func readDetails(_ start: BytePointer, _ scanner: inout ValueScanner) -> BytePointer? {
    kind = .empty
    guard start.byte == UInt8(ascii: "{") else { return scanner.value(start) }
    var place = start + 1
    var isFirst = true
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      let next = key.equals("kind") ? scanner.stringValue(place, into: &kind) : scanner.value(place)
      guard let next else { return nil }
      place = next
    }
    return scanner.fault == .none ? place : nil
  }
}

/// Finds the authorizer's decision among annotations.
enum DecisionScanner {
  /// Reads the object that opens at `start`. A decision that is no string counts as absent.
  static func scan(
    _ start: BytePointer, _ scanner: inout ValueScanner, keys: KeyScratch, into decision: inout Decision
  ) -> BytePointer? {
    var place = start + 1
    var isFirst = true
    // How it mostly begins.
    if place.skip(#""authorization.k8s.io/decision":"allow","#), place.skip(#""authorization.k8s.io/reason":"#),
      place < scanner.limit
    {
      decision = .allow
      guard let next = scanner.value(place) else { return nil }
      place = next
      isFirst = false
    } else {
      place = start + 1
    }
    while let key = scanner.nextKey(&place, isFirst: &isFirst) {
      guard key.equals("authorization.k8s.io/decision") else {
        guard let next = scanner.value(place) else { return nil }
        place = next
        continue
      }
      var text = Text.empty
      let isString = place.byte == UInt8(ascii: "\"")
      guard let next = scanner.stringValue(place, into: &text) else { return nil }
      if isString {
        let word =
          text.isEscaped ? keys.undo(text.start, text.start + text.count) : Key(start: text.start, count: text.count)
        decision = Decision(word.start, count: word.count)
      } else {
        decision = .absent
      }
      place = next
    }
    return scanner.fault == .none ? place : nil
  }
}
