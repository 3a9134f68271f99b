import AuditEvents
import Crypto
import Metrics
import TestSupport
import Testing

/// Label values of what clients may send. The expected ones are written out; the properties hold for any bytes.
struct LabelValueTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var raw: [UInt8]
    /// The value as Prometheus reads it.
    var value: String
    var testDescription: String { name }
    init(_ name: String, _ raw: String, _ value: String) { self.init(name, bytes: Array(raw.utf8), value) }
    init(_ name: String, bytes: [UInt8], _ value: String) {
      (self.name, raw, self.value) = (name, bytes, value)
    }
  }

  static let rows = [
    Row("plain", "system:serviceaccount:kube-system:default", "system:serviceaccount:kube-system:default"),
    Row("empty", "", "(unauthenticated)"),
    Row("forged word", "(unauthenticated)", #"\(unauthenticated)"#),
    Row("forged by escape", #"\u0028other)"#, #"\(other)"#),
    Row("leading backslash", #"\\(other)"#, #"\\(other)"#),
    Row("backslash within", #"EXAMPLE\\bob"#, #"EXAMPLE\bob"#),
    Row("quote", #"a\"b"#, #"a"b"#),
    Row("line feed", #"a\nb"#, #"a\u000ab"#),
    Row("raw line feed", "a\nb", #"a\u000ab"#),
    Row("tab, return, bell", #"\t\r\u0007"#, #"\u0009\u000d\u0007"#),
    Row("solidus", #"a\/b"#, "a/b"),
    Row("nul", #"\u0000"#, #"\u0000"#),
    Row("delete", "\u{7f}", #"\u007f"#),
    Row("C1", "\u{85}x", #"\u0085x"#),
    Row("right-to-left override", "abc\u{202e}def", #"abc\u202edef"#),
    Row("right-to-left override, escaped", #"abc\u202Edef"#, #"abc\u202edef"#),
    Row("zero width", "a\u{200b}\u{200d}\u{feff}", #"a\u200b\u200d\ufeff"#),
    Row("tag characters", "a\u{e0041}", #"a\U000e0041"#),
    Row("line separator", "\u{2028}\u{2029}", #"\u2028\u2029"#),
    Row("emoji", "😀", "😀"),
    Row("emoji, escaped", #"\ud83d\ude00"#, "😀"),
    Row("lone high surrogate", #"a\ud83db"#, "a\u{fffd}b"),
    Row("lone low surrogate", #"\ude00"#, "\u{fffd}"),
    Row("two high surrogates", #"\ud83d\ud83d\ude00"#, "\u{fffd}😀"),
    Row("encoded surrogate", bytes: [0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),
    Row("overlong", bytes: [0xc0, 0xaf], "\u{fffd}\u{fffd}"),
    Row("cut short", bytes: [0x61, 0xe2, 0x82], "a\u{fffd}"),
    Row("five bytes", bytes: [0xf8, 0x88, 0x80, 0x80, 0x80], String(repeating: "\u{fffd}", count: 5)),
    Row("not a character's start", bytes: [0xff, 0x62], "\u{fffd}b"),
    Row("accents", "Zoë", "Zoë"),
    Row("256 bytes", String(repeating: "a", count: 256), String(repeating: "a", count: 256)),
  ]

  /// The label value of raw bytes, as it is read back from a rendered row.
  static func value(_ raw: [UInt8], key: SipKey = SipKey(1, 2)) -> (rendered: [UInt8], value: String) {
    var values = LabelValue(key: key)
    var out = LabelBuffer()
    let held = HeldText(raw)
    values.append(held.text, whenEmpty: "(unauthenticated)", to: &out)
    var arena = LabelArena()
    let ref = arena.append(Array("user=\"".utf8) + out.bytes + [0x22])
    var set = SampleSet(sharing: arena)
    set.append(ref, 1)
    return (out.bytes, set.value(of: .user, in: set.rows[0]) ?? "nothing")
  }

  @Test(arguments: rows) func isWhatIsWritten(_ row: Row) {
    #expect(Self.value(row.raw).value == row.value)
  }

  @Test func aLongValueIsCutOnACharacterAndTellsItsHash() {
    for unit in ["a", "é", "€", "😀", "\u{202e}"] {
      let long = Array(String(repeating: unit, count: 300).utf8)
      let value = Self.value(long).value
      #expect(value.utf8.count <= 256)
      #expect(value.utf8.count > 256 - 12)
      let tail = value.split(separator: "…", omittingEmptySubsequences: false)
      #expect(tail.count == 2)
      #expect(tail[1].count == 8 && tail[1].allSatisfy(\.isHexDigit))
      #expect(!value.contains("\u{fffd}"))
      // The same beginning, another end: another value. Another key: another hash.
      #expect(Self.value(long + [0x78]).value != value)
      #expect(Self.value(long, key: SipKey(3, 4)).value != value)
      #expect(Self.value(long).value == value)
    }
  }

  @Test func theHashIsOfTheWholeValue() {
    let long = [UInt8](repeating: 0x61, count: 100_000)
    let hash = SipHash.hash24(long.span, key: SipKey(1, 2)) & 0xffff_ffff
    let hex = String(hash, radix: 16)
    let digits = String(repeating: "0", count: 8 - hex.count) + hex
    #expect(Self.value(long).value == String(repeating: "a", count: 245) + "…" + digits)
  }

  /// No bytes become a reserved word, break a row, or hide a control character.
  @Test(arguments: 0..<8) func anyBytesAreSafe(_ part: UInt64) {
    var random = SplitMix64(seed: part)
    let pieces = [
      "(", ")", "other", "(other)", "(unknown)", "\\\\", "\\\"", "\\u0028", "\\u005c", "\\n", "\\ud83d", "\\ude00",
      "\u{202e}", "\u{200b}", "😀", "é", "a", "bob", "\\u0000", "\\u2066", "…", "\u{85}",
    ].map { Array($0.utf8) }
    var byValue: [String: [UInt8]] = [:]
    for _ in 0..<4_000 {
      var raw: [UInt8] = []
      for _ in 0..<(1 + random.below(random.chance(5) ? 120 : 6)) {
        if random.chance(70) { raw += random.pick(pieces) } else { raw.append(Self.rawByte(&random)) }
      }
      let (rendered, value) = Self.value(raw)
      check(rendered, value)
      // Identity is the rendered text: equal values render alike and different ones do not.
      if let other = byValue.updateValue(rendered, forKey: value) { #expect(other == rendered) }
    }
    #expect(Set(byValue.values).count == byValue.count)
  }

  /// A byte that may stand raw in a JSON string that a lenient decoder let pass: no quote and no backslash.
  private static func rawByte(_ random: inout SplitMix64) -> UInt8 {
    let byte = UInt8(random.below(256))
    return byte == 0x22 || byte == 0x5c ? 0x41 : byte
  }

  private func check(_ rendered: [UInt8], _ value: String) {
    #expect(value.utf8.count <= LabelValue.bytesLimit)
    #expect(!value.isEmpty && !value.hasPrefix("("))
    #expect(String(validating: rendered, as: UTF8.self) != nil)
    for scalar in value.unicodeScalars {
      #expect(scalar.properties.generalCategory != .control)
      #expect(scalar.properties.generalCategory != .lineSeparator)
      #expect(scalar.properties.generalCategory != .paragraphSeparator)
      #expect(!scalar.properties.isDefaultIgnorableCodePoint)
      #expect(!scalar.properties.isBidiControl)
    }
    // A quote or line feed ends nothing early: after removing escapes none is left.
    var isEscaped = false
    for byte in rendered {
      #expect(byte != 0x0a && (byte != 0x22 || isEscaped))
      isEscaped = byte == 0x5c && !isEscaped
    }
    #expect(!isEscaped)
  }

  @Test func everyInvisibleScalarIsWrittenOut() {
    for code in UInt32(0)...0x10ffff {
      guard let scalar = Unicode.Scalar(code), code != 0x22, code != 0x5c else { continue }
      let properties = scalar.properties
      let isInvisible =
        properties.generalCategory == .control || properties.generalCategory == .lineSeparator
        || properties.generalCategory == .paragraphSeparator || properties.isDefaultIgnorableCodePoint
        || properties.isBidiControl
      guard isInvisible || code % 61 == 0 else { continue }
      let value = Self.value(Array("x\(Character(scalar))".utf8)).value
      if isInvisible {
        #expect(value.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 }, "U+\(String(code, radix: 16))")
      }
    }
  }
}
