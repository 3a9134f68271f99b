/// What makes a rule windowed: it matches when so many requests that satisfy its condition, or so many different values of
/// fields of them, come together in a span of time.
public struct RuleWindow: Sendable {
  /// The span, seconds: a multiple of 30.
  public let seconds: Int64
  /// The fields that requests are told apart by, as written; empty counts all of a cluster together.
  public let by: [String]
  /// The fields whose different values are counted; empty counts requests.
  public let distinct: [String]
  /// With how many it matches.
  public let atLeast: Int
  /// For how long after its first request in a cluster it only learns, seconds.
  public let learnSeconds: Int64
  /// Names the rule with its condition, keys, span and threshold: of another fingerprint, nothing that was counted holds.
  public let fingerprint: UInt128

  public static let secondsRange: ClosedRange<Int64> = 30...30 * 86_400
  /// Panes in a window: its span is so many times a whole second.
  public static let paneCount: Int64 = 30
  public static let atLeastRange = 1...1000
  /// Of `by`, and of `distinct`.
  public static let fieldsLimit = 4
  /// Stands among the fields for the source IP, as metrics show it: the last address that is no trusted proxy's.
  public static let sourceIP = "source_ip"
}

/// The keys of a windowed rule as they stand in a file: nothing is looked up yet.
struct WindowDefinition: Sendable {
  var over: RuleDefinition.Value<Int64>?
  var by: RuleDefinition.Value<[PlacedText]>?
  var distinct: RuleDefinition.Value<[PlacedText]>?
  var atLeast: RuleDefinition.Value<Int>?
  var learn: RuleDefinition.Value<Int64>?

  /// The place of any key, if there is one.
  var place: ItemPlace? { over?.place ?? atLeast?.place ?? by?.place ?? distinct?.place ?? learn?.place }

  /// Takes over the keys that a later item overrides.
  mutating func override(with later: WindowDefinition, _ overrides: [String: Override]) {
    if overrides["over"] != nil { over = later.over }
    if overrides["at_least"] != nil { atLeast = later.atLeast }
    if overrides["learn"] != nil { learn = later.learn }
    by = Self.override(by, later.by, overrides["by"])
    distinct = Self.override(distinct, later.distinct, overrides["distinct"])
  }

  private static func override(
    _ old: RuleDefinition.Value<[PlacedText]>?, _ later: RuleDefinition.Value<[PlacedText]>?, _ kind: Override?
  ) -> RuleDefinition.Value<[PlacedText]>? {
    guard let kind, var later else { return old }
    if kind == .append, let old { later.value = old.value + later.value }
    return later
  }
}

/// What a windowed rule reads of an event.
enum WindowPart: Sendable {
  /// An operand of the program that the decoder has found, read from there unless it is escaped.
  case text(EventText, Int32)
  /// Any other operand.
  case operand(Int32)
  case sourceIP
}

struct WindowParts: Sendable {
  var by: [WindowPart]
  var distinct: [WindowPart]
}
