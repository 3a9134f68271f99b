/// One aggregation over one family, as PromQL writes it: `sum by (user) (family{window="5m"})`.
///
/// - Complexity: a row whose labels do not match costs a comparison; each group's labels are read once.
public struct SampleQuery: Sendable, Equatable {
  public enum Operation: String, Sendable { case sum, max, min }

  /// A condition on one label.
  public enum Matcher: Sendable, Equatable {
    case equals(Label, String)
    case differs(Label, String)
    /// One of several words without signs of regular expressions.
    case isOneOf(Label, [String])
    /// One of several beginnings, of which the same holds.
    case begins(Label, with: [String])
    case beginsOtherwise(Label, than: [String])
  }

  /// The samples that agree in the labels asked for.
  public struct Group: Sendable {
    /// In the order of `labels`; a label that a sample does not have is empty.
    public let values: [String]
    public fileprivate(set) var value: Double
  }

  /// The largest groups, and what the others come to.
  public struct Ranking: Sendable {
    /// Largest first; equal ones in the order of their values.
    public fileprivate(set) var groups: [Group] = []
    /// How many others there are.
    public fileprivate(set) var othersCount = 0
    public fileprivate(set) var othersSum = 0.0
    fileprivate let limit: Int
  }

  public let operation: Operation
  public let labels: [Label]
  public let family: FamilyID
  public let matchers: [Matcher]
  /// Labels that whoever scrapes adds: they stand in `promQL`, and no sample of ours has them.
  public let scrapersLabels: [String]

  public init(
    _ operation: Operation, by labels: [Label], _ family: FamilyID, _ matchers: [Matcher] = [],
    scrapersLabels: [String] = []
  ) {
    self.operation = operation
    self.labels = labels
    self.scrapersLabels = scrapersLabels
    self.family = family
    self.matchers = matchers
  }

  /// The same in PromQL.
  public var promQL: String {
    "\(operation) by (\((scrapersLabels + labels.map(\.rawValue)).joined(separator: ", "))) (\(selector))"
  }

  /// What is aggregated, in PromQL.
  private var selector: String {
    guard !matchers.isEmpty else { return family.rawValue }
    let written = matchers.map { matcher in
      switch matcher {
      case .equals(let label, let value): "\(label.rawValue)=\"\(value)\""
      case .differs(let label, let value): "\(label.rawValue)!=\"\(value)\""
      case .isOneOf(let label, let values): "\(label.rawValue)=~\"\(values.joined(separator: "|"))\""
      case .begins(let label, let starts): "\(label.rawValue)=~\"\(Self.anyEnd(starts))\""
      case .beginsOtherwise(let label, let starts): "\(label.rawValue)!~\"\(Self.anyEnd(starts))\""
      }
    }
    return "\(family.rawValue){\(written.joined(separator: ", "))}"
  }

  private static func anyEnd(_ starts: [String]) -> String { starts.map { $0 + ".*" }.joined(separator: "|") }

  /// The groups of the family's samples, in the order of their first samples.
  public func groups(in readings: Readings) -> [Group] {
    var index: [[UInt8]: Int] = [:]
    var groups: [Group] = []
    let scan = RowScan(labels: labels, matchers: matchers)
    // Rows of one group mostly follow each other.
    var (last, lastKey) = (0, [UInt8]?.none)
    readings[family].forEach { prefix, row, value in
      guard let key = scan.key(prefix, row) else { return }
      if let known = key == lastKey ? last : index[key] {
        groups[known].value = combine(groups[known].value, value)
        (last, lastKey) = (known, key)
      } else {
        index[key] = groups.count
        (last, lastKey) = (groups.count, key)
        let found = LabelText.split(key)
        let values = labels.map { label in found.first { $0.name == label.rawValue }?.value ?? "" }
        groups.append(Group(values: values, value: value))
      }
    }
    return groups
  }

  /// The `limit` largest groups, those of zero left out.
  ///
  /// - Complexity: where each row is a group of its own, only the labels of the largest are read.
  public func largest(_ limit: Int, in readings: Readings) -> Ranking {
    var ranking = Ranking(limit: max(limit, 0))
    let set = readings[family]
    guard matchers.isEmpty, Families.family(family).labels.allSatisfy(labels.contains) else {
      for group in groups(in: readings) { ranking.add(group.value) { group.values } }
      return ranking
    }
    for row in set.rows {
      ranking.add(row.value) {
        let found = set.labels(of: row)
        return labels.map { label in found.first { $0.label == label }?.value ?? "" }
      }
    }
    return ranking
  }

  private func combine(_ a: Double, _ b: Double) -> Double {
    switch operation {
    case .sum: a + b
    case .max: max(a, b)
    case .min: min(a, b)
    }
  }
}

