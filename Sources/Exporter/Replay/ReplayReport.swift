internal import Diagnostics
internal import Metrics

/// What `replay` prints for people: the clusters, what was refused, what failed, what changed, and where every event went.
struct ReplayReport {
  let readings: Readings
  /// Whether rows must say of which cluster they are.
  private let hasClusters: Bool
  /// Rows of a ranking; how many more there are is said below it.
  var rowLimit = 15

  init(_ readings: Readings) {
    self.readings = readings
    hasClusters = SampleQuery(.sum, by: [.cluster], .requests).groups(in: readings).count > 1
  }

  /// The page, no line wider than `columns` (60 at least).
  func table(columns: Int) -> String {
    var out = section("Clusters", clusters, columns)
    out += ranking("Requests by code", .requests, [.code], columns)
    out += ranking("Refused", .deniedRequests, [.user, .sourceIP, .reason, .code], columns)
    out += ranking("Server errors", .serverErrors, [.code, .verb, .resource], columns)
    out += ranking("RBAC mutations", .rbacMutations, [.user, .verb, .resource, .outcome], columns)
    out += ranking("Tracked objects", .trackedRequests, [.object, .verb, .outcome], columns)
    out += ranking("Impersonated", .impersonatedRequests, [.user, .impersonatedUser], columns)
    out += ranking("Detections", .detections, [.priority, .rule], columns)
    out += cloud(columns)
    out += section("Accounting", accounting, columns)
    out += ranking("Rejected", .eventsRejected, [.input, .reason], ofClusters: false, columns)
    out += ranking("Ignored", .eventsIgnored, [.input, .reason], ofClusters: false, columns)
    out += ranking("Dropped", .eventsDropped, [.input, .reason], ofClusters: false, columns)
    return out.isEmpty ? "No audit event was found.\n" : out
  }

  /// What records of CloudTrail told.
  private func cloud(_ columns: Int) -> String {
    func ranking(_ title: String, _ family: FamilyID, _ labels: [Label]) -> String {
      self.ranking(title, family, labels, ofClusters: false, columns)
    }
    return ranking("Calls of EKS", .cloudAPICalls, [.principal, .operation, .errorCode])
      + ranking("Logs turned on or off", .loggingChanges, [.cluster, .logType, .change, .principal, .sourceIP])
      + ranking("Roles of service accounts", .roleAssumptions, [.user, .role, .errorCode])
  }

  private func section(_ title: String, _ table: TextTable, _ columns: Int, below: String = "") -> String {
    let text = table.text(columns: columns)
    return text.isEmpty ? "" : "\n\(title)\n" + text + below
  }

  /// One row for each cluster: sums of its series, and the time of its newest event.
  private var clusters: TextTable {
    let families: [FamilyID] = [.requests, .deniedRequests, .serverErrors, .rbacMutations]
    let sums = families.map { values(.sum, of: $0, by: .cluster) }
    let newest = values(.max, of: .clusterLastEvent, by: .cluster)
    var table = TextTable(
      ["cluster", "requests", "refused", "5xx", "rbac", "newest event"], numeric: [1, 2, 3, 4])
    for cluster in Set(sums.flatMap(\.keys)).union(newest.keys).sorted() {
      let time = newest[cluster].map { Timestamp.text(Microseconds($0 * 1_000_000)) } ?? "-"
      table.rows.append([cluster] + sums.map { Number.grouped($0[cluster] ?? 0) } + [time])
    }
    return table
  }

  /// One row for each input: where its events went.
  private var accounting: TextTable {
    let families: [FamilyID] = [
      .eventsReceived, .eventsCounted, .eventsNotARequest, .eventsDuplicate, .eventsIgnored, .eventsRejected,
      .eventsDropped,
      .eventsSalvaged,
    ]
    let header = [
      "input", "received", "= counted", "+ not a request", "+ duplicate", "+ ignored", "+ rejected", "+ dropped",
      "salvaged",
    ]
    let sums = families.map { values(.sum, of: $0, by: .input) }
    // On its side: nine columns of numbers would not fit a narrow terminal.
    let inputs = Set(sums.flatMap(\.keys)).sorted()
    var table = TextTable([header[0]] + inputs, numeric: Set(inputs.indices.map { $0 + 1 }))
    guard !inputs.isEmpty else { return table }
    for (at, sum) in sums.enumerated() {
      table.rows.append([header[at + 1]] + inputs.map { Number.grouped(sum[$0] ?? 0) })
    }
    return table
  }

  private func ranking(
    _ title: String, _ family: FamilyID, _ labels: [Label], ofClusters: Bool = true, _ columns: Int
  ) -> String {
    // Clusters are asked for even where there is one: then each series stands for itself.
    let labels = (ofClusters ? [.cluster] : []) + labels
    let ranking = SampleQuery(.sum, by: labels, family).largest(rowLimit, in: readings)
    let hidden = ofClusters && !hasClusters ? 1 : 0
    var table = TextTable(["count"] + labels.dropFirst(hidden).map(Self.title), numeric: [0])
    table.rows = ranking.groups.map { [Number.grouped($0.value)] + $0.values.dropFirst(hidden) }
    let below =
      ranking.othersCount == 0
      ? "" : "\(Number.grouped(ranking.othersSum)) more in \(ranking.othersCount) rows not shown\n"
    return section(title, table, columns, below: below)
  }

  private func values(_ operation: SampleQuery.Operation, of family: FamilyID, by label: Label) -> [String: Double] {
    let groups = SampleQuery(operation, by: [label], family).groups(in: readings)
    return Dictionary(uniqueKeysWithValues: groups.map { ($0.values.first ?? "", $0.value) })
  }

  private static func title(_ label: Label) -> String {
    switch label {
    case .cluster: "cluster"
    case .sourceIP: "source IP"
    case .impersonatedUser: "as user"
    case .errorCode: "error code"
    case .logType: "log"
    default: label.rawValue
    }
  }
}

/// Numbers as text.
enum Number {
  /// `1,234,567`; with its fraction when it has one.
  static func grouped(_ value: Double) -> String {
    let text = exact(value)
    guard value.magnitude >= 1000, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }) else {
      return text
    }
    var out = ""
    let digits = text.drop { $0 == "-" }
    for (at, digit) in digits.enumerated() {
      if at > 0, (digits.count - at) % 3 == 0 { out += "," }
      out.append(digit)
    }
    return (value < 0 ? "-" : "") + out
  }

  /// A whole number without point and exponent as long as it is exact, else the shortest text that reads back the same.
  static func exact(_ value: Double) -> String {
    if let whole = Int64(exactly: value), whole.magnitude <= 1 << 53 { return String(whole) }
    return "\(value)"
  }
}
