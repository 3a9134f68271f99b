/// The samples of one family at one instant: label sets already rendered for exposition, and values. Plain data.
///
/// - Shape: a row points at the rendered labels (`k8s_cluster="a",code="403"`, escaped, without braces) in `chunks`, which
///   share their storage with the table that owns them (copy on write), so that taking a set copies rows and no text.
///   `prefixes` holds what comes before them (`window="5m",`).
/// - Order: rows are written in the order given; a family's owner gives them in a fixed order.
public struct SampleSet: Sendable {
  public struct Row: Sendable {
    public var value: Double
    var chunk: UInt32
    var offset: UInt32
    var count: UInt32
    var prefix: UInt16
  }

  public private(set) var rows: [Row] = []
  private var chunks: [[UInt8]] = []
  private var prefixes: [[UInt8]] = [[]]

  public init() {}
}
