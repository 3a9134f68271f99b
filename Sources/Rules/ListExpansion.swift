/// Puts lists into conditions, as text: a list's name between delimiters becomes its items.
///
/// - Order: the lists' own, so a name that comes out of one list is replaced again by a later list of that name.
/// - Source: falcosecurity/falco `userspace/engine/rule_loader_compiler.cpp`.
struct ListExpansion {
  private let lists: [(name: [UInt8], text: [UInt8])]
  /// The lists that a condition named.
  private(set) var used: Set<Int> = []
  private let bytesLimit: Int

  /// - Parameter lists: names with their items, those that lists hold of each other already among them.
  init(_ lists: [(name: String, items: [String])], bytesLimit: Int) {
    self.lists = lists.map { (Array($0.name.utf8), Self.joined($0.items)) }
    self.bytesLimit = bytesLimit
  }

  /// The items with commas between; one with a blank gets quotes.
  private static func joined(_ items: [String]) -> [UInt8] {
    var out: [UInt8] = []
    for (index, item) in items.enumerated() {
      if index > 0 { out += [UInt8(ascii: ","), 0x20] }
      out += ExceptionCondition.quotedIfBlank(item).utf8
    }
    return out
  }

  static func isDelimiter(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: ",")
      || byte == UInt8(ascii: "=")
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 0x0a || byte == 0x0d }

  /// What stands between delimiters.
  static func words(_ bytes: [UInt8]) -> Set<ArraySlice<UInt8>> {
    Set(bytes.split(whereSeparator: isDelimiter))
  }

  mutating func expand(_ condition: PlacedText) throws(ConditionFailure) -> PlacedText {
    var text = condition
    var words = Self.words(text.bytes)
    for index in lists.indices where words.contains(lists[index].name[...]) {
      text = Self.replace(lists[index].name, by: lists[index].text, in: text)
      used.insert(index)
      guard text.bytes.count <= bytesLimit else {
        throw ConditionFailure(
          what: "the condition is longer than \(bytesLimit) bytes with its lists", expected: "",
          origin: condition.origin(at: 0))
      }
      words = Self.words(text.bytes)
    }
    guard text.bytes.count <= bytesLimit else {
      throw ConditionFailure(
        what: "the condition is longer than \(bytesLimit) bytes", expected: "", origin: condition.origin(at: 0))
    }
    return text
  }

  /// Blanks around the name go with it; an empty list takes a comma beside it too.
  private static func replace(_ name: [UInt8], by items: [UInt8], in text: PlacedText) -> PlacedText {
    var out = PlacedText()
    let bytes = text.bytes
    var copied = 0
    var at = 0
    while at < bytes.count {
      if isDelimiter(bytes[at]) {
        at += 1
        continue
      }
      var end = at
      while end < bytes.count, !isDelimiter(bytes[end]) { end += 1 }
      guard bytes[at..<end] == name[...] else {
        at = end
        continue
      }
      let origin = text.origin(at: at)
      var start = at
      while start > copied, isBlank(bytes[start - 1]) { start -= 1 }
      while end < bytes.count, isBlank(bytes[end]) { end += 1 }
      if items.isEmpty {
        if start > copied, bytes[start - 1] == UInt8(ascii: ",") {
          start -= 1
        } else if end < bytes.count, bytes[end] == UInt8(ascii: ",") {
          end += 1
        }
      }
      out.append(text, copied..<start)
      out.append(" ", of: origin)
      out.append(items, of: origin)
      out.append(" ", of: origin)
      copied = end
      at = end
    }
    out.append(text, copied..<bytes.count)
    return out
  }
}
