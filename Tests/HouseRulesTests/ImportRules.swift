/// An `import` line.
private struct Import {
  let module: String
  let line: Int
  let isPublic: Bool

  static func all(in file: File) -> [Import] {
    zip(1..., file.codeLines).compactMap { number, line in
      let words = line.split(separator: " ").map(String.init)
      guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
        words[..<at].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0) })
      else { return nil }
      let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let name = kinds.contains(words[at + 1]) ? words.dropFirst(at + 2).first ?? "" : words[at + 1]
      return Import(
        module: String(name.prefix { $0 != "." }), line: number,
        isPublic: words.contains("public") || words.contains("package"))
    }
  }
}

private let rank = Dictionary(
  uniqueKeysWithValues: zip(0..., House.moduleOrder).flatMap { row, modules in modules.map { ($0, row) } })

let importRules: [Rule] = [
  Rule(name: "Left never imports right") { tree in
    tree.sources.flatMap { file in
      Import.all(in: file).compactMap { line in
        guard let own = file.module().flatMap({ rank[$0] }), let other = rank[line.module], other >= own else {
          return nil
        }
        return Finding(file, line.line, "imports \(line.module), which is not to the left of it (House.moduleOrder)")
      }
    }
  },

  Rule(name: "Every module has a place in the order, and every import is known") { tree in
    tree.sources.flatMap { file in
      let own =
        file.module().flatMap { rank[$0] } == nil ? [Finding(file, "its module is not in House.moduleOrder")] : []
      return own
        + Import.all(in: file).compactMap { line in
          if rank[line.module] != nil || House.outsideModules.contains(line.module) { return nil }
          return Finding(file, line.line, "imports \(line.module), which is in neither list of House")
        }
    }
  },

  Rule(name: "Every import is a dependency that the manifest names") { tree in
    guard let manifest = tree.file("Package.swift") else { return [] }
    return tree.sources.flatMap { file in
      Import.all(in: file).compactMap { line in
        guard rank[line.module] != nil || House.soleImporter[line.module] != nil, let own = file.module() else {
          return nil
        }
        let declared = dependencies(of: own, in: manifest.text)
        if declared.contains(line.module) { return nil }
        return Finding(file, line.line, "imports \(line.module), and Package.swift does not list it for \(own)")
      }
    }
  },

  Rule(name: "A C library has one importer, and stays inside of it") { tree in
    tree.sources.flatMap { file in
      Import.all(in: file).compactMap { line in
        guard let folder = House.soleImporter[line.module] else { return nil }
        if !file.path.hasPrefix(folder) { return Finding(file, line.line, "only \(folder) imports \(line.module)") }
        return line.isPublic ? Finding(file, line.line, "\(line.module) must not show in an interface") : nil
      }
    }
  },

  Rule(name: "No Foundation, in tests neither") { tree in
    (tree.sources + tree.tests).flatMap { file in
      Import.all(in: file).filter { $0.module.hasPrefix("Foundation") || $0.module == "Dispatch" }
        .map { Finding(file, $0.line, "imports \($0.module): the static binary would grow fourfold; use Glibc") }
    }
  },
]

/// The names in the manifest's entry of a target, the target's own included.
private func dependencies(of module: String, in manifest: String) -> Set<String> {
  let quoted = "\"\(module)\""
  let blanks = SourceText(manifest)
  var names: Set<String> = []
  for word in blanks.words where ["module", "target", "executableTarget"].contains(word.text) && word.after == 0x28 {
    guard let end = closing(of: word.end, in: blanks.code) else { continue }
    let entry = String(decoding: Array(manifest.utf8)[word.end..<end], as: UTF8.self)
    let strings = entry.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    if strings.first == module, entry.contains(quoted) { names.formUnion(strings) }
  }
  return names
}

/// Where the bracket at `start` is closed.
func closing(of start: Int, in code: [UInt8]) -> Int? {
  var depth = 0
  for at in start..<code.count {
    switch code[at] {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
      depth -= 1
      if depth == 0 { return at }
    default: break
    }
  }
  return nil
}
