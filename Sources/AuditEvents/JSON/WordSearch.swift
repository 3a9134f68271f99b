/// Words that are looked for together in JSON as it stands, without undoing its escapes.
///
/// A plain word stands in a text where it stands in the JSON that spells the text: Kubernetes escapes what no plain word
/// has. Only an escape that spells an ordinary character can hide a word, or seem to be part of one; JSON with such an
/// escape is left to who undoes it.
///
/// - Source: the tables of half bytes are those of Teddy, the search for several literals in Intel's Hyperscan.
public struct WordSearch: Sendable {
  public static let wordsLimit = 64

  /// Three bytes that stand together in a word: what is looked for first.
  private struct Anchor: Sendable {
    let word: Int
    let offset: Int
    /// The first bytes of the word, as a number, and which of its bits count.
    let beginning: UInt64
    let mask: UInt64
    let triple: TripleTables.Triple

    init(_ bytes: [UInt8], _ word: Int, at offset: Int) {
      self.word = word
      self.offset = offset
      triple = (bytes[offset], bytes[offset + 1], bytes.count > 2 ? bytes[offset + 2] : nil)
      var number: UInt64 = 0
      for byte in bytes.prefix(8).reversed() { number = number << 8 | UInt64(byte) }
      beginning = UInt64(littleEndian: number)
      mask = UInt64(littleEndian: .max >> UInt64(64 - 8 * min(8, bytes.count)))
    }
  }
  /// Of words; the last group of the tables is that of escapes.
  private static let groupsLimit = 7
  private static let escapes: UInt8 = 1 << 7

  private let words: [[UInt8]]
  /// One for each word, group after group, and where each group begins; one more than there are groups.
  private let anchors: [Anchor]
  private let groupStarts: [Int]
  private let triples: TripleTables

  /// Words of at most `wordsLimit`, each of which `isPlain`.
  public init(_ words: [[UInt8]]) {
    precondition(words.count <= Self.wordsLimit && words.allSatisfy(Self.isPlain))
    self.words = words
    var groups = [[Anchor]](repeating: [], count: Self.groupsLimit)
    var seeming = [SeemingTriples](repeating: SeemingTriples(), count: Self.groupsLimit)
    for (number, word) in words.enumerated() {
      // Where it adds least to what seems to be a member of a group.
      var best: (rise: Int, group: Int, anchor: Anchor, seeming: SeemingTriples)?
      for offset in 0..<max(1, word.count - 2) {
        let anchor = Anchor(word, number, at: offset)
        // All empty groups are alike.
        for group in 0..<min(Self.groupsLimit, (groups.firstIndex(where: \.isEmpty) ?? .max - 1) + 1) {
          let with = seeming[group].with(anchor.triple)
          let rise = with.frequency - seeming[group].frequency
          if rise < best?.rise ?? .max { best = (rise, group, anchor, with) }
        }
      }
      guard let best else { continue }
      groups[best.group].append(best.anchor)
      seeming[best.group] = best.seeming
    }
    anchors = Array(groups.joined())
    groupStarts = groups.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let backslash = UInt8(ascii: "\\")
    let escapes: [TripleTables.Triple] = [(backslash, UInt8(ascii: "u"), nil), (backslash, UInt8(ascii: "/"), nil)]
    triples = TripleTables(groups.map { $0.map(\.triple) } + [escapes])
  }

  /// Whether a word can be looked for: two or more printable characters of ASCII, none of which JSON escapes or builds with.
  /// Blanks inside are none of JSON's: those stand beside what it builds with.
  public static func isPlain(_ word: [UInt8]) -> Bool {
    word.count >= 2 && word.first != 0x20 && word.last != 0x20 && word.allSatisfy(isPlain)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && !#""\{}[],:<>&"#.utf8.contains(byte)
  }

  /// The parts of a text that can be looked for: where the text stands, all of them do.
  public static func parts(of text: [UInt8]) -> [[UInt8]] {
    text.split { !isPlain($0) }.map { part in
      let end = (part.lastIndex { $0 != 0x20 } ?? part.startIndex - 1) + 1
      return Array(part[..<end].drop { $0 == 0x20 })
    }.filter(isPlain)
  }

