public import Crypto
public import Diagnostics

extension Failure.Reason {
  /// What counting kept cannot be taken up again.
  public static let countingState = Failure.Reason("counting_state")
}

extension Failure {
  /// - Parameter what: names the piece; never its content.
  static func counting(_ what: String, _ damage: StateDamage? = nil) -> Failure {
    let remedy =
      damage?.isNewer == true
      ? "A later version of this program wrote it: start that one"
      : "Put back an older copy of the state; or move the state away, and all counts begin at 0"
    return Failure(.countingState, what, at: .process, remedy: remedy)
  }
}

extension Failure {
  /// The names in a state and those that would come to it are not of one kind.
  ///
  /// - Parameter isKept: whether the state holds pseudonyms; `isWanted`: whether there is a key.
  static func pseudonyms(isKept: Bool, isWanted: Bool) -> Failure {
    let moveAway = "move the state away, and all counts begin at 0"
    let (what, remedy) =
      switch (isKept, isWanted) {
      case (true, true):
        ("users and source IPs were hidden with another key", "Put the former key back; or \(moveAway)")
      case (true, false):
        ("users and source IPs are hidden, and there is no key", "Give pseudonyms.key_file; or \(moveAway)")
      default:
        (
          "users and source IPs are in the clear, and pseudonyms.key_file asks for pseudonyms",
          "Leave pseudonyms.key_file out; or \(moveAway)"
        )
      }
    return Failure(.countingState, what, at: .process, remedy: remedy)
  }
}

extension Counters {
  /// Counters that go on where others were: every later reading is what it would have been without the interruption.
  ///
  /// What the settings say may have changed since, but for the key of pseudonyms. Series and clusters beyond a limit stay and
  /// no new ones come in. An input is known by its name: what is kept of one that is gone is neither shown nor heard, and
  /// is there again when it comes back. A window is known by its length: one that was there keeps its requests, a new one
  /// begins empty, and one that is gone is forgotten. Expectations are as they were until they are stated anew.
  ///
  /// - Parameters:
  ///   - key: the one that the state was written with.
  ///   - state: what all deltas have left behind; nothing at all is a new beginning.
  /// - Throws: a `Failure` that names the piece, when one is missing, damaged, foreign or of a later version. Memory is
  ///   bounded by a small multiple of the state's own size and 23 MB a family.
  public init(settings: CountingSettings, key: SipKey, restoring state: CountingState) throws(Failure) {
    self.init(settings: settings, key: key)
    evidence = EvidenceBook(next: state.nextEvidence)
    guard !state.series.isEmpty || !state.records.isEmpty else { return }
    let pieces = try StatePieces(state)
    guard pieces.pseudonyms == pseudonyms?.fingerprint else {
      throw .pseudonyms(isKept: pieces.pseudonyms != nil, isWanted: pseudonyms != nil)
    }
    try restoreClock(pieces)
    try restoreClusters(pieces)
    try restoreInputs(pieces)
    var context = BoundedFamily.RowContext(edges: edges, clusters: [], now: now, number: number)
    context.clusters = clusters.clusters.map(\.labels)
    try requests.restore(.requests, pieces.rows(.requests), pieces.totals(.requests), context, &panes)
    try denied.restore(.denied, pieces.rows(.denied), pieces.totals(.denied), context, &panes)
    try serverErrors.restore(.serverErrors, pieces.rows(.serverErrors), pieces.totals(.serverErrors), context, &panes)
    try rbac.restore(.rbac, pieces.rows(.rbac), pieces.totals(.rbac), context, &panes)
    try tracked.restore(.tracked, pieces.rows(.tracked), pieces.totals(.tracked), context, &panes)
    try trackedInWindow.restore(
      .trackedInWindow, pieces.rows(.trackedInWindow), pieces.totals(.trackedInWindow), context, &panes)
    try impersonated.restore(.impersonated, pieces.rows(.impersonated), pieces.totals(.impersonated), context, &panes)
    try detections.restore(.detections, pieces.rows(.detections), pieces.totals(.detections), context, &panes)
    let second = EventTime.second(now)
    try Self.reading("what windowed rules remember") { () throws(StateDamage) in
      try windows.restore(pieces.rows(.ruleWindows), clusters: clusters.clusters.count, now: second)
    }
    try distinct.restore(
      pieces.rows(.distinctUsers), pieces.totals(.distinctUsers), sketch: pieces.sketch, context, &panes)
    try restoreCloud(pieces)
    for chunk in pieces.chunks {
      try Self.reading("the sketch of source IP \(chunk.owner), chunk \(chunk.chunk),") { () throws(StateDamage) in
        try distinct.restoreChunk(owner: chunk.owner, chunk: chunk.chunk, chunk.data, now: now)
      }
    }
  }

