/// Swift source with its code and its comments told apart, so that a rule about code never trips over a sentence.
struct SourceText: Sendable {
  /// The bytes of the code: comments and the content of string literals are blanks, line breaks are kept.
  let code: [UInt8]
  /// The comments alone, at the same places.
  let comments: [UInt8]

  private enum Mode: Equatable {
    /// Code inside `\(…)` ends at the parenthesis that closes it.
    case code(openParentheses: Int)
    case lineComment
    case blockComment(depth: Int)
    case string(hashes: Int, isMultiline: Bool)
  }

  init(_ text: String) {
    var scan = Scan(bytes: Array(text.utf8))
    scan.run()
    code = scan.code
    comments = scan.comments
  }

  private struct Scan {
    let bytes: [UInt8]
    var code: [UInt8]
    var comments: [UInt8]
    var at = 0
    var modes: [Mode] = [.code(openParentheses: 0)]

    init(bytes: [UInt8]) {
      self.bytes = bytes
      code = bytes.map { $0 == 0x0a ? 0x0a : 0x20 }
      comments = code
    }

    mutating func run() {
      while at < bytes.count {
        switch modes[modes.count - 1] {
        case .code(let open): inCode(open)
        case .lineComment: inLineComment()
        case .blockComment(let depth): inBlockComment(depth)
        case .string(let hashes, let isMultiline): inString(hashes, isMultiline)
        }
      }
    }

    private func follows(_ text: String) -> Bool { bytes[at...].starts(with: text.utf8) }

    private mutating func setMode(_ mode: Mode) { modes[modes.count - 1] = mode }

    private mutating func keepCode(_ count: Int) {
      for _ in 0..<count where at < bytes.count {
        code[at] = bytes[at]
        at += 1
      }
    }

    private mutating func keepComment(_ count: Int) {
      for _ in 0..<count where at < bytes.count {
        comments[at] = bytes[at]
        at += 1
      }
    }

    private mutating func inCode(_ open: Int) {
      if follows("//") { return modes.append(.lineComment) }
      if follows("/*") {
        modes.append(.blockComment(depth: 0))
        return
      }
      let hashes = bytes[at...].prefix { $0 == UInt8(ascii: "#") }.count
      if bytes[(at + hashes)...].first == UInt8(ascii: "\"") {
        let isMultiline = bytes[(at + hashes)...].starts(with: "\"\"\"".utf8)
        keepCode(hashes + (isMultiline ? 3 : 1))
        modes.append(.string(hashes: hashes, isMultiline: isMultiline))
        return
      }
      let isNested = modes.count > 1
      if bytes[at] == UInt8(ascii: "(") { setMode(.code(openParentheses: open + 1)) }
      if bytes[at] == UInt8(ascii: ")") {
        if isNested, open == 1 { modes.removeLast() } else { setMode(.code(openParentheses: open - 1)) }
      }
      keepCode(1)
    }

    private mutating func inLineComment() {
      if bytes[at] == 0x0a { modes.removeLast() } else { return keepComment(1) }
      at += 1
    }

    private mutating func inBlockComment(_ depth: Int) {
      if follows("/*") {
        setMode(.blockComment(depth: depth + 1))
        keepComment(2)
      } else if follows("*/") {
        if depth == 1 { modes.removeLast() } else { setMode(.blockComment(depth: depth - 1)) }
        keepComment(2)
      } else {
        keepComment(1)
      }
    }

    private mutating func inString(_ hashes: Int, _ isMultiline: Bool) {
      let fence = String(repeating: "#", count: hashes)
      let end = (isMultiline ? "\"\"\"" : "\"") + fence
      if follows(end) {
        modes.removeLast()
        keepCode(end.utf8.count)
      } else if follows("\\" + fence + "(") {
        at += 1 + hashes
        modes.append(.code(openParentheses: 0))
      } else if follows("\\" + fence), at + 1 + hashes < bytes.count {
        at += 2 + hashes
      } else if bytes[at] == 0x0a, !isMultiline {
        // No literal goes over a line break: something was misread, and the next line starts clean.
        modes.removeLast()
      } else {
        at += 1
      }
    }
  }
}

/// A word of code and what touches it.
struct Word: Sendable {
  let text: String
  /// 1 is the first line.
  let line: Int
  /// Where the word begins and ends in the bytes of the code.
  let start: Int
  let end: Int
  /// The bytes right before and right after; a blank at the ends of the file.
  let before: UInt8
  let after: UInt8
}

extension SourceText {
  /// Every identifier, keyword and number of the code, in order.
  var words: [Word] {
    var words: [Word] = []
    var line = 1
    var at = 0
    while at < code.count {
      guard Self.isWord(code[at]) else {
        if code[at] == 0x0a { line += 1 }
        at += 1
        continue
      }
      let start = at
      while at < code.count, Self.isWord(code[at]) { at += 1 }
      words.append(
        Word(
          text: String(decoding: code[start..<at], as: UTF8.self), line: line, start: start, end: at,
          before: start > 0 ? code[start - 1] : 0x20, after: at < code.count ? code[at] : 0x20))
    }
    return words
  }

  static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}
