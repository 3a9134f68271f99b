import TestSupport

/// What one event of the kill campaign says, small enough to keep a million of them.
struct Deed: Hashable, Sendable {
  enum Kind: UInt8, CaseIterable { case read, refused, failed, granted, refusedGrant, started }
  /// How long before the life's beginning it happened. The windows are an hour, a quarter and five minutes long, and a life
  /// is short enough that none of these leaves one.
  enum Age: UInt8, CaseIterable { case recent, minutes, hour, late }

  var cluster: String
  var user: Int
  var address: Int
  var kind: Kind
  var age: Age

  /// The longest life for which the windows are known, seconds.
  static let lifeSecondsLimit = 240.0

  /// One of a user's deeds.
  static func random(_ cluster: String, users: ClosedRange<Int>, _ random: inout SplitMix64) -> Deed {
    let ages: [Age] = [.recent, .recent, .recent, .minutes, .hour, .late]
    return Deed(
      cluster: cluster, user: random.pick(users), address: random.below(3), kind: random.pick(Kind.allCases),
      age: random.pick(ages))
  }

  var userName: String { "user-\(user)" }
  var sourceIP: String { "198.51.100.\(address)" }

  /// As the API server writes it.
  func json(_ number: Int, _ times: Times) -> String {
    var event = Event(user: userName, sourceIP: sourceIP, number: number, time: times[age])
    switch kind {
    case .read: break
    case .refused: (event.code, event.decision) = (403, "forbid")
    case .failed: (event.verb, event.code) = ("list", 503)
    case .granted: (event.verb, event.code, event.object) = ("create", 201, Self.binding)
    case .refusedGrant: (event.verb, event.code, event.decision, event.object) = ("delete", 403, "forbid", Self.binding)
    case .started: return event.json.replacing("ResponseComplete", with: "RequestReceived")
    }
    return event.json
  }

  private static let binding =
    #""resource":"rolebindings","name":"own","apiGroup":"rbac.authorization.k8s.io","apiVersion":"v1""#

  /// When the deeds of one life happened.
  struct Times: Sendable {
    private let texts: [String]
    init() { texts = [20.0, 600, 2_100, 10_800].map { Event.time(secondsAgo: $0) } }
    subscript(_ age: Age) -> String { texts[Int(age.rawValue)] }
  }
}

/// What must be exported: values by family and label values. The same of a page, and of a state file.
struct Ledger: Equatable {
  private struct Family {
    let name: String
    let labels: [String]
    /// Its number in the state; nil for what the state does not tell directly.
    var number: UInt8?
  }
  private static let families: [Family] = [
    Family(name: "requests_total", labels: ["k8s_cluster", "verb", "code"], number: 1),
    Family(
      name: "denied_requests_total", labels: ["k8s_cluster", "code", "reason", "user", "source_ip"], number: 2),
    Family(name: "server_errors_total", labels: ["k8s_cluster", "code", "verb", "resource"], number: 3),
    Family(name: "rbac_mutations_total", labels: ["k8s_cluster", "resource", "verb", "user", "outcome"], number: 4),
    Family(name: "tracked_requests_total", labels: ["k8s_cluster", "object", "verb", "outcome"], number: 5),
    Family(name: "events_by_stage_total", labels: ["k8s_cluster", "audit_stage"]),
    Family(name: "events_late_total", labels: ["input"]),
    Family(name: "window_requests", labels: ["k8s_cluster", "window", "code_class"]),
    Family(
      name: "window_denied_requests", labels: ["k8s_cluster", "window", "code", "reason", "user", "source_ip"]),
    Family(name: "window_rbac_mutations", labels: ["k8s_cluster", "window", "resource", "verb", "user", "outcome"]),
  ]
  private static let accounts = ["received", "counted", "not_a_request", "duplicate", "ignored", "rejected", "dropped"]

  /// Without zeros.
  private(set) var values: [String: Int] = [:]

  subscript(_ key: String) -> Int { values[key] ?? 0 }

  private mutating func add(_ key: String, _ count: Int) {
    if count != 0 { values[key, default: 0] += count }
  }

