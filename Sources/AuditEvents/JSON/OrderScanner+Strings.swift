// Strings, lists of strings, and the user's object, as the API server writes them.
extension OrderScanner {
  /// Takes the string that begins here; leaves `place` at its closing quote.
  @inline(__always)
  static func text(_ place: inout BytePointer, into text: inout Text) -> Bool {
    var isEscaped = false
    guard let end = place.closingQuote(&isEscaped) else { return false }
    text = place.text(to: end, isEscaped: isEscaped)
    place = end
    return true
  }

  /// The same for strings that are mostly longer than 16 bytes.
  @inline(__always)
  static func longText(_ place: inout BytePointer, into text: inout Text) -> Bool {
    var isEscaped = false
    guard let end = place.closingQuoteOfLong(&isEscaped) else { return false }
    text = place.text(to: end, isEscaped: isEscaped)
    place = end
    return true
  }

  /// The same for strings that are mostly longer than 32 bytes.
  @inline(__always)
  static func longestText(_ place: inout BytePointer, into text: inout Text) -> Bool {
    var isEscaped = false
    guard let end = place.closingQuoteOfLongest(&isEscaped) else { return false }
    text = place.text(to: end, isEscaped: isEscaped)
    place = end
    return true
  }

  /// Passes over the string that begins here; leaves `place` at its closing quote.
  @inline(__always)
  static func pass(_ place: inout BytePointer) -> Bool {
    var isEscaped = false
    guard let end = place.closingQuote(&isEscaped) else { return false }
    place = end
    return true
  }

  /// The same for strings that are mostly longer than 16 bytes.
  @inline(__always)
  static func passLong(_ place: inout BytePointer) -> Bool {
    var isEscaped = false
    guard let end = place.closingQuoteOfLong(&isEscaped) else { return false }
    place = end
    return true
  }

  /// The same for strings in which escapes are expected.
  @inline(__always)
  static func passEscaped(_ place: inout BytePointer) -> Bool {
    guard let end = place.closingQuoteOfEscaped else { return false }
    place = end
    return true
  }

  /// Passes over a string that mostly is a UUID.
  @inline(__always)
  static func passUUID(_ place: inout BytePointer, _ isEscaped: inout Bool) -> Bool {
    if place.isQuotedUUID {
      place += 36
      return true
    }
    guard let end = place.closingQuote(&isEscaped) else { return false }
    place = end
    return true
  }

  /// Passes over at least one quoted string and its followers; leaves `place` at the closing bracket.
  @inline(__always)
  static func passStrings(_ place: inout BytePointer) -> Bool {
    place.skip(#"""#) && passRestOfStrings(&place)
  }

  /// The same from inside the first string.
  @inline(__always)
  static func passRestOfStrings(_ place: inout BytePointer) -> Bool {
    while true {
      guard passLong(&place) else { return false }
      if place[1] == UInt8(ascii: "]") {
        place += 1
        return true
      }
      guard place.skip(#"",""#) else { return false }
    }
  }

  /// From the closing quote of the user name to behind the user's object: `uid`, `groups` and `extra` are checked, not
  /// kept. What API servers write of nodes and service accounts is compared in long pieces.
  @inline(never)
  static func passRestOfUser(_ place: inout BytePointer) -> Bool {
    if place.skip(#"","groups":["system:nodes","system:authenticated"]}"#) { return true }
    var isEscaped = false
    if place.skip(#"","uid":""#), !passUUID(&place, &isEscaped) { return false }
    if place.skip(#"","groups":["system:serviceaccounts","system:serviceaccounts:"#) {
      guard pass(&place) else { return false }
      if !place.skip(#"","system:authenticated"]"#) {
        guard passRestOfStrings(&place) else { return false }
        place += 1
      }
    } else {
      place += 1
      if place.skip(#","groups":["#) {
        guard passStrings(&place) else { return false }
        place += 1
      }
    }
    return place.skip(#","extra":{""#) ? passExtra(&place) : place.skip("}")
  }

  /// From the first key's first byte to behind the user's object.
  @inline(__always)
  static func passExtra(_ place: inout BytePointer) -> Bool {
    var isEscaped = false
    guard place.skip(#"authentication.kubernetes.io/credential-id":["JTI="#) else {
      guard passLong(&place), place.skip(#"":[""#), passLong(&place) else { return false }
      return passRestOfExtra(&place)
    }
    guard passUUID(&place, &isEscaped) else { return false }
    if place.skip(#""]}}"#) { return true }
    if place.skip(#""],"authentication.kubernetes.io/node-name":[""#) {
      guard passLong(&place) else { return false }
      if place.skip(#""],"authentication.kubernetes.io/node-uid":[""#) {
        guard passUUID(&place, &isEscaped) else { return false }
      }
    }
    if place.skip(#""],"authentication.kubernetes.io/pod-name":[""#) {
      guard passLong(&place) else { return false }
      if place.skip(#""],"authentication.kubernetes.io/pod-uid":[""#) {
        guard passUUID(&place, &isEscaped) else { return false }
      }
    }
    return passRestOfExtra(&place)
  }

  /// From a value's closing quote to behind the user's object.
  @inline(__always)
  static func passRestOfExtra(_ place: inout BytePointer) -> Bool {
    while !place.skip(#""]}}"#) {
      if place.skip(#""],""#) {
        guard passLong(&place), place.skip(#"":[""#) else { return false }
      } else {
        guard place.skip(#"",""#) else { return false }
      }
      guard passLong(&place) else { return false }
    }
    return true
  }
}
