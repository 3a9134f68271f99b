/// What a 403's status says about impersonation.
/// - Source: kubernetes/apiserver `pkg/endpoints/filters/impersonation`.
enum Impersonation {
  /// Whether a status with this message and `details.kind`, of a request for `resource`, refuses an impersonation.
  ///
  /// Every mode's message has the same two words. Where the message is lost, `details.kind` names what was to be
  /// impersonated and not, as everywhere else, the resource that was asked for.
  static func isRefused(message: Text, kind: Text, resource: Text) -> Bool {
    if message.contains("cannot impersonate") { return true }
    let identities: [StaticString] = ["users", "groups", "serviceaccounts", "userextras", "uids"]
    return identities.contains { kind.reads($0) } && !kind.equals(resource)
  }
}

extension Text {
  /// Whether both say the same, escapes undone.
  fileprivate func equals(_ other: Text) -> Bool {
    var bytes = PlainBytes(self)
    var others = PlainBytes(other)
    while let byte = bytes.next() {
      guard byte == others.next() else { return false }
    }
    return others.next() == nil
  }

  /// Whether it says `word`, escapes undone.
  fileprivate func reads(_ word: StaticString) -> Bool {
    var bytes = PlainBytes(self)
    for i in 0..<word.utf8CodeUnitCount {
      guard unsafe bytes.next() == word.utf8Start[i] else { return false }
    }
    return bytes.next() == nil
  }

  /// Whether it holds `word`, whose first byte must not occur in it again. Escapes are undone.
  func contains(_ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    var place = start
    let end = start + count
    while let first = place.find(unsafe word.utf8Start[0], before: end), end - first >= length {
      if first.matches(word) { return true }
      place = first + 1
    }
    return isEscaped && containsEscaped(word)
  }

  /// The same where letters may be written as escapes.
  private func containsEscaped(_ word: StaticString) -> Bool {
    var place = start
    let end = start + count
    while let escape = place.find(UInt8(ascii: "\\"), before: end), escape[1] != UInt8(ascii: "u") {
      place = escape + 2
    }
    guard place.find(UInt8(ascii: "\\"), before: end) != nil else { return false }
    let length = word.utf8CodeUnitCount
    var matched = 0
    var bytes = PlainBytes(self)
    while let byte = bytes.next() {
      if unsafe byte == word.utf8Start[matched] {
        matched += 1
        if matched == length { return true }
      } else {
        matched = unsafe byte == word.utf8Start[0] ? 1 : 0
      }
    }
    return false
  }

  /// Whether this request URI has the query parameter `dryRun`.
  @inline(__always) var asksForDryRun: Bool {
    if isEscaped { return hasEscapedDryRun }
    // A capital R is rare in URIs: mostly nothing is left to look at.
    var place = start
    let end = place + count
    while place < end {
      if place.mask16(UInt8(ascii: "R")) != 0 { return hasDryRunParameter }
      place += 16
    }
    return false
  }

  /// The same with escapes: mostly only `&` is escaped.
  @inline(never) private var hasEscapedDryRun: Bool {
    var place = start
    let end = place + count
    while let escape = place.find(UInt8(ascii: "\\"), before: end) {
      guard escape.matches("\\u0026") else { return hasDryRunParameter }
      place = escape + 6
    }
    return start.find(UInt8(ascii: "R"), before: end) != nil && hasDryRunParameter
  }

  @inline(never) private var hasDryRunParameter: Bool {
    let word: StaticString = "dryRun="
    var isInQuery = false
    // How much of the word the parameter has begun with; nil once it is another one.
    var matched: Int?
    var bytes = PlainBytes(self)
    while let byte = bytes.next() {
      if !isInQuery {
        isInQuery = byte == UInt8(ascii: "?")
        matched = isInQuery ? 0 : nil
      } else if byte == UInt8(ascii: "&") {
        matched = 0
      } else if let count = matched {
        matched = unsafe byte == word.utf8Start[count] ? count + 1 : nil
        if matched == word.utf8CodeUnitCount { return true }
      }
    }
    return false
  }
}

/// The bytes of a text, escapes undone.
private struct PlainBytes {
  private var place: BytePointer
  private let end: BytePointer
  /// What is left of an escape's bytes, the next one lowest.
  private var pending: UInt32 = 0
  private var pendingCount = 0

  init(_ text: Text) {
    place = text.start
    end = place + text.count
  }

  mutating func next() -> UInt8? {
    if pendingCount == 0 {
      guard place < end else { return nil }
      guard place.byte == UInt8(ascii: "\\") else {
        let byte = place.byte
        place += 1
        return byte
      }
      var bytes: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0)
      // SAFETY: `one` writes at most the four bytes of the tuple.
      pendingCount = unsafe withUnsafeMutableBytes(of: &bytes) { room in
        guard let base = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
        return unsafe Unescape.one(&place, into: base)
      }
      pending = UInt32(bytes.0) | UInt32(bytes.1) << 8 | UInt32(bytes.2) << 16 | UInt32(bytes.3) << 24
    }
    let byte = UInt8(truncatingIfNeeded: pending)
    pending >>= 8
    pendingCount -= 1
    return byte
  }
}
