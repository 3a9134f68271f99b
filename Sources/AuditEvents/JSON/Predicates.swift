/// What a 403's status says about impersonation.
/// - Source: kubernetes/apiserver `pkg/endpoints/filters/impersonation`.
enum Impersonation {
  /// Whether the message is that of a refused impersonation: every mode's text has these two words.
  static func isRefused(message: Text) -> Bool { message.contains("cannot impersonate") }

  /// Whether `details.kind` names something that only an impersonation asks about. `users` and `groups` are no kinds of
  /// Kubernetes; `serviceaccounts` is, so this alone tells only where no authorizer decided.
  static func isKind(_ kind: Text) -> Bool {
    kind.equals("users") || kind.equals("groups") || kind.equals("serviceaccounts") || kind.equals("userextras")
      || kind.equals("uids")
  }
}

extension Text {
  /// Whether the raw bytes hold `word`.
  func contains(_ word: StaticString) -> Bool {
    let first = unsafe word.utf8Start[0]
    var place = start
    let end = start + count
    while let found = place.find(first, before: end), end - found >= word.utf8CodeUnitCount {
      if found.matches(word) { return true }
      place = found + 1
    }
    return false
  }

  /// Whether this request URI has the query parameter `dryRun`. A `&` of the query may be written `\u0026`.
  @inline(__always) var asksForDryRun: Bool {
    // A capital R is rare in URIs: mostly nothing is left to look at.
    var place = start
    let end = place + count
    while place < end {
      if place.mask16(UInt8(ascii: "R")) != 0 { return hasDryRunParameter }
      place += 16
    }
    return false
  }

  @inline(never) private var hasDryRunParameter: Bool {
    let end = start + count
    guard let query = start.find(UInt8(ascii: "?"), before: end) else { return false }
    var place = query + 1
    while place < end {
      if place.matches("dryRun="), end - place >= 7 { return true }
      while place < end, place.byte != UInt8(ascii: "&"), !place.matches("\\u0026") { place += 1 }
      place += place.byte == UInt8(ascii: "&") ? 1 : 6
    }
    return false
  }
}
