public import Diagnostics

/// Reads one YAML document as a tree.
///
/// Stricter than YAML, so that a file means what it looks like: keys are unique texts; anchors, aliases, merge keys and more
/// than one document are refused; of the tags only `!!str`, `!!seq` and `!!map` are known.
public enum YAMLDocument {
  /// What a document may be at most.
  public struct Limits: Sendable {
    public var bytes = 4 << 20
    public var depth = 32
    /// Scalars, lists and mappings together, keys included.
    public var nodes = 200_000
    /// Whether failures must not show what the text says, names of keys apart: it may be a password.
    public var isContentSecret = false
    public init() {}
  }

  /// The root; a null scalar for a text without a document.
  ///
  /// - Parameter file: the name that failures carry.
  /// - Errors: everything found, in the text's order: reason `yaml`, place `.text`. What follows a break of the syntax
  ///   is not looked at.
  public static func parse(
    _ text: [UInt8], file: String, limits: Limits = Limits()
  ) throws(Failures) -> YAMLNode {
    try hold(text, file: file, to: limits)
    var reader = TreeReader(file: file, limits: limits)
    let root: YAMLNode
    do throws(Failure) {
      var events = try EventStream(text, file: file)
      root = try reader.document(from: &events)
    } catch {
      throw Failures(reader.failures + [error])
    }
    guard reader.failures.isEmpty else { throw Failures(reader.failures) }
    return root
  }

  /// The roots of all documents of a text, in its order; `limits` hold for them together. Otherwise as `parse`.
  public static func parseAll(
    _ text: [UInt8], file: String, limits: Limits = Limits()
  ) throws(Failures) -> [YAMLNode] {
    try hold(text, file: file, to: limits)
    var reader = TreeReader(file: file, limits: limits)
    var roots: [YAMLNode] = []
    do throws(Failure) {
      var events = try EventStream(text, file: file)
      roots = try reader.documents(from: &events)
    } catch {
      throw Failures(reader.failures + [error])
    }
    guard reader.failures.isEmpty else { throw Failures(reader.failures) }
    return roots
  }

  private static func hold(_ text: [UInt8], file: String, to limits: Limits) throws(Failures) {
    guard text.count <= limits.bytes else {
      throw Failures([
        Failure(
          .yaml, "it has \(text.count) bytes, more than \(limits.bytes)", at: .path(file),
          remedy: "Give the path of a configuration, not of a log")
      ])
    }
  }
}

extension Failure.Reason {
  /// A text that is not YAML, or not the strict kind that is read here.
  public static let yaml = Failure.Reason("yaml")
}