  /// Says which piece it was that could not be read.
  static func reading<R>(_ piece: String, _ body: () throws(StateDamage) -> R) throws(Failure) -> R {
    do throws(StateDamage) {
      return try body()
    } catch {
      throw .counting("\(piece) cannot be read: \(error.what)", error)
    }
  }

  private mutating func restoreClock(_ pieces: StatePieces) throws(Failure) {
    guard let data = pieces.clock else { throw .counting("the clock is missing") }
    let mark = KeptTotals.mark(of: key)
    let (found, clock) = try Self.reading("the clock") { () throws(StateDamage) in
      var reader = try StateReader(data, version: KeptTotals.version)
      let found = try reader.readHash()
      var clock = KeptTotals.Clock()
      clock.now = try reader.readTime(upTo: EventTime.limit)
      clock.number = try reader.readUInt32()
      clock.scraped = try reader.readUInt32(upTo: clock.number)
      try reader.finish()
      return (found, clock)
    }
    guard found == mark else { throw .counting("the counts were written with another key") }
    (now, number, scrapedNumber) = (clock.now, clock.number, clock.scraped)
    (kept.clock, kept.isBegun) = (clock, true)
  }

  private mutating func restoreClusters(_ pieces: StatePieces) throws(Failure) {
    for number in 0..<pieces.clusters.count {
      guard let data = pieces.clusters[number] else { throw .counting("cluster \(number) is missing") }
      try Self.reading("cluster \(number)") { () throws(StateDamage) in try clusters.restore(data) }
      addCluster()
    }
    for (number, data) in pieces.traffic {
      guard clusters.clusters.indices.contains(number) else { throw .counting("cluster \(number) is missing") }
      try Self.reading("the traffic of cluster \(number)") { () throws(StateDamage) in
        try clusters.restoreTraffic(number, data, &edges, now: now, &panes)
      }
    }
    for feed in pieces.feeds {
      guard clusters.clusters.indices.contains(feed.cluster) else {
        throw .counting("cluster \(feed.cluster) is missing")
      }
      for input in inputs(named: feed.input) {
        try Self.reading("the feed of cluster \(feed.cluster)") { () throws(StateDamage) in
          try edges.restore(feed.cluster, input: input, feed.data, now: now)
        }
      }
    }
  }

  /// The index of an input; none when it is no longer configured.
  func inputs(named name: String) -> [Int] {
    if settings.inputs.isEmpty { return name.isEmpty ? [0] : [] }
    return settings.inputs.firstIndex(of: name).map { [$0] } ?? []
  }

  private mutating func restoreInputs(_ pieces: StatePieces) throws(Failure) {
    kept.inputs = [KeptTotals.Input](repeating: KeptTotals.Input(), count: skewed.count)
    for (name, data) in pieces.inputs {
      for input in inputs(named: name) {
        try Self.reading("an input's totals") { () throws(StateDamage) in
          var reader = try StateReader(data, version: KeptTotals.version)
          skewed[input] = try reader.read(upTo: StateDamage.totalLimit)
          late[input] = try reader.read(upTo: StateDamage.totalLimit)
          try reader.finish()
        }
        kept.inputs[input] = KeptTotals.Input(skewed: skewed[input], late: late[input])
      }
    }
  }
}
