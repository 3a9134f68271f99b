let sizeRules: [Rule] = [
  Rule(name: "A file has at most \(House.fileLinesLimit) lines") { tree in
    let swift = tree.sources + tree.tests
    let long = swift.filter { $0.lines.count > House.fileLinesLimit }
    return long.filter { House.longFiles[$0.path] == nil }
      .map { Finding($0, "has \($0.lines.count) lines; split it, or argue in House.longFiles") }
      + stale(House.longFiles, needed: long.map(\.path), in: tree, "House.longFiles")
  },

  Rule(name: "A function has at most \(House.functionLinesLimit) lines") { tree in
    let long = (tree.sources + tree.tests).flatMap { file in
      functions(in: file).filter { $0.lines > House.functionLinesLimit }.map { (file: file, function: $0) }
    }
    return long.filter { House.longFunctions["\($0.file.path):\($0.function.name)"] == nil }.map {
      Finding(
        $0.file, $0.function.line,
        "\($0.function.name) has \($0.function.lines) lines; split it, or argue in House.longFunctions")
    }
      + stale(
        House.longFunctions, needed: long.map { "\($0.file.path):\($0.function.name)" }, in: tree, "House.longFunctions"
      )
  },

  Rule(name: "A line that no formatter wraps has at most \(House.lineLimit) characters") { tree in
    tree.files.flatMap { file -> [Finding] in
      let isSwift = file.isSource || file.isTest
      let isJudged = isSwift || file.path.hasSuffix(".sh") || file.path.hasSuffix(".h")
      return zip(0..., isJudged ? file.lines : []).compactMap { index, line -> Finding? in
        let isProse = !isSwift || file.commentLines[index].contains { $0 != " " }
        guard isProse, line.count > House.lineLimit, !line.contains("://") else { return nil }
        return Finding(file, index + 1, "has \(line.count) characters")
      }
    }
  },

  Rule(name: "main.swift hands over") { tree in
    tree.sources.filter { $0.path.hasSuffix("/main.swift") && $0.lines.count > House.mainLinesLimit }
      .map { Finding($0, "has \($0.lines.count) lines: arguments in, exit code out, nothing else") }
  },
]

/// An exception that nothing needs; judged only where the tree is the project's own, not a sample.
private func stale(_ exceptions: [String: String], needed: [String], in tree: Tree, _ list: String) -> [Finding] {
  guard tree.file("Package.swift") != nil else { return [] }
  return exceptions.keys.filter { !needed.contains($0) }.sorted()
    .map { Finding(path: $0, nil, "is an exception that nothing needs any more: remove it from \(list)") }
}

struct Function {
  let name: String
  let line: Int
  let lines: Int
}

/// Every function, initialiser and deinitialiser with a body.
func functions(in file: File) -> [Function] {
  let code = file.source.code
  var found: [Function] = []
  for (index, word) in file.words.enumerated() where ["func", "init", "deinit"].contains(word.text) {
    let isCall = word.text == "init" && word.before == UInt8(ascii: ".")
    guard !isCall, let open = bodyStart(after: word.end, in: code), let close = closing(of: open, in: code) else {
      continue
    }
    let lines = code[word.start...close].count { $0 == 0x0a } + 1
    let next = file.words.dropFirst(index + 1).first?.text ?? ""
    found.append(Function(name: word.text == "func" ? next : word.text, line: word.line, lines: lines))
  }
  return found
}

/// The brace that opens a body; nil for a requirement of a protocol, which ends with its line.
private func bodyStart(after start: Int, in code: [UInt8]) -> Int? {
  var depth = 0
  for at in start..<code.count {
    switch code[at] {
    case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
    case UInt8(ascii: "{") where depth == 0: return at
    case UInt8(ascii: "}") where depth == 0: return nil
    case 0x0a where depth == 0:
      let rest = String(decoding: code[at...].drop { $0 == 0x0a || $0 == 0x20 }.prefix(8), as: UTF8.self)
      if !["{", "->", "where ", "throws", "async", "rethrows"].contains(where: rest.hasPrefix) { return nil }
    default: break
    }
  }
  return nil
}
