internal import Crypto

/// What is kept of clock and inputs.
struct KeptTotals {
  static let version: UInt8 = 1

  struct Clock: Hashable {
    var now: Int64 = 0
    var number: UInt32 = 0
    var scraped: UInt32 = 0
  }

  struct Input: Hashable {
    var skewed: UInt64 = 0
    var late: UInt64 = 0
  }

  var clock = Clock()
  /// Whether anything was ever handed over.
  var isBegun = false
  /// By input; shorter when nothing was handed over of the later ones.
  var inputs: [Input] = []

  /// Names the key without telling it: state that was written with another one is useless, because names are known by
  /// their hashes.
  static func mark(of key: SipKey) -> UInt64 { SipHash.hash13(0x6b65_7074, 0x636f_756e_7469_6e67, key: key) }
}

extension Counters {
  /// Everything that has changed since this was called before, as absolute values; the first time, everything.
  ///
  /// What every delta has left behind, applied in order, is the state from which `init(settings:key:restoring:at:)` goes on.
  /// A reading changes state as well (its number, what is shown, what has expired); to take a delta changes nothing that
  /// can be read.
  ///
  /// - Complexity: linear in what has changed. Where refused users are estimated, also two passes over the sketch, of at
  ///   most 262,144 places.
  public mutating func takeDelta() -> CountingDelta {
    var delta = CountingDelta()
    takeClusters(&delta)
    requests.takeDelta(.requests, edges, panes, to: &delta)
    denied.takeDelta(.denied, edges, panes, to: &delta)
    serverErrors.takeDelta(.serverErrors, edges, panes, to: &delta)
    rbac.takeDelta(.rbac, edges, panes, to: &delta)
    tracked.takeDelta(.tracked, edges, panes, to: &delta)
    trackedInWindow.takeDelta(.trackedInWindow, edges, panes, to: &delta)
    impersonated.takeDelta(.impersonated, edges, panes, to: &delta)
    detections.takeDelta(.detections, edges, panes, to: &delta)
    distinct.takeDelta(edges, panes, to: &delta)
    cloud.takeDelta(settings.inputs, to: &delta)
    windows.takeDelta(to: &delta)
    takeEvidence(&delta)
    takeInputs(&delta)
    takeClock(&delta)
    return delta
  }

  private mutating func takeClusters(_ delta: inout CountingDelta) {
    for cluster in clusters.takeDirty() {
      delta.records.append(StateRecord(key: "cluster/\(cluster)", data: clusters.record(cluster)))
    }
    var heard = Set(clusters.stale)
    clusters.stale.removeAll()
    for (cluster, input) in edges.takeDirty() {
      let key = "feed/\(cluster)/\(inputName(input))"
      delta.records.append(StateRecord(key: key, data: edges.record(cluster, input: input)))
      heard.insert(cluster)
    }
    for cluster in heard {
      for codeClass in 0..<ClusterTable.classCount { settlePending(cluster * ClusterTable.classCount + codeClass) }
      let data = clusters.traffic(cluster, edge: edges.edge(cluster), edges.windows, edges.floors(cluster), panes)
      delta.records.append(StateRecord(key: "traffic/\(cluster)", data: data))
    }
  }

  /// Inputs are known by their names, so that their order may change.
  private func inputName(_ input: Int) -> String {
    settings.inputs.indices.contains(input) ? settings.inputs[input] : ""
  }

  private mutating func takeInputs(_ delta: inout CountingDelta) {
    for input in skewed.indices {
      if kept.inputs.count <= input { kept.inputs.append(KeptTotals.Input()) }
      let totals = KeptTotals.Input(skewed: skewed[input], late: late[input])
      guard totals != kept.inputs[input] else { continue }
      kept.inputs[input] = totals
      var writer = StateWriter(version: KeptTotals.version)
      writer.write(totals.skewed)
      writer.write(totals.late)
      delta.records.append(StateRecord(key: "input/\(inputName(input))", data: writer.bytes))
    }
  }

  private mutating func takeClock(_ delta: inout CountingDelta) {
    let clock = KeptTotals.Clock(now: now, number: number, scraped: scrapedNumber)
    guard clock != kept.clock || (!kept.isBegun && !delta.isEmpty) else { return }
    if !kept.isBegun, let pseudonyms {
      delta.records.append(StateRecord(key: "pseudonyms", data: pseudonyms.fingerprint))
    }
    kept.clock = clock
    kept.isBegun = true
    var writer = StateWriter(version: KeptTotals.version)
    writer.write(hash: KeptTotals.mark(of: key))
    writer.write(clock.now)
    writer.write(clock.number)
    writer.write(clock.scraped)
    delta.records.append(StateRecord(key: "clock", data: writer.bytes))
  }
}
