internal import Crypto
internal import Metrics

/// What is counted of records about clouds: their places, families and windows, apart from those of audit events.
struct CloudTables: ~Copyable {
  var places: CloudPlaces
  /// By place instead of cluster.
  var edges: StreamEdge
  var panes = PaneStore()
  var calls: BoundedFamily
  var loggingChanges: BoundedFamily
  var assumptions: BoundedFamily
  var insights = CloudInsights()

  /// - Parameter key: of the tables.
  init(_ settings: CountingSettings, windows: Windows, key: SipKey) {
    let limits = settings.limits
    places = CloudPlaces(limit: limits.cloudPlaces)
    edges = StreamEdge(windows: windows, maxLagSeconds: settings.maxLagSeconds, inputCount: settings.inputs.count)
    calls = BoundedFamily(
      FamilyID.cloudAPICalls.rawValue, limits.cloudAPICalls, windowCount: windows.count, key: key)
    loggingChanges = BoundedFamily(
      FamilyID.loggingChanges.rawValue, limits.loggingChanges, windowCount: windows.count, key: key)
    assumptions = BoundedFamily(
      FamilyID.roleAssumptions.rawValue, limits.roleAssumptions, windowCount: 0, key: key)
  }

  /// The place with these escaped label values.
  mutating func place(account: LabelBuffer, region: LabelBuffer) -> Int {
    let (place, isNew) = places.place(account: account, region: region)
    if isNew { addPlace() }
    return place
  }

  private mutating func addPlace() {
    edges.addCluster()
    calls.addCluster()
    loggingChanges.addCluster()
    assumptions.addCluster()
  }

  /// Forgets every window.
  mutating func beginAnew(now: Int64) {
    panes = PaneStore()
    edges.beginAnew(now: now)
    for place in places.places.indices { places.markDirty(place) }
    calls.beginAnew(now: now)
    loggingChanges.beginAnew(now: now)
    assumptions.beginAnew(now: now)
  }
}

// MARK: - Readings

extension CloudTables {
  /// Moves the windows on to `now`, drops what has expired, and adds everything to `readings`.
  mutating func read(_ readings: inout Readings, now: Int64, expiringBefore: Int64?, scraped: UInt32, shown: Int) {
    for place in places.places.indices { edges.advance(place, to: now) }
    if let before = expiringBefore {
      _ = calls.expire(before: before, scraped: scraped, edges, &panes)
      _ = loggingChanges.expire(before: before, scraped: scraped, edges, &panes)
      _ = assumptions.expire(before: before, scraped: scraped, edges, &panes)
    }
    readings[.windowCloudAPICalls] = calls.windowSamples(edges, &panes, shownLimit: shown, folding: [.principal])
    readings[.windowLoggingChanges] = loggingChanges.windowSamples(
      edges, &panes, shownLimit: shown, folding: [.principal, .sourceIP])
    readings[.cloudAPICalls] = calls.samples()
    readings[.loggingChanges] = loggingChanges.samples()
    readings[.roleAssumptions] = assumptions.samples()
    insights.read(&readings, places.places.map(\.labels), now: now)
  }
}

// MARK: - State

extension CloudTables {
  /// - Parameter inputs: their names.
  mutating func takeDelta(_ inputs: [String], to delta: inout CountingDelta) {
    for (place, input) in edges.takeDirty() {
      let name = inputs.indices.contains(input) ? inputs[input] : ""
      delta.records.append(
        StateRecord(key: "cloudfeed/\(place)/\(name)", data: edges.record(place, input: input)))
      places.markDirty(place)
    }
    for place in places.takeDirty() {
      delta.records.append(
        StateRecord(key: "cloud/\(place)", data: places.record(place, edge: edges.edge(place))))
    }
    calls.takeDelta(.cloudAPICalls, edges, panes, to: &delta)
    loggingChanges.takeDelta(.loggingChanges, edges, panes, to: &delta)
    assumptions.takeDelta(.roleAssumptions, edges, panes, to: &delta)
    if let data = insights.takeRecord() { delta.records.append(StateRecord(key: "insights", data: data)) }
  }

  /// Adds the place of a record.
  mutating func restorePlace(_ data: [UInt8], now: Int64) throws(StateDamage) {
    let edge = try places.restore(data, now: now)
    addPlace()
    edges.restore(places.places.count - 1, edge: edge)
  }
}
