/// What a rule sees, at one audit level, of the requests that it is about.
///
/// - Source: a check on a missing field does not hold, whatever its operator; `not` turns it around (docs/rules.md).
public struct RuleSight: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// It can match.
  public static let matches = RuleSight(rawValue: 1)
  /// It does not match what it would match if the bodies were there.
  public static let misses = RuleSight(rawValue: 2)
  /// It matches what it would not match if the bodies were there: a test of a missing field is negated.
  public static let exceeds = RuleSight(rawValue: 4)

  /// The level is too low for it ever to match.
  public var isBlind: Bool { contains(.misses) && !contains(.matches) }
  /// It matches some of what it should.
  public var isPartlyBlind: Bool { contains([.misses, .matches]) }
  public var isNoisy: Bool { contains(.exceeds) }
  /// The level is all that it needs.
  public var isClear: Bool { !contains(.misses) && !contains(.exceeds) }

  /// For people: `blind`, `noisy`, `clear`.
  public var words: String {
    if isBlind { return "blind" }
    if isNoisy { return isPartlyBlind ? "noisy, partly blind" : "noisy" }
    return isPartlyBlind ? "partly blind" : "clear"
  }
}

extension RuleField.Level {
  public static let all: [RuleField.Level] = [.metadata, .request, .requestResponse]

  /// As events and policies spell it.
  public var label: String {
    switch self {
    case .metadata: "Metadata"
    case .request: "Request"
    case .requestResponse: "RequestResponse"
    }
  }

  /// What events of this level do not have.
  var leavesOut: Program.Absence {
    switch self {
    case .metadata: .bodies
    case .request: .responseObject
    case .requestResponse: []
    }
  }
}

extension RuleSet {
  /// What each rule sees at a level, as far as its condition tells; nothing of requests is known. Empty for a rule that
  /// never matches.
  ///
  /// - Limits: parts of a condition are taken as independent of each other. Where they are not, a sight may be named that
  ///   no event has; none that some event has is left out.
  public func sights(at level: RuleField.Level) -> [RuleSight] {
    var graph = DecidedGraph(program)
    var known = DecidedGraph.Known()
    known.hasTime = true
    graph.foresee(known, CodeClasses(program), [], leavingOut: level.leavesOut, program)
    return program.ruleNodes.map { graph.sight(of: $0) }
  }

  /// The least level at which each rule sees all that it should.
  public var neededLevels: [RuleField.Level] {
    let sights = RuleField.Level.all.map { self.sights(at: $0) }
    return rules.indices.map { rule in
      RuleField.Level.all.first { sights[$0.rawValue][rule].isClear } ?? .requestResponse
    }
  }
}