  /// Which words stand in `json`, one bit each; nil when it has an escape that must be undone to tell. `json` comes from a
  /// decoder.
  public func occurrences(in json: Text) -> UInt64? {
    if words.isEmpty { return 0 }
    var found: UInt64 = 0
    var place = json.start
    let end = json.start + json.count
    while let mark = place.nextTriple(triples, before: end) {
      var groups = mark.triples(triples)
      if groups & Self.escapes != 0 {
        if mark.byte == UInt8(ascii: "\\"), Self.isUnusual(mark, end) { return nil }
        groups ^= Self.escapes
      }
      while groups != 0 {
        let group = groups.trailingZeroBitCount
        for at in groupStarts[group]..<groupStarts[group + 1] where stands(at, mark, json.start, end) {
          if Self.touchesEscape(mark + -anchors[at].offset, json.start) { return nil }
          found |= 1 << UInt64(anchors[at].word)
        }
        groups &= groups &- 1
      }
      place = mark + 1
    }
    return found
  }

  /// Whether the word of an anchor stands where the anchor seems to.
  @inline(__always)
  private func stands(_ anchor: Int, _ mark: BytePointer, _ start: BytePointer, _ end: BytePointer) -> Bool {
    let place = mark + -anchors[anchor].offset
    // Behind the text is at least the buffer's padding.
    guard start <= place, place.word & anchors[anchor].mask == anchors[anchor].beginning else { return false }
    return stands(anchors[anchor].word, at: place, end)
  }

  @inline(never)
  private func stands(_ word: Int, at place: BytePointer, _ end: BytePointer) -> Bool {
    let bytes = words[word]
    guard place + bytes.count <= end else { return false }
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

/// What half bytes alone make seem a member of a group, and how often that is, roughly.
private struct SeemingTriples {
  /// For each of the three bytes, the low and the high halves that members have.
  private var halves: [(low: UInt16, high: UInt16)] = [(0, 0), (0, 0), (0, 0)]
  private(set) var frequency = 0

  func with(_ triple: TripleTables.Triple) -> SeemingTriples {
    var new = self
    for (at, byte) in [triple.first, triple.second, triple.third].enumerated() {
      new.halves[at].low |= byte.map { 1 << UInt16($0 & 15) } ?? .max
      new.halves[at].high |= byte.map { 1 << UInt16($0 >> 4) } ?? .max
    }
    new.frequency = new.halves.reduce(1) { $0 * Self.frequency(low: $1.low, high: $1.high) }
    return new
  }

  /// Of all bytes with such halves.
  private static func frequency(low: UInt16, high: UInt16) -> Int {
    var sum = 0
    var highs = high & 0xff
    while highs != 0 {
      var lows = low
      while lows != 0 {
        sum += frequencies[highs.trailingZeroBitCount << 4 | lows.trailingZeroBitCount]
        lows &= lows - 1
      }
      highs &= highs - 1
    }
    return sum
  }

  /// How often a byte occurs in what Kubernetes keeps: names, paths, times, certificates.
  private static let frequencies: [Int] = (0..<128).map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "\""): 60
    case UInt8(ascii: "a"), UInt8(ascii: "c")...UInt8(ascii: "e"), UInt8(ascii: "i"),
      UInt8(ascii: "l")...UInt8(ascii: "p"),
      UInt8(ascii: "r")...UInt8(ascii: "t"):
      30
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "\\"), 0x20: 25
    case UInt8(ascii: "_"), UInt8(ascii: "b"), UInt8(ascii: "f")...UInt8(ascii: "h"), UInt8(ascii: "k"),
      UInt8(ascii: "u")...UInt8(ascii: "w"),
      UInt8(ascii: "y"):
      12
    case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "{"),
      UInt8(ascii: "}"):
      12
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "j"), UInt8(ascii: "q"), UInt8(ascii: "x"),
      UInt8(ascii: "z"):
      4
    case 0x21...0x7e: 2
    default: 0
    }
  }
}
