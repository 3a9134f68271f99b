/// The samples of one family at one instant: label sets already rendered for exposition, and values. Plain data.
///
/// - Shape: a row points at the rendered labels (`k8s_cluster="a",code="403"`, escaped, without braces) in chunks that
///   may be shared with the table that owns them (copy on write), so that taking a set copies rows and no text.
///   `prefixes` holds what comes before them (`window="5m",`); prefix 0 is empty.
/// - Order: rows are written in the order given; a family's owner gives them in a fixed order.
public struct SampleSet: Sendable {
  /// One sample; `labels` and `prefix` mean something only to the set that holds it.
  public struct Row: Sendable {
    public var value: Double
    var labels: LabelArena.Ref
    var prefix: UInt32
  }

  public private(set) var rows: [Row] = []
  /// By the index of their row.
  public private(set) var exemplars: [Int: Exemplar] = [:]
  /// The only sample of a family of histograms; it has no rows.
  public let histogram: Histogram?
  private var shared: [[UInt8]]
  private var own = LabelArena()
  private var prefixes: [[UInt8]]
  private var scratch: [UInt8] = []

  /// An empty set that owns its text.
  public init() {
    shared = []
    prefixes = [[]]
    histogram = nil
  }

  /// The only histogram of a family without labels.
  public init(_ histogram: Histogram) {
    shared = []
    prefixes = [[]]
    self.histogram = histogram
  }

  /// An empty set whose rows point into `arena`, behind one of `prefixes` (their indices begin at 1).
  public init(sharing arena: LabelArena, prefixes: [[UInt8]] = []) {
    shared = arena.chunks
    self.prefixes = [[]] + prefixes
    histogram = nil
  }

  /// The only row of a family without labels.
  public init(_ value: Double) {
    self.init()
    append([], value)
  }

  /// Whether there is nothing to show.
  public var isEmpty: Bool { rows.isEmpty && histogram == nil }

  public mutating func reserve(_ count: Int) { rows.reserveCapacity(count) }

  /// Appends a row whose labels stand in the shared arena.
  public mutating func append(_ labels: LabelArena.Ref, _ value: Double, prefix: Int = 0) {
    rows.append(Row(value: value, labels: labels, prefix: UInt32(truncatingIfNeeded: prefix)))
  }

  /// Says by which event the last row was counted up last.
  public mutating func attach(_ exemplar: Exemplar) { exemplars[rows.count - 1] = exemplar }

  /// Appends a row with labels of its own. Values are trusted to be sanitised text; they are escaped here.
  public mutating func append(_ labels: [(Label, String)], _ value: Double) { append([], labels, value) }

  /// Appends a row whose first labels are rendered already.
  public mutating func append(_ rendered: [UInt8], _ labels: [(Label, String)], _ value: Double) {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: rendered)
    for (label, text) in labels {
      if !scratch.isEmpty { scratch.append(UInt8(ascii: ",")) }
      scratch.append(contentsOf: label.rawValue.utf8)
      scratch.append(contentsOf: [UInt8(ascii: "="), UInt8(ascii: "\"")])
      LabelEscaping.append(text.utf8, to: &scratch)
      scratch.append(UInt8(ascii: "\""))
    }
    var ref = own.append(scratch)
    ref.chunk += UInt32(shared.count)
    append(ref, value)
  }

  /// Calls `body` with each row in turn: its rendered labels in two parts, one behind the other, and its value.
  public func forEach(_ body: (_ prefix: [UInt8], _ labels: ArraySlice<UInt8>, _ value: Double) -> Void) {
    for row in rows {
      let start = Int(row.labels.offset)
      body(prefixes[Int(row.prefix)], chunk(row.labels.chunk)[start..<start + Int(row.labels.count)], row.value)
    }
  }

  /// The labels of a row of this set, values as they are without escapes.
  public func labels(of row: Row) -> [(label: Label, value: String)] {
    let start = Int(row.labels.offset)
    let text = chunk(row.labels.chunk)[start..<start + Int(row.labels.count)]
    return LabelText.split(prefixes[Int(row.prefix)] + text).compactMap { name, value in
      Label(rawValue: name).map { ($0, value) }
    }
  }

  /// The value of `label` in a row of this set; nil when it has no such label.
  public func value(of label: Label, in row: Row) -> String? {
    labels(of: row).first { $0.label == label }?.value
  }

  private func chunk(_ index: UInt32) -> [UInt8] {
    let index = Int(index)
    return index < shared.count ? shared[index] : own.chunks[index - shared.count]
  }
}

/// One event among those that a sample counts: what leads from a number to what happened. Only OpenMetrics can show it.
public struct Exemplar: Sendable, Equatable {
  /// Its only label, rendered: `audit_id="…"`.
  let label: [UInt8]
  /// When it happened, seconds since the epoch.
  let seconds: Double

  /// - Parameter value: of its label, escaped; with the name at most 128 characters.
  public init(_ name: String, escaped value: [UInt8], seconds: Double) {
    label = Array("\(name)=\"".utf8) + value + [UInt8(ascii: "\"")]
    self.seconds = seconds
  }
}
