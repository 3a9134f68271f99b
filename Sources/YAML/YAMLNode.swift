/// A node of a YAML document, with where it stands.
public struct YAMLNode: Sendable, Equatable {
  /// What the node is.
  public enum Value: Sendable, Equatable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    /// In the file's order; keys are unique.
    case mapping([YAMLEntry])
  }

  public let value: Value
  /// Counted from 1, as editors do; columns in characters.
  public let line: Int
  public let column: Int

  public init(_ value: Value, line: Int, column: Int) {
    self.value = value
    self.line = line
    self.column = column
  }

  /// Nothing: an absent value, `~` or `null`.
  public var isNull: Bool {
    if case .scalar(let scalar) = value { scalar.isNull } else { false }
  }

  /// What it is, for a sentence: `a list`.
  public var kind: String {
    switch value {
    case .scalar: isNull ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// A single value: its text, not interpreted. Whoever reads it knows what it should be; YAML's guesses (`no` is false, `1_0`
/// is ten) are not made here.
public struct YAMLScalar: Sendable, Equatable {
  public let text: String
  /// Written without quotes and not as a block: only such a scalar can be null, a number or a boolean.
  public let isPlain: Bool

  public init(_ text: String, isPlain: Bool) {
    self.text = text
    self.isPlain = isPlain
  }

  /// A plain scalar that says nothing.
  public var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
}

/// A key of a mapping and what it holds.
public struct YAMLEntry: Sendable, Equatable {
  public let key: String
  /// Where the key stands.
  public let line: Int
  public let column: Int
  public let value: YAMLNode

  public init(key: String, line: Int, column: Int, value: YAMLNode) {
    self.key = key
    self.line = line
    self.column = column
    self.value = value
  }
}
