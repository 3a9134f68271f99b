/// The files that docs/unsafe.md lists, with their lines.
private func listed(in tree: Tree) -> [String: Int] {
  guard let page = tree.file("docs/unsafe.md") else { return [:] }
  var listed: [String: Int] = [:]
  for (number, line) in zip(1..., page.lines) where line.hasPrefix("- `Sources/") {
    let path = line.dropFirst(3).prefix { $0 != "`" }
    listed[String(path)] = number
  }
  return listed
}

/// The first line of a file that steps outside of what the compiler proves.
private func firstUnsafe(_ file: File) -> Int? {
  let word = file.words.first { $0.text == "unsafe" }?.line
  return word ?? zip(1..., file.codeLines).first { $1.contains("@unchecked Sendable") }?.0
}

let unsafeRules: [Rule] = [
  Rule(name: "docs/unsafe.md lists the files with unsafe code, no more and no less") { tree in
    let listed = listed(in: tree)
    let missing = tree.sources.compactMap { file in
      firstUnsafe(file).flatMap {
        listed[file.path] == nil ? Finding(file, $0, "is unsafe and not in docs/unsafe.md") : nil
      }
    }
    let superfluous = listed.filter { path, _ in tree.file(path).flatMap(firstUnsafe) == nil }
      .sorted { $0.value < $1.value }
      .map { Finding(path: "docs/unsafe.md", $0.value, "lists \($0.key), which has no unsafe code or is gone") }
    return missing + superfluous
  },

  Rule(name: "Pointers have their invariant beside them") { tree in
    tree.sources.flatMap { file -> [Finding] in
      let pointer = file.words.first {
        ($0.text.hasPrefix("Unsafe") && $0.text.hasSuffix("Pointer"))
          || ["OpaquePointer", "Unmanaged"].contains($0.text)
      }
      let comments = String(decoding: file.source.comments, as: UTF8.self)
      guard let pointer, !comments.contains("SAFETY:") else { return [] }
      return [
        Finding(file, pointer.line, "uses \(pointer.text) and has no `// SAFETY:` comment that states the invariant")
      ]
    }
  },

  Rule(name: "`@unchecked Sendable` and `nonisolated(unsafe)` say why, on the line above") { tree in
    (tree.sources + tree.tests).flatMap { file in
      zip(0..., file.codeLines).compactMap { index, line in
        guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") else { return nil }
        let above = file.lines[..<index].last { !$0.drop { $0 == " " }.hasPrefix("@") } ?? ""
        if above.drop(while: { $0 == " " }).hasPrefix("//") { return nil }
        return Finding(file, index + 1, "without a comment above it that says why it holds")
      }
    }
  },

  Rule(name: "Public types are documented") { tree in
    let kinds = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    return tree.sources.flatMap { file in
      zip(0..., file.codeLines).compactMap { index, line in
        let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }.map(String.init)
        guard words.first == "public", words.dropFirst().prefix(3).contains(where: kinds.contains),
          !line.hasPrefix(" ")
        else { return nil }
        // Attributes and plain comments may stand between.
        let above = file.lines[..<index].reversed().first {
          !$0.hasPrefix("@") && !($0.hasPrefix("//") && !$0.hasPrefix("///"))
        }
        return above?.hasPrefix("///") == true ? nil : Finding(file, index + 1, "a public type without a doc comment")
      }
    }
  },
]
