import Diagnostics
import Testing

@testable import YAML

func parse(_ text: String, limits: YAMLDocument.Limits = .init()) throws(Failures) -> YAMLNode {
  try YAMLDocument.parse(Array(text.utf8), file: "f.yaml", limits: limits)
}

/// The failures of a text that must be refused.
func failures(_ bytes: [UInt8], limits: YAMLDocument.Limits = .init()) -> [Failure] {
  do throws(Failures) {
    _ = try YAMLDocument.parse(bytes, file: "f.yaml", limits: limits)
    return []
  } catch {
    return error.all
  }
}

@Suite struct YAMLDocumentTests {
  @Test func keepsStyleLineAndColumn() throws {
    let root = try parse(
      """
      # a comment
      a: 1
      'b c': "two"
      list:
        - x
        -   |
          many
          lines
      empty:
      """)
    guard case .mapping(let entries) = root.value else {
      Issue.record("not a mapping")
      return
    }
    #expect(entries.map(\.key) == ["a", "b c", "list", "empty"])
    #expect(entries.map(\.line) == [2, 3, 4, 9])
    #expect(entries[0].value == YAMLNode(.scalar(YAMLScalar("1", isPlain: true)), line: 2, column: 4))
    #expect(entries[1].value == YAMLNode(.scalar(YAMLScalar("two", isPlain: false)), line: 3, column: 8))
    guard case .sequence(let items) = entries[2].value.value else {
      Issue.record("not a list")
      return
    }
    #expect(items[0] == YAMLNode(.scalar(YAMLScalar("x", isPlain: true)), line: 5, column: 5))
    #expect(items[1].value == .scalar(YAMLScalar("many\nlines\n", isPlain: false)))
    #expect(entries[3].value.isNull)
  }

  @Test(arguments: ["", "\n\n", "# only a comment\n", "---\n", "~", "\u{FEFF}"])
  func emptyTextIsNull(_ text: String) throws {
    #expect(try parse(text).isNull)
  }

  @Test func quotedNullIsText() throws {
    #expect(try !parse("'null'").isNull)
    #expect(try !parse("!!str null").isNull)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let places: [[Int]]
    let what: String
    var testDescription: String { name }
    init(_ name: String, _ text: String, _ places: [[Int]], _ what: String) {
      (self.name, self.text, self.places, self.what) = (name, text, places, what)
    }
  }

  @Test(arguments: [
    Refusal("duplicate", "a: 1\nb: 2\na: 3\n", [[3, 1]], "key a was given before, in line 1"),
    Refusal("duplicates, all", "a: 1\na: 2\nb: {c: 1, c: 2}\n", [[2, 1], [3, 11]], "in line 1"),
    Refusal("quoted duplicate", "a: 1\n\"a\": 2\n", [[2, 1]], "in line 1"),
    Refusal("anchor", "a: &x 1\nb: *x\n", [[1, 4], [2, 4]], "&x is an anchor"),
    Refusal("alias of nothing", "a: *x\n", [[1, 4]], "*x refers to an anchor"),
    Refusal("glob", "path: *.log\n", [[1, 8]], "cannot be read"),
    Refusal("merge", "a:\n  <<: {b: 1}\n", [[2, 3]], "merge keys"),
    Refusal("tag", "a: !!int 3\nb: !mine x\nc: !!str [x]\n", [[1, 4], [2, 4], [3, 4]], "tag tag:yaml.org,2002:int"),
    Refusal("second document", "a: 1\n---\nb: 2\n", [[2, 1]], "second document"),
    Refusal("key is a list", "[a]: 1\n", [[1, 1]], "a key is a list"),
    Refusal("tab", "a:\n\tb: 1\n", [[2, 1]], "cannot be read"),
    Refusal("open list", "a: [1\n", [[2, 1]], "cannot be read"),
    Refusal("open quote", "a: \"b\n", [[2, 1]], "cannot be read"),
    Refusal("colons", "a: b: c\n", [[1, 5]], "mapping values"),
    Refusal("control character", "a: b\nc: é\u{1}\n", [[2, 5]], "UTF-8"),
  ])
  func refuses(_ row: Refusal) {
    let found = failures(Array(row.text.utf8))
    #expect(found.map(\.place) == row.places.map { .text(file: "f.yaml", line: $0[0], column: $0[1]) })
    #expect(found.first?.what.contains(row.what) == true, "\(found)")
    for failure in found {
      #expect(failure.reason == .yaml)
      #expect(!failure.remedy.isEmpty)
    }
  }

  @Test func refusesIllFormedUTF8() {
    let found = failures(Array("a: 1\nb: ".utf8) + [0xC3, 0x28])
    #expect(found.map(\.place) == [.text(file: "f.yaml", line: 2, column: 5)])
    // UTF-16 is not taken for granted.
    #expect(failures([0xFF, 0xFE, 0x61, 0x00]).count == 1)
  }

  @Test func limitsHold() {
    var limits = YAMLDocument.Limits()
    limits.bytes = 10
    #expect(failures(Array("a: 1234567".utf8), limits: limits).isEmpty)
    #expect(failures(Array("a: 12345678".utf8), limits: limits).first?.what.contains("more than 10") == true)
    limits = .init()
    limits.nodes = 5
    #expect(failures(Array("[1, 2, 3, 4]".utf8), limits: limits).isEmpty)
    #expect(failures(Array("[1, 2, 3, 4, 5]".utf8), limits: limits).first?.what.contains("5 values") == true)
    limits = .init()
    limits.depth = 3
    #expect(failures(Array("[[1]]".utf8), limits: limits).isEmpty)
    #expect(failures(Array("[[[1]]]".utf8), limits: limits).first?.what.contains("3 deep") == true)
  }

  /// Texts that are dear for a careless reader: each ends quickly, with a failure.
  @Test(arguments: ["[", "{", "- ", "? ", "[a, ", "{a: ", "\"", "&a ", "!", "- - ", "a:\n "])
  func hostileRepetition(_ piece: String) {
    let text = String(repeating: piece, count: 200_000 / piece.utf8.count)
    let found = failures(Array(text.utf8))
    #expect(!found.isEmpty)
    #expect(found.count <= 51)
  }
}
