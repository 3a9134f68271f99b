import Metrics
import Testing

struct SampleSetTests {
  private func texts(_ set: SampleSet) -> [String] {
    var rows: [String] = []
    set.forEach { prefix, labels, value in
      rows.append(String(decoding: prefix + labels, as: UTF8.self) + " \(Int(value))")
    }
    return rows
  }

  private func buffer(_ bytes: [UInt8]) -> LabelBuffer {
    var buffer = LabelBuffer()
    buffer.append(bytes)
    return buffer
  }

  @Test func rowsOfItsOwnAreEscapedAndReadBack() {
    var set = SampleSet()
    let hostile = "a\"b\\c\nd,user=\"x\"=é"
    set.append([(.input, hostile), (.reason, "")], 3)
    set.append([], 4)
    #expect(texts(set) == [#"input="a\"b\\c\nd,user=\"x\"=é",reason="" 3"#, " 4"])
    let labels = set.labels(of: set.rows[0])
    #expect(labels.map(\.label) == [.input, .reason])
    #expect(labels.map(\.value) == [hostile, ""])
    #expect(set.labels(of: set.rows[1]).isEmpty)
    #expect(set.value(of: .user, in: set.rows[0]) == nil)
  }

  @Test func sharedRowsStandBehindTheirPrefixAndBesideOwnOnes() {
    var arena = LabelArena()
    let ref = arena.append(Array(#"user="bob""#.utf8))
    var set = SampleSet(sharing: arena, prefixes: [Array(#"window="5m","#.utf8), Array(#"window="1h","#.utf8)])
    set.append(ref, 1, prefix: 2)
    set.append(ref, 2)
    set.append([(.input, "file")], 3)
    set.append(Array(#"k8s_cluster="c""#.utf8), [(.input, "file")], 4)
    #expect(
      texts(set) == [
        #"window="1h",user="bob" 1"#, #"user="bob" 2"#, #"input="file" 3"#, #"k8s_cluster="c",input="file" 4"#,
      ])
    #expect(set.value(of: .window, in: set.rows[0]) == "1h")
  }

  /// A set keeps what it saw while the table goes on, over many chunks.
  @Test func aSetIsNotChangedByItsTable() {
    var arena = LabelArena()
    var kept: [(SampleSet, [String])] = []
    var refs: [LabelArena.Ref] = []
    var wanted: [String] = []
    for i in 0..<5_000 {
      let text = "user=\"\(String(repeating: "u", count: i % 97))\(i)\""
      refs.append(arena.append(Array(text.utf8)))
      wanted.append(text + " \(i)")
      guard i % 500 == 0 else { continue }
      var set = SampleSet(sharing: arena)
      for (j, ref) in refs.enumerated() { set.append(ref, Double(j)) }
      kept.append((set, wanted))
    }
    for (set, rows) in kept { #expect(texts(set) == rows) }
    for ref in refs { #expect(arena.holds(buffer(Array(arena[ref])), at: ref)) }
    #expect(!arena.holds(buffer(Array("user=\"1\"".utf8)), at: refs[2]))
  }

  @Test func aTextLongerThanAChunkFits() {
    var arena = LabelArena()
    _ = arena.append([0x61])
    let long = [UInt8](repeating: 0x62, count: 200_000)
    let ref = arena.append(long)
    let after = arena.append([0x63])
    #expect(arena.holds(buffer(long), at: ref))
    #expect(arena.holds(buffer([0x63]), at: after))
    #expect(arena.byteCount == 200_002)
  }
}
