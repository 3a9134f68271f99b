import Testing

@Suite("House rules") struct HouseRulesTests {
  private static let tree = Result { try Tree.project() }

  @Test(arguments: Rule.all)
  func holds(_ rule: Rule) throws {
    let findings = rule.check(try Self.tree.get())
    if !findings.isEmpty { Issue.record("\(findings.count) found:\(findings.map { "\n  \($0)" }.joined())") }
  }

  /// The reader sees the project at all: a rule over nothing would always hold.
  @Test func readsTheProject() throws {
    let tree = try Self.tree.get()
    #expect(tree.sources.count > 20 && tree.tests.count > 5 && tree.pages.count > 5)
    #expect(tree.file("Package.swift") != nil && tree.file("Makefile") != nil)
    #expect(tree.paths.contains("examples/events.jsonl"))
  }
}

/// Every rule can fail: each is fed texts that break it, and texts that nearly do.
@Suite("House rules, tried on samples") struct RuleSampleTests {
  @Test(arguments: Sample.all)
  func judges(_ sample: Sample) throws {
    let rule = try #require(Rule.all.first { $0.name.hasPrefix(sample.rule) }, "no rule is called \(sample.rule)")
    let findings = rule.check(Tree(sample.files.map { File($0.key, $0.value) }.sorted { $0.path < $1.path }))
    if let expected = sample.finds {
      #expect(findings.count == 1)
      #expect(findings.contains { $0.description.contains(expected) }, "found \(findings)")
    } else {
      #expect(findings.isEmpty, "found \(findings)")
    }
  }

  @Test(arguments: Rule.all)
  func canFail(_ rule: Rule) {
    #expect(Sample.all.contains { rule.name.hasPrefix($0.rule) && $0.finds != nil }, "no sample breaks it")
  }
}

@Suite("Code and comments told apart") struct SourceTextTests {
  struct Row: Sendable {
    let text: String
    let words: [String]
  }

  @Test(arguments: [
    Row(text: "a // b\nc", words: ["a", "c"]),
    Row(text: "a /* b /* c */ d */ e", words: ["a", "e"]),
    Row(text: #"a("b \"c\" d") e"#, words: ["a", "e"]),
    Row(text: #"a "b \(c(d) + "e \(f) g") h" i"#, words: ["a", "c", "d", "f", "i"]),
    Row(text: "a #\"b \"c\" \\(d) \\#(e)\"# f", words: ["a", "e", "f"]),
    Row(text: "a \"\"\"\n b \"c\" // d\n \"\"\" e", words: ["a", "e"]),
    Row(text: "#if a\n\"// b\" c", words: ["if", "a", "c"]),
  ])
  func words(_ row: Row) { #expect(SourceText(row.text).words.map(\.text) == row.words) }

  @Test func countsLines() {
    let words = SourceText("a\n\"\"\"\n x\n\"\"\"\nb // c\nd").words
    #expect(words.map(\.line) == [1, 5, 6])
  }

  @Test func measuresFunctions() {
    let text =
      "protocol P {\n  func a(_ b: (Int) -> Int)\n  init()\n}\nfunc c(\n  d: Int = { 1 }()\n) -> Int {\n  1\n}\nlet e = X.init()\n"
    let found = functions(in: File("Sources/A/B.swift", text))
    #expect(found.map(\.name) == ["c"] && found.map(\.lines) == [5])
  }
}
