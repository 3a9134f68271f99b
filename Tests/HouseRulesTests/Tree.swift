import Glibc

/// A text file of the project.
struct File: Sendable {
  /// From the root of the project, with `/`.
  let path: String
  let text: String
  let lines: [String]
  /// Code and comments told apart; empty where the file is no Swift.
  let source: SourceText
  let codeLines: [String]
  let commentLines: [String]
  let words: [Word]

  init(_ path: String, _ text: String) {
    self.path = path
    self.text = text
    lines = Self.split(text)
    source = SourceText(path.hasSuffix(".swift") ? text : "")
    codeLines = Self.split(String(decoding: source.code, as: UTF8.self))
    commentLines = Self.split(String(decoding: source.comments, as: UTF8.self))
    words = source.words
  }

  /// `Counting` of `Sources/Counting/Counters.swift`; nil outside of `folder`.
  func module(in folder: String = "Sources") -> String? {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == folder ? String(parts[1]) : nil
  }

  var isSource: Bool { path.hasPrefix("Sources/") && path.hasSuffix(".swift") }
  var isTest: Bool { path.hasPrefix("Tests/") && path.hasSuffix(".swift") }
  var isPage: Bool { path.hasSuffix(".md") }

  private static func split(_ text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}

/// The files that the rules judge: the project's own, or the few of a sample.
struct Tree: Sendable {
  let files: [File]
  /// Every file and folder, those too whose text is not read.
  let paths: Set<String>

  init(_ files: [File], alsoThere: [String] = []) {
    self.files = files
    var paths = Set(alsoThere)
    for file in files {
      var path = Substring(file.path)
      paths.insert(file.path)
      while let slash = path.lastIndex(of: "/") {
        path = path[..<slash]
        paths.insert(String(path))
      }
    }
    self.paths = paths
  }

  func file(_ path: String) -> File? { files.first { $0.path == path } }
  var sources: [File] { files.filter(\.isSource) }
  var tests: [File] { files.filter(\.isTest) }
  var pages: [File] { files.filter(\.isPage) }

  /// The project around this file.
  static func project(from source: String = #filePath) throws -> Tree {
    let root = "/" + source.split(separator: "/").dropLast(3).joined(separator: "/")
    var reader = TreeReader(root: root)
    try reader.visit("")
    return Tree(reader.files, alsoThere: reader.others)
  }
}

/// Reads a folder and those below it.
private struct TreeReader {
  let root: String
  var files: [File] = []
  var others: [String] = []

  struct Unreadable: Error { let path: String }

  private static let textEndings = [
    ".c", ".h", ".json", ".md", ".modulemap", ".py", ".sh", ".swift", ".yaml", ".yml", "Dockerfile", "Makefile", "run",
  ]
  /// The log of an example is data, and large.
  private static let textBytesLimit = 1 << 20

  mutating func visit(_ folder: String) throws {
    guard let handle = unsafe opendir(root + "/" + folder) else { throw Unreadable(path: folder) }
    defer { unsafe closedir(handle) }
    var names: [String] = []
    while let entry = unsafe readdir(handle) {
      // SAFETY: the entry and its name, which ends in a zero byte, live until the next `readdir` of this handle.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    for name in names.sorted() { try add(folder.isEmpty ? name : folder + "/" + name) }
  }

  private mutating func add(_ path: String) throws {
    // What is built, installed, made or written by tools is nobody's style: see .gitignore.
    let name = path.split(separator: "/").last ?? ""
    if name == ".git" || name.hasPrefix(".build") || name == "__pycache__" || path == "data" || path == "generated" {
      return
    }
    var facts = stat()
    guard unsafe stat(root + "/" + path, &facts) == 0 else { return }
    if facts.st_mode & S_IFMT == S_IFDIR {
      others.append(path)
      return try visit(path)
    }
    let isText = Self.textEndings.contains { name.hasSuffix($0) } && facts.st_size <= Self.textBytesLimit
    if isText { files.append(File(path, try read(path))) } else { others.append(path) }
  }

  private func read(_ path: String) throws -> String {
    let descriptor = unsafe open(root + "/" + path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Unreadable(path: path) }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe Glibc.read(descriptor, &block, block.count)
      guard count >= 0 else { throw Unreadable(path: path) }
      if count == 0 { return String(decoding: content, as: UTF8.self) }
      content += block[..<count]
    }
  }
}
