import Diagnostics
import TestSupport
import Testing

@testable import YAML

extension SplitMix64 {
  mutating func below(_ n: Int) -> Int { pick(0...(n - 1)) }
}

/// A tree without places, and a writer that chooses among YAML's styles: the model that reading is held against.
indirect enum Tree: Equatable {
  case text(String)
  case list([Tree])
  case map([String], [Tree])

  init(_ node: YAMLNode) {
    switch node.value {
    case .scalar(let scalar): self = .text(scalar.text)
    case .sequence(let items): self = .list(items.map(Tree.init))
    case .mapping(let entries): self = .map(entries.map(\.key), entries.map { Tree($0.value) })
    }
  }

  init(_ random: inout SplitMix64, depth: Int) {
    let count = random.below(4)
    switch depth == 0 ? 0 : random.below(3) {
    case 0: self = .text(Self.text(&random))
    case 1: self = .list((0..<count).map { _ in Tree(&random, depth: depth - 1) })
    default:
      self = .map(
        (0..<count).map { "k\($0)" + Self.text(&random) }, (0..<count).map { _ in Tree(&random, depth: depth - 1) })
    }
  }

  private static let pieces = [
    "a", "Z", "0", " ", ":", "#", "-", "'", "\"", "\\", "é", "日", "🦊", "\n", "\t", "{", "*", "&",
  ]

  private static func text(_ random: inout SplitMix64) -> String {
    (0..<random.below(8)).map { _ in pieces[random.below(pieces.count)] }.joined()
  }

  func flow(_ random: inout SplitMix64) -> String {
    switch self {
    case .text(let text): return Self.quoted(text, &random)
    case .list(let items): return "[" + items.map { $0.flow(&random) }.joined(separator: ", ") + "]"
    case .map(let keys, let values):
      return "{"
        + zip(keys, values).map { Self.quoted($0, &random) + ": " + $1.flow(&random) }.joined(separator: ", ") + "}"
    }
  }

  /// In block style, beginning on a line of its own.
  func block(_ random: inout SplitMix64, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    switch self {
    case .list(let items) where !items.isEmpty:
      return items.map { margin + "-\n" + $0.block(&random, indent: indent + 2) }.joined()
    case .map(let keys, let values) where !keys.isEmpty:
      return zip(keys, values).map { key, value in
        margin + Self.quoted(key, &random) + ":\n" + value.block(&random, indent: indent + 1)
      }.joined()
    default: return margin + flow(&random) + "\n"
    }
  }

  private static func quoted(_ text: String, _ random: inout SplitMix64) -> String {
    let isWord =
      !text.isEmpty && text.unicodeScalars.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) }
    if isWord, random.below(2) == 0 { return text }
    if !text.contains("\n"), !text.contains("\t"), random.below(2) == 0 {
      return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": out += "\\" + String(scalar)
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

@Suite struct YAMLRoundTripTests {
  @Test(arguments: 0..<8)
  func readsWhatWasWritten(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    for _ in 0..<300 {
      let tree = Tree(&random, depth: 4)
      let flow = tree.flow(&random)
      #expect(Tree(try parse(flow)) == tree, "\(flow)")
      let block = tree.block(&random, indent: 0)
      #expect(Tree(try parse(block)) == tree, "\(block)")
    }
  }

  /// Broken texts give failures inside the text, never a crash, and what is read has its places inside too.
  @Test(arguments: 0..<8)
  func brokenTexts(seed: Int) {
    var random = SplitMix64(seed: UInt64(1000 + seed))
    var refused = 0
    for _ in 0..<1500 {
      let tree = Tree(&random, depth: 4)
      var bytes = Array((random.below(2) == 0 ? tree.flow(&random) : tree.block(&random, indent: 0)).utf8)
      for _ in 0..<(1 + random.below(3)) where !bytes.isEmpty {
        let at = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: at)
        default: bytes.insert(Array("*&!-:?{}[]#|>%@`\"'\t\n".utf8)[random.below(20)], at: at)
        }
      }
      let lines = bytes.count { $0 == 0x0A || $0 == 0x0D } + 2
      let found = failures(bytes)
      refused += found.isEmpty ? 0 : 1
      for failure in found {
        guard case .text(let file, let line, let column) = failure.place, file == "f.yaml" else {
          Issue.record("no place: \(failure)")
          continue
        }
        // NEL and the Unicode line separators break lines too; they stand for at least two bytes each.
        #expect(
          (1...(lines + bytes.count / 2)).contains(line) && (1...(bytes.count + 2)).contains(column), "\(failure)")
      }
    }
    #expect(refused > 100)
  }
}