  /// A deed that was counted so many times, and how it arrived.
  mutating func add(_ deed: Deed, _ input: String, times: Int) {
    let (cluster, user, address) = (deed.cluster, deed.userName, deed.sourceIP)
    add("events_received_total \(input)", times)
    guard deed.kind != .started else {
      add("events_not_a_request_total \(input)", times)
      return add("events_by_stage_total \(cluster) RequestReceived", times)
    }
    add("events_counted_total \(input)", times)
    add("events_by_stage_total \(cluster) ResponseComplete", times)
    if deed.age == .late { add("events_late_total \(input)", times) }
    let windows = ["5m", "15m", "1h"].dropFirst(Int(deed.age.rawValue))
    func enter(_ family: String, _ labels: String) {
      add("\(family)_total \(cluster) \(labels)", times)
      if family == "server_errors" || family == "requests" { return }
      for window in windows { add("window_\(family) \(cluster) \(window) \(labels)", times) }
    }
    func request(_ verb: String, _ code: Int) {
      enter("requests", "\(verb) \(code)")
      for window in windows { self.add("window_requests \(cluster) \(window) \(code / 100)xx", times) }
    }
    switch deed.kind {
    case .read: request("get", 200)
    case .refused: request("get", 403)
    case .failed:
      request("list", 503)
      enter("server_errors", "503 list pods")
    case .granted:
      request("create", 201)
      enter("rbac_mutations", "rolebindings create \(user) success")
    case .refusedGrant:
      request("delete", 403)
      enter("rbac_mutations", "rolebindings delete \(user) denied")
    case .started: break
    }
    if deed.kind == .refused || deed.kind == .refusedGrant {
      enter("denied_requests", "403 authorization \(user) \(address)")
    }
  }

  /// Events that were recognised as redelivered.
  mutating func addDuplicates(_ events: Int, _ input: String) {
    add("events_received_total \(input)", events)
    add("events_duplicate_total \(input)", events)
  }

  /// The key of a sender's refusals, by which its batches are known.
  static func refusals(_ deed: Deed) -> String {
    "denied_requests_total \(deed.cluster) 403 authorization \(deed.userName) \(deed.sourceIP)"
  }

  /// Only what a state tells directly.
  var stored: Ledger {
    let untold = Self.families.filter { $0.number == nil }.map(\.name)
    var ledger = Ledger()
    ledger.values = values.filter { item in !untold.contains { item.key.hasPrefix($0 + " ") } }
    return ledger
  }

  init() {}

  /// What a page shows.
  init(_ page: Page) {
    for family in Self.families { take(page, family) }
    for kind in Self.accounts { take(page, Family(name: "events_\(kind)_total", labels: ["input"])) }
  }

  /// What a state holds: rows of series with labels as they are exposed, and accounts.
  init(series: [(family: UInt8, labels: String, count: UInt64)], accounts: [String: UInt64]) throws {
    let lines = series.compactMap { row in
      Self.families.first { $0.number == row.family }.map { "kube_audit_\($0.name){\(row.labels)} \(row.count)\n" }
    }
    let page = try Page(lines.joined())
    for family in Self.families where family.number != nil { take(page, family) }
    for (key, value) in accounts { add(key, Int(value)) }
  }

  static func isAccount(_ kind: String) -> Bool { accounts.contains(kind) }

  private mutating func take(_ page: Page, _ family: Family) {
    for (labels, value) in page.sums("kube_audit_" + family.name, by: family.labels) {
      add(family.name + " " + labels, value)
    }
  }

  /// What differs, in few words; nil when nothing does.
  func difference(from wanted: Ledger) -> String? {
    self == wanted ? nil : Expected.difference(values, wanted.values)
  }

  /// The counters that are lower than before: there must be none.
  func fallen(from before: Ledger) -> [String] {
    before.values.filter { $0.key.contains("_total ") && self[$0.key] < $0.value }.map {
      "\($0.key): \(self[$0.key]) after \($0.value)"
    }
  }
}
