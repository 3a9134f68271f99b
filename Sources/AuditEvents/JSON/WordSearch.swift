/// Words that are looked for together in JSON as it stands, without undoing its escapes.
///
/// A plain word stands in a text where it stands in the JSON that spells the text: Kubernetes escapes what no plain word
/// has. Only an escape that spells an ordinary character can hide a word, or seem to be part of one; JSON with such an
/// escape is left to who undoes it.
public struct WordSearch: Sendable {
  public static let wordsLimit = 64

  /// Two bytes that stand together in a word: what is looked for first.
  private struct Pair: Sendable, Hashable {
    let first: UInt8
    let second: UInt8
  }

  private let words: [[UInt8]]
  /// Together they are in all words.
  private var anchors: [Pair] = []
  /// Their bytes, one pair behind the other.
  private var pairs: [UInt8] = []
  /// For each of them the words that have it, and where.
  private var owners: [[(word: Int, offset: Int)]] = []

  /// Words of at most `wordsLimit`, each of which `isPlain`.
  public init(_ words: [[UInt8]]) {
    precondition(words.count <= Self.wordsLimit && words.allSatisfy(Self.isPlain))
    self.words = words
    var left = Set(words.indices)
    while let (pair, owners) = Self.commonest(words, left) {
      left.subtract(owners.map(\.word))
      anchors.append(pair)
      pairs += [pair.first, pair.second]
      self.owners.append(owners)
    }
  }

  /// Whether a word can be looked for: two or more printable characters of ASCII, none of which JSON escapes or builds with.
  /// Blanks inside are none of JSON's: those stand beside what it builds with.
  public static func isPlain(_ word: [UInt8]) -> Bool {
    let others = Array(#""\{}[],:<>&"#.utf8)
    return word.count >= 2 && word.first != 0x20 && word.last != 0x20
      && word.allSatisfy { $0 >= 0x20 && $0 < 0x7f && !others.contains($0) }
  }

  /// The pair that most of the words in `left` have.
  private static func commonest(_ words: [[UInt8]], _ left: Set<Int>) -> (Pair, [(word: Int, offset: Int)])? {
    var owners: [Pair: [(word: Int, offset: Int)]] = [:]
    for word in left.sorted() {
      for offset in 0..<words[word].count - 1 {
        let pair = Pair(first: words[word][offset], second: words[word][offset + 1])
        if owners[pair]?.last?.word != word { owners[pair, default: []].append((word, offset)) }
      }
    }
    let best = owners.min { a, b in
      let (inA, inB) = (-a.value.count, -b.value.count)
      return (inA, frequency(a.key), a.key.first, a.key.second) < (inB, frequency(b.key), b.key.first, b.key.second)
    }
    return best.map { ($0.key, $0.value) }
  }

  /// How often two bytes occur, roughly, in JSON.
  private static func frequency(_ pair: Pair) -> Int { frequency(pair.first) * frequency(pair.second) }

  private static func frequency(_ byte: UInt8) -> Int {
    switch byte {
    case 0x61, 0x65, 0x69, 0x6e, 0x6f, 0x72, 0x73, 0x74: 4
    case 0x61...0x7a: 3
    case 0x2d, 0x2e, 0x2f, 0x30...0x39: 2
    default: 1
    }
  }

  /// Which words stand in `json`, one bit each; nil when it has an escape that must be undone to tell. `json` comes from a
  /// decoder.
  public func occurrences(in json: Text) -> UInt64? {
    if words.isEmpty { return 0 }
    var found: UInt64 = 0
    var place = json.start
    let end = json.start + json.count
    while let mark = place.nextPair(pairs, before: end) {
      if mark.byte == UInt8(ascii: "\\"), Self.isUnusual(mark, end) { return nil }
      for pair in anchors.indices where mark.isPair(anchors[pair].first, anchors[pair].second) {
        guard let words = wordsAround(mark, pair, json.start, end) else { return nil }
        found |= words
      }
      place = mark + 1
    }
    return found
  }

  /// The words that have a pair of theirs here; nil when one of them touches an escape.
  @inline(never)
  private func wordsAround(_ hit: BytePointer, _ pair: Int, _ start: BytePointer, _ end: BytePointer) -> UInt64? {
    var found: UInt64 = 0
    for (word, offset) in owners[pair] where stands(word, at: hit + -offset, start, end) {
      if Self.touchesEscape(hit + -offset, start) { return nil }
      found |= 1 << UInt64(word)
    }
    return found
  }

  private func stands(_ word: Int, at place: BytePointer, _ start: BytePointer, _ end: BytePointer) -> Bool {
    let bytes = words[word]
    guard start <= place, place + bytes.count <= end else { return false }
    for at in bytes.indices where place[at] != bytes[at] { return false }
    return true
  }

  /// Whether `\u` stands so closely before that its digits reach as far as here. It may be a backslash and a letter: that is
  /// not looked at.
  private static func touchesEscape(_ place: BytePointer, _ start: BytePointer) -> Bool {
    for back in 1...5 {
      let before = place + -back
      if start <= before, before.byte == UInt8(ascii: "\\"), before[1] == UInt8(ascii: "u") { return true }
    }
    return false
  }

  /// Whether the escape that may begin here spells anything but what Kubernetes escapes (`<`, `>`, `&`) and what is no ASCII.
  private static func isUnusual(_ place: BytePointer, _ end: BytePointer) -> Bool {
    guard place + 6 <= end, place[1] == UInt8(ascii: "u") else { return true }
    let high = (place[2], place[3])
    guard high.0 == UInt8(ascii: "0"), high.1 == UInt8(ascii: "0") else { return false }
    switch (place[4], place[5] | 0x20) {
    case (UInt8(ascii: "8")..., _): return false
    case (UInt8(ascii: "3"), UInt8(ascii: "c")), (UInt8(ascii: "3"), UInt8(ascii: "e")): return false
    case (UInt8(ascii: "2"), UInt8(ascii: "6") | 0x20): return false
    default: return true
    }
  }
}
