/// Undoes the escapes of JSON strings.
///
/// Surrogate pairs become one character; a lone surrogate becomes U+FFFD, as Go does.
/// - Source: RFC 8259, section 7.
enum Unescape {
  /// Writes the byte or the escape at `place`, which a scan has checked, and moves behind it.
  ///
  /// - Parameter out: room for 4 bytes.
  /// - Returns: how many bytes were written; never more than were read.
  @inline(__always) @unsafe
  static func one(_ place: inout BytePointer, into out: UnsafeMutablePointer<UInt8>) -> Int {
    guard place.byte == UInt8(ascii: "\\") else {
      unsafe out[0] = place.byte
      place += 1
      return 1
    }
    let kind = place[1]
    guard kind == UInt8(ascii: "u") else {
      unsafe out[0] = plain(kind)
      place += 2
      return 1
    }
    var scalar = unit(place + 2)
    place += 6
    if scalar & 0xfc00 == 0xd800, place.byte == UInt8(ascii: "\\"), place[1] == UInt8(ascii: "u") {
      let low = unit(place + 2)
      if low & 0xfc00 == 0xdc00 {
        scalar = 0x10000 + (scalar & 0x3ff) << 10 + (low & 0x3ff)
        place += 6
      }
    }
    if scalar & 0xf800 == 0xd800 { scalar = 0xfffd }
    return unsafe encode(scalar, into: out)
  }

  /// What the letter of a two-byte escape stands for.
  private static func plain(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "b"): 8
    case UInt8(ascii: "f"): 12
    case UInt8(ascii: "n"): 10
    case UInt8(ascii: "r"): 13
    case UInt8(ascii: "t"): 9
    default: letter
    }
  }

  private static func unit(_ place: BytePointer) -> UInt32 {
    var value: UInt32 = 0
    for i in 0..<4 { value = value << 4 | (place[i].hexDigit ?? 0) }
    return value
  }

  @unsafe private static func encode(_ scalar: UInt32, into out: UnsafeMutablePointer<UInt8>) -> Int {
    if scalar < 0x80 {
      unsafe out[0] = UInt8(scalar)
      return 1
    }
    if scalar < 0x800 {
      unsafe out[0] = UInt8(0xc0 | scalar >> 6)
      unsafe out[1] = UInt8(0x80 | scalar & 0x3f)
      return 2
    }
    if scalar < 0x10000 {
      unsafe out[0] = UInt8(0xe0 | scalar >> 12)
      unsafe out[1] = UInt8(0x80 | scalar >> 6 & 0x3f)
      unsafe out[2] = UInt8(0x80 | scalar & 0x3f)
      return 3
    }
    unsafe out[0] = UInt8(0xf0 | scalar >> 18)
    unsafe out[1] = UInt8(0x80 | scalar >> 12 & 0x3f)
    unsafe out[2] = UInt8(0x80 | scalar >> 6 & 0x3f)
    unsafe out[3] = UInt8(0x80 | scalar & 0x3f)
    return 4
  }
}

extension ByteBuffer {
  /// Appends the bytes between two places.
  func append(from start: BytePointer, to end: BytePointer) {
    // SAFETY: both lie in one buffer, `end` not before `start`.
    unsafe append(raw: UnsafeRawBufferPointer(start: start.raw, count: end - start))
  }

  /// Appends `text` with its escapes undone. Backslash-free stretches are copied as they are.
  func append(unescaped text: Text) {
    reserve(text.count)
    var place = text.start
    let end = place + text.count
    // SAFETY: undoing escapes never lengthens, so what is written fits the room reserved above; `one` may touch 3 bytes
    // more, which the padding has.
    _ = unsafe fill { room in
      guard var out = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
      let first = unsafe out
      while place < end {
        let stop = place.find(UInt8(ascii: "\\"), before: end) ?? end
        unsafe out.update(from: place.raw, count: stop - place)
        unsafe out += stop - place
        place = stop
        while place < end, place.byte == UInt8(ascii: "\\") { unsafe out += Unescape.one(&place, into: out) }
      }
      return unsafe out - first
    }
  }
}
