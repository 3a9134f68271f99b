/// Text that came from elsewhere, made harmless for a terminal and for a line-wise log.
public enum SafeText {
  /// Whether a scalar could move a terminal's cursor, end a line, or make text read in another order than it is written.
  public static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool { Invisible.contains(scalar.value) }

  /// At most `limitBytes` bytes of `text` on a scalar's edge, then `…` when something was cut; unsafe scalars are shown as
  /// `\n`, `\t` or `\u{202e}`.
  public static func escaped(_ text: String, limitBytes: Int) -> String {
    var out = ""
    var bytes = 0
    for scalar in text.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > limitBytes { return out + "…" }
      switch scalar {
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      case _ where isUnsafe(scalar): out += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
