import TestSupport
import Testing

@testable import AuditEvents

/// One content has one way of being escaped, whatever way it came.
@Suite struct EscapedTextTests {
  /// What may stand in a JSON string, and what it must become.
  private static let pieces: [(written: String, demanded: String)] = [
    ("plain text, longer than a block of sixteen", "plain text, longer than a block of sixteen"), ("é", "é"),
    ("\\n", "\\n"), ("\\\"", "\\\""), ("\\\\", "\\\\"), ("\\t", "\\t"), ("\\b", "\\b"), ("\\f", "\\f"),
    ("\\r", "\\r"), ("\\/", "/"), ("\\u0041", "A"), ("\\u000a", "\\n"), ("\\u000A", "\\n"), ("\\u00e9", "é"),
    ("\\u0001", "\\u0001"), ("\\u001F", "\\u001f"), ("\\u005c", "\\\\"), ("\\u0022", "\\\""), ("\u{1}", "\\u0001"),
    ("\t", "\\t"), ("\u{7f}", "\u{7f}"),
  ]

  @Test(arguments: 0..<2_000) func oneContentHasOneForm(seed: Int) {
    var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
    // Half of the texts are as Kubernetes writes them.
    let choice = random.chance(50) ? Self.pieces.filter { $0.written == $0.demanded } : Self.pieces
    let chosen = (0..<random.below(12)).map { _ in random.pick(choice) }
    let held = HeldText(chosen.flatMap { Array($0.written.utf8) })
    var found = Array("before ".utf8)
    held.text.appendEscaped(to: &found)
    #expect(String(decoding: found, as: UTF8.self) == "before " + chosen.map(\.demanded).joined(), "seed \(seed)")
  }
}
