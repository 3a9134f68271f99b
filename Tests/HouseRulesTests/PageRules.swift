/// What a reader takes for a name: the spans between backticks, and the lines of fenced blocks.
private func literals(in page: File) -> [(text: String, line: Int)] {
  var isFenced = false
  var found: [(text: String, line: Int)] = []
  for (number, line) in zip(1..., page.lines) {
    if line.drop(while: { $0 == " " }).hasPrefix("```") {
      isFenced.toggle()
    } else if isFenced {
      found.append((line, number))
    } else {
      let parts = line.split(separator: "`", omittingEmptySubsequences: false)
      found += parts.indices.filter { $0 % 2 == 1 && $0 < parts.count - 1 }.map { (String(parts[$0]), number) }
    }
  }
  return found
}

/// The targets of the links of a page that stay inside the project.
private func links(in page: File) -> [(target: String, line: Int)] {
  var isFenced = false
  var found: [(target: String, line: Int)] = []
  for (number, line) in zip(1..., page.lines) {
    if line.hasPrefix("```") { isFenced.toggle() }
    if isFenced { continue }
    for part in line.split(separator: "](", omittingEmptySubsequences: false).dropFirst() {
      let target = String(part.prefix { $0 != ")" && $0 != " " })
      if !target.contains("://"), !target.hasPrefix("mailto:") { found.append((target, number)) }
    }
  }
  return found
}

/// `docs/a.md` seen from `docs/decisions/b.md` is `../a.md`.
private func resolve(_ target: String, from page: File) -> String {
  var parts = page.path.split(separator: "/").dropLast().map(String.init)
  for part in target.split(separator: "/") where part != "." {
    if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
  }
  return parts.joined(separator: "/")
}

/// The anchors that a forge gives to headings: lower case, blanks as hyphens, other signs dropped.
private func anchors(of page: File) -> Set<String> {
  var isFenced = false
  return Set(
    page.lines.compactMap { line in
      if line.hasPrefix("```") { isFenced.toggle() }
      guard !isFenced, line.hasPrefix("#") else { return nil }
      return line.drop { $0 == "#" }.dropFirst().lowercased().compactMap { character -> String? in
        if character == " " { return "-" }
        return character.isLetter || character.isNumber || "-_".contains(character) ? String(character) : nil
      }.joined()
    })
}

let pageRules: [Rule] = [
  Rule(name: "Links lead somewhere") { tree in
    tree.pages.flatMap { page in
      links(in: page).compactMap { link in
        let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? page.path : resolve(String(parts[0]), from: page)
        guard tree.paths.contains(path) else { return Finding(page, link.line, "links to \(path), which is not there") }
        guard parts.count == 2, let target = tree.file(path), !anchors(of: target).contains(String(parts[1])) else {
          return nil
        }
        return Finding(page, link.line, "links to #\(parts[1]), which is no heading of \(path)")
      }
    }
  },

  Rule(name: "Every page of docs/ is linked") { tree in
    let linked = Set(
      tree.pages.flatMap { page in links(in: page).map { resolve(String($0.target.prefix { $0 != "#" }), from: page) } }
    )
    return tree.pages.filter { $0.path.hasPrefix("docs/") && !linked.contains($0.path) }
      .map { Finding($0, "no page links to it") }
  },

  Rule(name: "Commands that pages name exist") { tree in
    let targets = Set(
      (tree.file("Makefile")?.lines ?? []).compactMap { line in
        line.hasPrefix("\t") ? nil : line.firstIndex(of: ":").map { String(line[..<$0]) }
      })
    return tree.pages.flatMap { page in
      literals(in: page).flatMap { literal -> [Finding] in
        let words = literal.text.split { " ;&|".contains($0) }.map(String.init)
        return words.indices.dropLast().compactMap { at in
          guard words[at] == "make" else { return nil }
          let target = words[at + 1]
          guard target.allSatisfy({ $0.isLetter }), !targets.contains(target) else { return nil }
          return Finding(page, literal.line, "names `make \(target)`, which is no target of the Makefile")
        }
      }
    }
  },

  Rule(name: "Paths that pages name exist") { tree in
    let roots = [".ci/", "alerts/", "dashboards/", "deploy/", "docs/", "examples/", "scripts/", "Sources/", "Tests/"]
    return tree.pages.flatMap { page in
      literals(in: page).flatMap { literal -> [Finding] in
        literal.text.split { " ,;()".contains($0) }.compactMap { word in
          var path = String(word)
          guard roots.contains(where: path.hasPrefix) else { return nil }
          while let last = path.last, "/.:".contains(last) { path.removeLast() }
          // A pattern, or the name of something that the reader will make: Sources/Inputs/<Name>/, docs/NNNN-title.md.
          if path.contains(where: { "*<>{}…$".contains($0) }) || path.contains("NNNN") || tree.paths.contains(path) {
            return nil
          }
          return Finding(page, literal.line, "names \(path), which is not there")
        }
      }
    }
  },
]

