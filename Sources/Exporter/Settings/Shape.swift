internal import YAML

/// What a setting's value looks like: how it is read from a node, how it is written, and what to call it.
struct Shape<Value: Sendable & Equatable>: Sendable {
  /// `duration`, `list of networks`.
  let name: String
  /// `30s to 24h`; empty when the name says it all.
  let range: String
  /// Nil after complaining.
  let read: @Sendable (YAMLNode, inout Complaints) -> Value?
  /// As it would stand in the file, on one line.
  let write: @Sendable (Value) -> String

  /// A shape whose value is a single text.
  static func text(
    _ name: String, range: String = "", parse: @escaping @Sendable (String) throws(Refusal) -> Value,
    write: @escaping @Sendable (Value) -> String
  ) -> Shape {
    Shape(
      name: name, range: range,
      read: { node, complaints in
        guard case .scalar(let scalar) = node.value, !scalar.isNull else {
          complaints.add(Refusal("\(node.kind) is given instead of a \(name)", "Write one value"), at: node)
          return nil
        }
        do throws(Refusal) { return try parse(scalar.text) } catch {
          complaints.add(error, at: node)
          return nil
        }
      }, write: write)
  }

  /// The same, where not setting it means something of its own. It is written as `absent`.
  func optional(_ absent: String) -> Shape<Value?> {
    Shape<Value?>(
      name: name, range: range, read: { read($0, &$1).map { .some($0) } },
      write: { $0.map(write) ?? absent })
  }

  /// A list of such values; `limit` at most, none twice. One value alone is a list of one.
  func list(_ name: String, limit: Int) -> Shape<[Value]> {
    Shape<[Value]>(
      name: name, range: "at most \(limit)" + (range.isEmpty ? "" : ", each \(range)"),
      read: { node, complaints in
        var nodes = [node]
        if case .sequence(let items) = node.value { nodes = items }
        guard nodes.count <= limit else {
          complaints.add(Refusal("\(nodes.count) entries are given, more than \(limit)", "Remove some"), at: node)
          return nil
        }
        let before = complaints.failures.count
        var values: [Value] = []
        for item in nodes {
          guard let value = read(item, &complaints) else { continue }
          if values.contains(value) {
            complaints.add(Refusal("\(write(value)) is given twice", "Keep one of the two"), at: item)
          } else {
            values.append(value)
          }
        }
        // Half a list would only lead to complaints about what is missing in it.
        return complaints.failures.count == before ? values : nil
      },
      write: { "[" + $0.map(write).joined(separator: ", ") + "]" })
  }
}

extension Shape where Value == String {
  /// A text of 1 to `limit` bytes without control characters.
  static func string(_ name: String = "text", limit: Int = 256) -> Shape {
    .text(name, parse: { text throws(Refusal) in try plain(text, limit: limit) }, write: { quoted($0) })
  }

  /// Such a text, judged and rewritten by `parse`; empty is allowed if that allows it.
  static func checked(_ name: String, _ parse: @escaping @Sendable (String) throws(Refusal) -> String) -> Shape {
    .text(name, parse: parse, write: { quoted($0) })
  }

  static func plain(_ text: String, limit: Int) throws(Refusal) -> String {
    guard !text.isEmpty else { throw Refusal("the text is empty", "Write something, or remove the line") }
    guard text.utf8.count <= limit else {
      throw Refusal("the text has \(text.utf8.count) bytes, more than \(limit)", "Shorten it")
    }
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) else {
      throw Refusal("the text has a control character", "Remove it")
    }
    return text
  }

  /// Bare where YAML and a reader would take it for what it is.
  static func quoted(_ text: String) -> String {
    let isBare =
      text.unicodeScalars.first.map { ("a"..."z").contains($0) || ("A"..."Z").contains($0) || $0 == "/" } == true
      && text.unicodeScalars.allSatisfy {
        !" :#,[]{}\"'&*".unicodeScalars.contains($0) && $0.value > 0x20 && $0.value < 0x7F
      }
    if isBare, !YAMLScalar(text, isPlain: true).isNull { return text }
    // Scalar by scalar: a quote with an accent on it is one character, and a quote all the same.
    return "\"" + text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
  }
}

extension Shape where Value == Bool {
  static var bool: Shape {
    .text(
      "boolean",
      parse: { text throws(Refusal) in
        guard text == "true" || text == "false" else {
          throw Refusal("\(text) is not a boolean", "Write true or false")
        }
        return text == "true"
      },
      write: { $0 ? "true" : "false" })
  }
}

extension Shape where Value: FixedWidthInteger {
  /// A whole number, read and written by the given functions, inside `range`.
  static func number(
    _ name: String, _ range: ClosedRange<Value>, parse: @escaping @Sendable (String) throws(Refusal) -> Value,
    write: @escaping @Sendable (Value) -> String
  ) -> Shape {
    let (low, high) = (write(range.lowerBound), write(range.upperBound))
    return .text(
      name, range: "\(low) to \(high)",
      parse: { text throws(Refusal) in
        let value = try parse(text)
        if value < range.lowerBound { throw Refusal("\(text) is less than \(low)", "Write \(low) to \(high)") }
        if value > range.upperBound { throw Refusal("\(text) is more than \(high)", "Write \(low) to \(high)") }
        return value
      },
      write: write)
  }
}

extension Shape where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Shape {
    .number(
      "whole number", range,
      parse: { text throws(Refusal) in
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
          let value = Int(text)
        else { throw Refusal("\(text) is not a whole number", "Write digits only") }
        return value
      },
      write: { String($0) })
  }

  static func bytes(_ range: ClosedRange<Int>) -> Shape {
    .number("bytes", range, parse: BytesText.bytes, write: { BytesText.text($0) })
  }
}

extension Shape where Value == Int64 {
  /// Seconds, written as a duration.
  static func duration(_ range: ClosedRange<Int64>) -> Shape {
    .number("duration", range, parse: DurationText.seconds, write: { DurationText.text($0) })
  }
}

extension Shape where Value: CaseIterable & RawRepresentable<String> {
  static var choice: Shape {
    let words = Value.allCases.map(\.rawValue)
    return .text(
      "choice", range: words.joined(separator: ", "),
      parse: { text throws(Refusal) in
        guard let value = Value(rawValue: text) else {
          throw Refusal("\(text) is not known", "Write one of: \(words.joined(separator: ", "))")
        }
        return value
      },
      write: { $0.rawValue })
  }
}

extension Shape where Value == ListenAddress {
  static var address: Shape {
    .text(
      "address",
      parse: { text throws(Refusal) in
        guard URLText.isVisible(text) else {
          throw Refusal("the address has a character that no address has", "Write :PORT, IPV4:PORT or [IPV6]:PORT")
        }
        return try ListenAddress(text)
      },
      write: { "\"\($0)\"" })
  }
}
