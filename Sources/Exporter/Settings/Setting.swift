internal import YAML

/// One setting: where it stands in the file, what it may be, and which value it sets.
struct Setting: Sendable {
  /// Dotted, lower snake case: `queue.limit_bytes` is `limit_bytes` under `queue`.
  let key: String
  let help: String
  /// Its flag's name without the two hyphens; nil when only the file sets it.
  let flag: String?
  /// Whether a reload changes it; else a restart does.
  let isReloadable: Bool
  /// What to write, for the reference page.
  let shapeName: String
  let range: String
  let example: String
  /// The fields of its entries, when they are mappings.
  let fields: [Field]
  /// Reads a node into the settings; complains and leaves them alone when it is not allowed.
  let read: @Sendable (YAMLNode, inout Settings, inout Complaints) -> Void
  /// The value as it would stand in the file, on one line; what absence means, for an absent one.
  let write: @Sendable (Settings) -> String
  /// Whether two settings agree here.
  let isEqual: @Sendable (Settings, Settings) -> Bool

  init<Value>(
    _ key: String, _ path: any WritableKeyPath<Settings, Value> & Sendable, _ shape: Shape<Value>, flag: String? = nil,
    isReloadable: Bool = false, example: String? = nil, fields: [Field] = [], help: String
  ) {
    self.key = key
    self.help = help
    self.flag = flag
    self.isReloadable = isReloadable
    self.fields = fields
    shapeName = shape.name
    range = shape.range
    write = { shape.write($0[keyPath: path]) }
    self.example = example ?? shape.write(Settings()[keyPath: path])
    read = { node, settings, complaints in
      if let value = shape.read(node, &complaints) { settings[keyPath: path] = value }
    }
    isEqual = { $0[keyPath: path] == $1[keyPath: path] }
  }

  /// The default, as it would stand in the file.
  var fallback: String { write(Settings()) }
}
