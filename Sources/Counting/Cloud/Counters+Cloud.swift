public import AuditEvents
internal import Metrics

extension Counters {
  /// Counts one record of CloudTrail.
  ///
  /// - Parameters:
  ///   - subject: what the record is about; nothing is counted of `other`.
  ///   - input: index into the settings' `inputs`.
  ///   - arrival: microseconds since the epoch; ignored when the clock follows event time.
  /// - Returns: as of an event: a call of an API is a request, a record of Insights is none.
  public mutating func count(
    _ record: borrowing CloudTrailRecord, as subject: CloudSubject, input: Int, arrival: Int64
  ) -> Counted {
    var counted = Counted()
    guard subject != .other else { return counted }
    let arrival = clock(record.time, arrival)
    var time = EventTime.held(record.time)
    if time > arrival {
      counted.isSkewed = time - arrival > 60_000_000
      if counted.isSkewed { skewed[input] += 1 }
      time = arrival
    }
    let place = placeOf(record)
    guard subject != .insight else {
      noteInsight(record, place, time)
      return counted
    }
    counted.isRequest = true
    cloud.edges.hear(place, input: input, time: time, arrival: arrival, now: now)
    let second = EventTime.second(time)
    counted.isLate = second < cloud.edges.reach(place)
    if counted.isLate { late[input] += 1 }
    let moment = Moment(
      now: now, reading: number &+ 1, second: second, panes: cloud.edges.windows.panes(atSecond: second),
      floors: cloud.edges.floors(place))
    if subject == .clusterCall {
      countCall(record, place, moment)
      if record.eventName.equals("UpdateClusterConfig"), record.errorCode.isEmpty {
        countLoggingChanges(record, place, moment)
      }
    } else {
      countAssumption(record, place, moment)
    }
    return counted
  }

  private mutating func placeOf(_ record: borrowing CloudTrailRecord) -> Int {
    user.clear()
    values.append(record.account, whenEmpty: "(unknown)", to: &user)
    other.clear()
    values.append(record.region, whenEmpty: "(unknown)", to: &other)
    return cloud.place(account: user, region: other)
  }

  // MARK: - Calls

  private mutating func countCall(
    _ record: borrowing CloudTrailRecord, _ place: Int, _ moment: borrowing Moment
  ) {
    other.clear()
    values.append(record.eventName, whenEmpty: "(none)", to: &other)
    address.clear()
    values.append(record.errorCode, whenEmpty: "(none)", to: &address)
    writePrincipal(record)
    writeCall(place)
    let owner = ownerKey(place, .user, user)
    if let series = cloud.calls.series(row.bytes, place, user: owner) {
      return cloud.calls.bump(series, moment, in: &cloud.panes)
    }
    cloud.calls.noteOverflow()
    Self.setOther(&user)
    writeCall(place)
    if let series = cloud.calls.foldedSeries(row.bytes, place) {
      return cloud.calls.bump(series, moment, in: &cloud.panes)
    }
    Self.setOther(&other)
    Self.setOther(&address)
    writeCall(place)
    cloud.calls.bump(cloud.calls.overflowSeries(row.bytes, cluster: place), moment, in: &cloud.panes)
  }

  /// Writes a row of `other` (operation), `address` (error code) and `user` (principal).
  private mutating func writeCall(_ place: Int) {
    row.begin(cloud.places.places[place].labels)
    row.add(",operation=\"", other)
    row.add(",error_code=\"", address)
    row.add(",principal=\"", user)
  }

  /// Fills `user` with who called.
  private mutating func writePrincipal(_ record: borrowing CloudTrailRecord) {
    user.clear()
    guard let principal = CloudIdentity.principal(record.identity) else { return user.append(literal: "(unknown)") }
    if let pseudonyms, !principal.isService {
      pseudonyms.append(.user, Array(principal.name.utf8), to: &user)
    } else {
      values.append(configured: principal.name, whenEmpty: "(unknown)", to: &user)
    }
  }

  // MARK: - Logging changes

  /// Counts each type of log that an update has turned on or off, once.
  private mutating func countLoggingChanges(
    _ record: borrowing CloudTrailRecord, _ place: Int, _ moment: borrowing Moment
  ) {
    guard let parameters = record.requestParameters, let logging = parameters.object("logging") else { return }
    let changes = LoggingChange.all(logging)
    guard !changes.isEmpty else { return }
    let cluster = parameters.content("name") ?? ""
    for change in changes {
      writePrincipal(record)
      writeSourceAddress(record)
      other.clear()
      values.append(configured: cluster, whenEmpty: "(unknown)", to: &other)
      countLoggingChange(change, place, moment)
    }
  }

  private mutating func countLoggingChange(_ change: LoggingChange, _ place: Int, _ moment: borrowing Moment) {
    writeLoggingChange(change, place)
    let owner = ownerKey(place, .user, user)
    if let series = cloud.loggingChanges.series(row.bytes, place, user: owner) {
      return cloud.loggingChanges.bump(series, moment, in: &cloud.panes)
    }
    cloud.loggingChanges.noteOverflow()
    Self.setOther(&user)
    Self.setOther(&address)
    writeLoggingChange(change, place)
    if let series = cloud.loggingChanges.foldedSeries(row.bytes, place) {
      return cloud.loggingChanges.bump(series, moment, in: &cloud.panes)
    }
    Self.setOther(&other)
    writeLoggingChange(change, place)
    let series = cloud.loggingChanges.overflowSeries(row.bytes, cluster: place)
    cloud.loggingChanges.bump(series, moment, in: &cloud.panes)
  }

