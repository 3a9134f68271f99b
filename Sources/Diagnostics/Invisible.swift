/// The characters that a reader would not see, or that change how the text around them is shown.
public enum Invisible {
  /// Controls, bidirectional marks, zero-width and other default-ignorable characters, line and paragraph separators.
  /// - Source: Unicode 16, `General_Category=Cc, Zl, Zp`, `Bidi_Control`, `Default_Ignorable_Code_Point`, and the
  ///   interlinear annotation marks; sorted and apart.
  static let ranges: [ClosedRange<UInt32>] = [
    0x00...0x1f, 0x7f...0x9f, 0xad...0xad, 0x34f...0x34f, 0x61c...0x61c, 0x115f...0x1160, 0x17b4...0x17b5,
    0x180b...0x180f, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0x3164...0x3164, 0xfe00...0xfe0f,
    0xfeff...0xfeff, 0xffa0...0xffa0, 0xfff0...0xfffb, 0x1bca0...0x1bca3, 0x1d173...0x1d17a, 0xe0000...0xe0fff,
  ]

  /// Whether this scalar is one of them.
  @inlinable
  public static func contains(_ scalar: UInt32) -> Bool { (scalar < 0x20 || scalar >= 0x7f) && isListed(scalar) }

  @usableFromInline
  static func isListed(_ scalar: UInt32) -> Bool {
    for range in ranges where range.contains(scalar) { return true }
    return false
  }
}