let productPageRules: [Rule] = [
  Rule(name: "Flags that pages name exist") { tree in
    let reference = tree.file("docs/configuration.md")?.text ?? ""
    return tree.pages.filter { $0.path != "docs/configuration.md" }.flatMap { page in
      literals(in: page).flatMap { literal -> [Finding] in
        literal.text.split { " =,()[]\"'".contains($0) }.compactMap { word in
          // Flags of ours are dotted; those of other programs are not.
          guard word.hasPrefix("--"), word.contains("."), !word.contains("/") else { return nil }
          let flag = word.prefix { $0 != "…" }
          return reference.contains(flag) || House.flagsOfOthers.contains(String(flag))
            ? nil : Finding(page, literal.line, "names \(flag), which docs/configuration.md does not")
        }
      }
    }
  },

  Rule(name: "docs/metrics.md names every family") { tree in
    guard let table = tree.file("Sources/Metrics/FamilyID.swift") else { return [] }
    let page = tree.file("docs/metrics.md")?.text ?? ""
    return families(in: table).filter { !page.contains("`\($0.name)`") }
      .map { Finding(table, $0.line, "\($0.name) is not in docs/metrics.md: run `make docs`") }
  },

  Rule(name: "Families that pages name exist") { tree in
    guard let table = tree.file("Sources/Metrics/FamilyID.swift") else { return [] }
    let known = Set(families(in: table).map(\.name))
    return tree.pages.flatMap { page in
      literals(in: page).flatMap { literal -> [Finding] in
        literal.text.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "…" || $0 == "*") }.compactMap { word in
          guard word.hasPrefix("kube_audit_"), !word.hasSuffix("_"), !word.contains("…"), !word.contains("*"),
            !known.contains(String(word)), !known.contains(String(word).replacing("_bucket", with: ""))
          else {
            return nil
          }
          return Finding(page, literal.line, "names \(word), which is no family")
        }
      }
    }
  },
]

/// The names in the table of families.
private func families(in table: File) -> [(name: String, line: Int)] {
  zip(1..., table.lines).compactMap { number, line in
    guard line.drop(while: { $0 == " " }).hasPrefix("case "), line.contains("= \"") else { return nil }
    let parts = line.split(separator: "\"")
    return parts.count > 1 ? (String(parts[1]), number) : nil
  }
}

let textRules: [Rule] = [
  Rule(name: "No script's pipe ends in a reader that may stop early") { tree in
    // With pipefail the writer, which then writes to nobody, fails the pipe, now and then.
    let scripts = tree.files.filter { $0.path.hasSuffix(".sh") || $0.path.hasSuffix(".bash") || $0.path == ".ci/run" }
    return scripts.flatMap { file in
      var isPiped = false
      return zip(1..., file.lines).compactMap { number, line in
        let parts = line.replacing("||", with: ";").split(separator: "|", omittingEmptySubsequences: false)
        let readers = isPiped ? parts[...] : parts.dropFirst()
        isPiped = parts.last?.isEmpty == true && parts.count > 1
        return readers.contains(where: stopsEarly)
          ? Finding(file, number, "a pipe to a reader that may stop early: read a file, or a variable by `<<<`") : nil
      }
    }
  },

  Rule(name: "Nothing names one machine, or a registry's host") { tree in
    // Put together here, so that this file is not its own finding.
    let banned = [
      "/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/", "pypi." + "org", "pythonhosted." + "org", "deb.debian." + "org",
    ]
    // Corpora are others' words.
    return tree.files.filter { !$0.path.hasPrefix("Tests/Corpora/") }.flatMap { file in
      zip(1..., file.lines).compactMap { number, line in
        banned.first(where: line.contains).map { Finding(file, number, "contains \($0)") }
      }
    }
  },

  Rule(name: "Text ends in one line break, and lines in no blank") { tree in
    // Corpora are others' bytes, kept as they came.
    tree.files.filter { !$0.text.isEmpty && !$0.path.hasPrefix("Tests/Corpora/") }.flatMap { file -> [Finding] in
      let end =
        file.text.hasSuffix("\n") && !file.text.hasSuffix("\n\n") ? [] : [Finding(file, "must end in one line break")]
      return end
        + zip(1..., file.lines).filter { $1.hasSuffix(" ") || $1.hasSuffix("\t") }.map { number, _ in
          Finding(file, number, "ends in a blank")
        }
    }
  },
]

/// Whether a command is `head`, or a `grep` that ends with its first match.
private func stopsEarly(_ command: Substring) -> Bool {
  let words = command.split(separator: " ")
  guard words.first == "grep" else { return words.first == "head" }
  let options = words.dropFirst().prefix { $0.hasPrefix("-") && $0 != "--" }
  return options.contains { !$0.hasPrefix("--") && $0.contains { $0 == "q" || $0 == "m" } || $0 == "--quiet" }
}
