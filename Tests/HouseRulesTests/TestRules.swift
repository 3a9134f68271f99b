/// The functions under `@Test`, with their lines.
private func testNames(in file: File) -> [(name: String, line: Int)] {
  let words = file.words
  return words.indices.compactMap { at in
    guard words[at].text == "Test", words[at].before == UInt8(ascii: "@") else { return nil }
    guard let function = words[at...].firstIndex(where: { $0.text == "func" }), function + 1 < words.count else {
      return nil
    }
    return (words[function + 1].text, words[function + 1].line)
  }
}

let testRules: [Rule] = [
  Rule(name: "No two tests of a target share a name") { tree in
    var seen: [String: String] = [:]
    return tree.tests.flatMap { file in
      testNames(in: file).compactMap { test in
        let key = "\(file.module(in: "Tests") ?? "").\(test.name)"
        defer { seen[key] = "\(file.path):\(test.line)" }
        return seen[key].map { Finding(file, test.line, "\(test.name) is the name of \($0) too") }
      }
    }
  },

  Rule(name: "Test files expect something") { tree in
    tree.tests.filter { House.expectingElsewhere[$0.path] == nil && !testNames(in: $0).isEmpty }.compactMap { file in
      let asks = file.words.contains { $0.before == UInt8(ascii: "#") && ["expect", "require"].contains($0.text) }
      let helpers = file.words.contains {
        $0.text.hasPrefix("expect") || $0.text == "Issue" || $0.text.hasPrefix("check")
      }
      return asks || helpers ? nil : Finding(file, "has tests that expect nothing")
    }
  },

  Rule(name: "Tests do not sleep") { tree in
    let sleeps: Set = ["sleep", "usleep", "nanosleep"]
    return tree.tests.filter { file in !House.sleepers.keys.contains(where: file.path.hasPrefix) }.flatMap { file in
      file.words.filter { sleeps.contains($0.text) && $0.after == UInt8(ascii: "(") }
        .map { Finding(file, $0.line, "`\($0.text)`: hold the clock, or wait for the condition with a deadline") }
    }
  },

  Rule(name: "Every module has tests") { tree in
    let modules = Set(tree.sources.compactMap { $0.module() }).subtracting(["kube-audit-exporter"])
    let tested = Set(tree.tests.compactMap { $0.module(in: "Tests") })
    return modules.filter { !tested.contains($0 + "Tests") }.sorted()
      .map { Finding(path: "Sources/\($0)", nil, "has no tests: Tests/\($0)Tests") }
  },
]