  /// Writes a row of `other` (cluster), `user` (principal) and `address` (source IP).
  private mutating func writeLoggingChange(_ change: LoggingChange, _ place: Int) {
    row.begin(cloud.places.places[place].labels)
    row.add(",k8s_cluster=\"", other)
    row.add(",log_type=\"", change.type.label)
    row.add(",change=\"", change.isEnabled ? "enabled" : "disabled")
    row.add(",principal=\"", user)
    row.add(",source_ip=\"", address)
  }

  /// Fills `address` with where a call came from.
  private mutating func writeSourceAddress(_ record: borrowing CloudTrailRecord) {
    address.clear()
    let found = record.sourceAddress.withSpan { IPAddress($0) }
    guard let found else {
      // The name of a service of AWS: it is no person's.
      return values.append(record.sourceAddress, whenEmpty: "(unknown)", to: &address)
    }
    guard let pseudonyms else { return found.write(to: &address) }
    var spelling = LabelBuffer()
    found.write(to: &spelling)
    pseudonyms.append(.address, spelling.bytes, to: &address)
  }

  // MARK: - Roles of service accounts

  private mutating func countAssumption(
    _ record: borrowing CloudTrailRecord, _ place: Int, _ moment: borrowing Moment
  ) {
    user.clear()
    values.append(configured: CloudIdentity.serviceAccount(record) ?? "", whenEmpty: "(unknown)", to: &user)
    other.clear()
    values.append(
      configured: record.requestParameters?.content("roleArn") ?? "", whenEmpty: "(unknown)", to: &other)
    address.clear()
    values.append(record.errorCode, whenEmpty: "(none)", to: &address)
    writeAssumption(place)
    if let series = cloud.assumptions.series(row.bytes, place, user: ownerKey(place, .user, user)) {
      return cloud.assumptions.bump(series, moment)
    }
    cloud.assumptions.noteOverflow()
    Self.setOther(&user)
    Self.setOther(&other)
    writeAssumption(place)
    if let series = cloud.assumptions.foldedSeries(row.bytes, place) {
      return cloud.assumptions.bump(series, moment)
    }
    Self.setOther(&address)
    writeAssumption(place)
    cloud.assumptions.bump(cloud.assumptions.overflowSeries(row.bytes, cluster: place), moment)
  }

  /// Writes a row of `user` (service account), `other` (role) and `address` (error code).
  private mutating func writeAssumption(_ place: Int) {
    row.begin(cloud.places.places[place].labels)
    row.add(",user=\"", user)
    row.add(",role=\"", other)
    row.add(",error_code=\"", address)
  }

  // MARK: - Insights

  private mutating func noteInsight(_ record: borrowing CloudTrailRecord, _ place: Int, _ time: Int64) {
    guard let details = record.insight else { return }
    row.begin([])
    for (name, content) in Self.insightLabels(details) {
      other.clear()
      values.append(configured: content ?? "", whenEmpty: "(none)", to: &other)
      row.add(name, other)
    }
    let statistics = details.object("insightContext")?.object("statistics")
    var id = LabelBuffer()
    let shared = record.sharedEventID.isEmpty ? record.eventID : record.sharedEventID
    shared.withSpan { span in for i in span.indices { id.append(span[i]) } }
    let insight = CloudInsights.Insight(
      place: place, labels: row.bytes.bytes, began: time,
      baseline: statistics?.object("baseline")?.number("average") ?? 0,
      average: statistics?.object("insight")?.number("average") ?? 0, hasEnded: details.content("state") == "End")
    cloud.insights.note(id.hash(key: key), insight, now: now)
  }

  private static func insightLabels(_ details: JSONValue) -> [(StaticString, String?)] {
    let suffix = ".amazonaws.com"
    let service = details.content("eventSource").map {
      $0.hasSuffix(suffix) ? String($0.dropLast(suffix.count)) : $0
    }
    return [
      (",cloud_service=\"", service), (",operation=\"", details.content("eventName")),
      (",error_code=\"", details.content("errorCode")), (",insight=\"", details.content("insightType")),
    ]
  }
}

extension BoundedFamily {
  /// Series that may take what is folded and differ in what the source's own words say: beyond, all is one.
  private static var foldedSeriesLimit: Int { 512 }

  /// The series with these labels, made if there is room; nil when the family is full.
  mutating func series(_ labels: LabelBuffer, _ place: Int, user owner: UInt64) -> Int? {
    let hash = table.hash(labels)
    if let known = table.find(labels, hash) { return known }
    guard !isFull(place) else { return nil }
    let series = admit(labels, hash, cluster: place)
    own(series, user: owner)
    return series
  }

  /// The overflow series with these labels; nil when there are too many such.
  mutating func foldedSeries(_ labels: LabelBuffer, _ place: Int) -> Int? {
    if let known = table.find(labels, table.hash(labels)) { return known }
    let folded = table.series.indices.reduce(0) { $0 + (table.series[$1].state == .overflow ? 1 : 0) }
    return folded < Self.foldedSeriesLimit ? overflowSeries(labels, cluster: place) : nil
  }
}