extension SampleQuery.Ranking {
  /// - Parameter values: asked for only when the group may be among the largest.
  fileprivate mutating func add(_ value: Double, _ values: () -> [String]) {
    guard value != 0 else { return }
    othersCount += 1
    othersSum += value
    if groups.count == limit, groups.last.map({ value < $0.value }) ?? true { return }
    let group = SampleQuery.Group(values: values(), value: value)
    let place = groups.firstIndex { group.precedes($0) } ?? groups.count
    groups.insert(group, at: place)
    othersCount -= 1
    othersSum -= value
    guard groups.count > limit else { return }
    othersCount += 1
    othersSum += groups.removeLast().value
  }
}

extension SampleQuery.Group {
  fileprivate func precedes(_ other: SampleQuery.Group) -> Bool {
    value != other.value ? value > other.value : values.lexicographicallyPrecedes(other.values)
  }
}

/// Reads rendered labels without taking them apart, for the few that a query is about.
private struct RowScan {
  private struct Wanted {
    /// `user="`.
    let start: [UInt8]
    let isInKey: Bool
    var tests: [Test] = []
  }
  /// Escaped values or beginnings, and whether the label must be among them.
  private struct Test {
    let values: [[UInt8]]
    let mustMatch: Bool
    var areStarts = false

    func passes(_ value: some Collection<UInt8>) -> Bool {
      values.contains { areStarts ? value.starts(with: $0) : value.elementsEqual($0) } == mustMatch
    }
  }
  private var wanted: [Wanted] = []

  init(labels: [Label], matchers: [SampleQuery.Matcher]) {
    func tests(of label: Label) -> [Test] {
      matchers.compactMap { matcher in
        switch matcher {
        case .equals(label, let value): Test(values: [Self.escaped(value)], mustMatch: true)
        case .differs(label, let value): Test(values: [Self.escaped(value)], mustMatch: false)
        case .isOneOf(label, let values): Test(values: values.map(Self.escaped), mustMatch: true)
        case .begins(label, let starts): Test(values: starts.map(Self.escaped), mustMatch: true, areStarts: true)
        case .beginsOtherwise(label, let starts):
          Test(values: starts.map(Self.escaped), mustMatch: false, areStarts: true)
        default: nil
        }
      }
    }
    for label in Label.allCases {
      let tests = tests(of: label)
      guard labels.contains(label) || !tests.isEmpty else { continue }
      wanted.append(
        Wanted(start: Array((label.rawValue + "=\"").utf8), isInKey: labels.contains(label), tests: tests))
    }
  }

  private static func escaped(_ value: String) -> [UInt8] {
    var bytes: [UInt8] = []
    LabelEscaping.append(value.utf8, to: &bytes)
    return bytes
  }

  /// The rendered labels that name the group of a row; nil where the row does not match.
  func key(_ prefix: [UInt8], _ row: ArraySlice<UInt8>) -> [UInt8]? {
    var key: [UInt8] = []
    var passed = 0
    guard scan(prefix[...], &key, &passed), scan(row, &key, &passed) else { return nil }
    guard passed != everyBit else { return key }
    // A label that is not there has the empty value.
    let isWhole = wanted.indices.allSatisfy { at in
      passed >> at & 1 == 1 || wanted[at].tests.allSatisfy { $0.passes([]) }
    }
    return isWhole ? key : nil
  }

  /// What `passed` is when nothing more is looked for.
  private var everyBit: Int { 1 << wanted.count - 1 }

  private func scan(_ text: ArraySlice<UInt8>, _ key: inout [UInt8], _ passed: inout Int) -> Bool {
    var at = text.startIndex
    while at < text.endIndex, passed != everyBit {
      let start = at
      while at < text.endIndex, text[at] != UInt8(ascii: "\"") { at += 1 }
      let name = text[start..<min(at + 1, text.endIndex)]
      at += 1
      let first = at
      while at < text.endIndex, text[at] != UInt8(ascii: "\"") { at += text[at] == UInt8(ascii: "\\") ? 2 : 1 }
      guard at < text.endIndex else { return true }
      if let found = wanted.firstIndex(where: { $0.start.elementsEqual(name) }) {
        let value = text[first..<at]
        for test in wanted[found].tests where !test.passes(value) { return false }
        passed |= 1 << found
        // An empty label is one that is not there.
        if wanted[found].isInKey, !value.isEmpty {
          if !key.isEmpty { key.append(UInt8(ascii: ",")) }
          key += text[start...at]
        }
      }
      // Over the quote and a comma.
      at += 2
    }
    return true
  }
}
