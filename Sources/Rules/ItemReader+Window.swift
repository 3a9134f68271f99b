internal import YAML

/// The keys of windowed rules, which Falco does not have.
extension ItemReader {
  static let windowKeys: Set = ["over", "by", "distinct", "at_least", "learn"]

  /// Reads them; nil when none is there.
  mutating func window(_ keys: [String: YAMLEntry]) -> WindowDefinition? {
    guard !Self.windowKeys.isDisjoint(with: keys.keys) else { return nil }
    var window = WindowDefinition()
    window.over = keys["over"].flatMap { over($0) }
    window.learn = keys["learn"].flatMap { learn($0) }
    window.atLeast = keys["at_least"].flatMap { atLeast($0) }
    window.by = keys["by"].flatMap { windowFields($0) }
    window.distinct = keys["distinct"].flatMap { windowFields($0) }
    return window
  }

  private mutating func over(_ entry: YAMLEntry) -> RuleDefinition.Value<Int64>? {
    guard let text = string(entry) else { return nil }
    if let seconds = Self.seconds(text), RuleWindow.secondsRange.contains(seconds),
      seconds % RuleWindow.paneCount == 0
    {
      return .init(value: seconds, place: place(entry.value))
    }
    fail(
      entry.value, "over is \(quoted(text)), which is no span of a window",
      "Write a multiple of 30s from 30s to 30d, such as 9m")
    return nil
  }

  private mutating func learn(_ entry: YAMLEntry) -> RuleDefinition.Value<Int64>? {
    guard let text = string(entry) else { return nil }
    if let seconds = Self.seconds(text), seconds <= RuleWindow.secondsRange.upperBound {
      return .init(value: seconds, place: place(entry.value))
    }
    fail(entry.value, "learn is \(quoted(text)), which is no span of time", "Write up to 30d, such as 1d; 0s for none")
    return nil
  }

  private mutating func atLeast(_ entry: YAMLEntry) -> RuleDefinition.Value<Int>? {
    guard let text = string(entry) else { return nil }
    if let number = Int(text), RuleWindow.atLeastRange.contains(number), String(number) == text {
      return .init(value: number, place: place(entry.value))
    }
    let range = RuleWindow.atLeastRange
    fail(
      entry.value, "at_least is \(quoted(text))",
      "Write a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  /// One field or a list of them.
  private mutating func windowFields(_ entry: YAMLEntry) -> RuleDefinition.Value<[PlacedText]>? {
    var nodes = [entry.value]
    if case .sequence(let items) = entry.value.value { nodes = items }
    if entry.value.isNull { nodes = [] }
    var texts: [PlacedText] = []
    for node in nodes {
      guard case .scalar(let scalar) = node.value, !scalar.text.isEmpty else {
        fail(node, "a field of \(entry.key) is \(node.kind)", "Write a field, such as ka.user.name")
        continue
      }
      texts.append(sources.add(scalar.text, file: file, line: node.line, column: node.column))
    }
    return .init(value: texts, place: place(entry.value))
  }

  /// `30s`, `9m`, `1h30m`, `1d`: whole numbers with units in falling order, each once. Nil for anything else.
  static func seconds(_ text: String) -> Int64? {
    var units: ArraySlice<(letter: Character, seconds: Int64)> = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    var total: Int64 = 0
    var digits = ""
    guard !text.isEmpty, text.utf8.count <= 32 else { return nil }
    for letter in text {
      if ("0"..."9").contains(letter), digits.count < 10 {
        digits.append(letter)
        continue
      }
      guard let number = Int64(digits), let at = units.firstIndex(where: { $0.letter == letter }) else { return nil }
      total += number * units[at].seconds
      units = units[(at + 1)...]
      digits = ""
    }
    return digits.isEmpty ? total : nil
  }
}
