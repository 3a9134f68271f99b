import AuditEvents
import TestSupport
import Testing

/// Words searched in JSON as it stands, against looking at every place.
@Suite struct WordSearchTests {
  private static func stands(_ word: [UInt8], in text: [UInt8]) -> Bool {
    text.count >= word.count && (0...text.count - word.count).contains { text[$0...].starts(with: word) }
  }

  /// Few letters, so that words are in texts, in one another, and begin alike; texts of all lengths around the steps of 16,
  /// 32 and 64 bytes.
  @Test(arguments: 0..<Campaign.size("word_search", short: 1000) / 100)
  func againstEveryPlace(_ round: Int) {
    var random = SplitMix64(seed: UInt64(Campaign.seed + round) &+ 77)
    var found = 0
    for _ in 0..<100 {
      let letters = Array((random.chance(50) ? "abAB" : "abcdefghijklmnopqrstuvwxyzABCXYZ019_-/. ").utf8)
      var words: [[UInt8]] = []
      for _ in 0..<random.below(random.chance(10) ? 65 : 12) {
        let word = (0..<2 + random.below(12)).map { _ in random.pick(letters) }
        if WordSearch.isPlain(word), !words.contains(word) { words.append(word) }
      }
      var text: [UInt8] = []
      let length = random.below(300)
      while text.count < length {
        switch random.below(30) {
        case 0: text += words.isEmpty ? [] : random.pick(words)
        case 1:
          text += Array(random.pick(["\\n", "\\u003c", "\\u003e", "\\u0026", "\\\"", "\\\\", "é", "\\u2028"]).utf8)
        default: text.append(random.pick(letters))
        }
      }
      let isUnusual = random.chance(5)
      if isUnusual { text.insert(contentsOf: Array(random.pick(["\\u0041", "\\/", "\\u000a"]).utf8), at: 0) }
      let held = HeldText(text)
      let answer = withExtendedLifetime(held) { WordSearch(words).occurrences(in: held.text) }
      guard let answer else {
        // An escape, or a word that begins with what may be its last digits.
        #expect(text.contains(UInt8(ascii: "\\")), "\(words) in \(text)")
        continue
      }
      #expect(!isUnusual || words.isEmpty)
      for (number, word) in words.enumerated() {
        #expect(
          (answer >> UInt64(number) & 1 == 1) == Self.stands(word, in: text),
          "\(String(decoding: word, as: UTF8.self)) in \(String(decoding: text, as: UTF8.self))")
      }
      found += answer.nonzeroBitCount
    }
    Campaign.report("word_search", "round \(round), 100 texts, \(found) words found")
    #expect(found > 50)
  }

  @Test func partsOfConstants() {
    func parts(_ text: String) -> [String] {
      WordSearch.parts(of: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(parts(#""hostPath":{"path":"/var/run"#) == ["hostPath", "path", "/var/run"])
    #expect(parts(#"" a b ":" ,x"#) == ["a b"])
    #expect(parts("éab\\ncd<e") == ["ab", "ncd"])
    #expect(parts("") == [] && parts("a:b") == [])
  }
}
