let bannedRules: [Rule] = [
  Rule(name: "Nothing outside can end the process") { tree in
    tree.sources.flatMap { file in
      file.words.compactMap { word in
        switch (word.text, word.after) {
        case ("try", UInt8(ascii: "!")): Finding(file, word.line, "`try!`: throw, or answer nil")
        case ("as", UInt8(ascii: "!")): Finding(file, word.line, "`as!`: use `as?` and say what happens otherwise")
        case ("fatalError", UInt8(ascii: "(")):
          Finding(
            file, word.line,
            "`fatalError`: bad data is counted, bad configuration is a Failure, a bug is `precondition`")
        default: nil
        }
      }
    }
  },

  Rule(name: "No force unwrap") { tree in
    tree.sources.flatMap { file in
      let code = file.source.code
      return code.indices.filter { at in
        guard code[at] == UInt8(ascii: "!"), at > 0 else { return false }
        let left = code[at - 1]
        let isOperand =
          SourceText.isWord(left) || [UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(left)
        let isComparison = at + 1 < code.count && code[at + 1] == UInt8(ascii: "=")
        let keyword = String(decoding: code[..<at].suffix(3), as: UTF8.self)
        return isOperand && !isComparison && keyword != "try" && !keyword.hasSuffix(" as")
      }.map { at in
        Finding(file, code[..<at].count { $0 == 0x0a } + 1, "a force unwrap: bind it, or say what is missing")
      }
    }
  },

  Rule(name: "Only commands print") { tree in
    tree.sources.filter { House.printers[$0.path] == nil }.flatMap { file in
      file.words.filter { ["print", "debugPrint", "dump"].contains($0.text) && $0.after == UInt8(ascii: "(") }
        .filter { $0.before != UInt8(ascii: ".") && !isDeclared($0, in: file) }
        .map { Finding(file, $0.line, "`\($0.text)`: log it, or add the file to House.printers") }
    }
  },

  Rule(name: "Nothing is left for later") { tree in
    // Put together here, so that this file is not its own finding.
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    // Corpora are others' words.
    let own = tree.files.filter { !$0.path.hasPrefix("Tests/Corpora/") }
    return own.filter { !$0.isPage || !$0.path.contains("decisions/") }.flatMap { file in
      zip(1..., file.lines).compactMap { number, line in
        let words = line.split { !$0.isLetter }
        return words.contains { marks.contains(String($0)) }
          ? Finding(file, number, "a leftover mark: do it or file it") : nil
      }
    }
  },
]

/// `func print(` declares, and does not call.
private func isDeclared(_ word: Word, in file: File) -> Bool {
  String(decoding: file.source.code[..<word.start].suffix(5), as: UTF8.self) == "func "
}
