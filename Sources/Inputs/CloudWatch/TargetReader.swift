internal import AWS
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging
internal import Transport

/// Reads the log groups of one account and region, one page after another in the order in which they are due.
///
/// - Bounds: one answer at a time is held outside of the queue's budget. IDs of all groups together: `idsLimit`, and as many
///   more for each group as one page has.
final class TargetReader {
  private static let groupsLimit = 1_000
  private static let idsLimit = 1_000_000
  /// A page has no more events.
  private static let pageEvents = 10_000
  /// A group that is not listed for so long is forgotten.
  private static let missingLimit: Microseconds = 86_400_000_000

  private let session: AWSSession
  private let logs: CloudWatchLogs
  private let target: CloudWatchSettings.Target
  private let settings: CloudWatchSettings
  private let claims: GroupClaims
  private let report: CloudReport
  private let context: InputContext
  private let poll: Microseconds
  private var streams: UInt64

  private var groups: [GroupReading] = []
  private var refused: Set<String> = []
  private var ignored: Set<String> = []
  private var account: String
  private var nextListing: Microseconds = 0
  private var failedListings = 0
  private var hasListed = false
  /// When groups were last listed, by CloudWatch's clock; what appears later is read from then on. Nil at the first run.
  private var lastListing: Int64?
  /// Read, and not yet in a batch.
  private var sourceBytes = 0
  private var pace: ReadingPace

  init(
    _ session: AWSSession, _ target: CloudWatchSettings.Target, index: Int, _ settings: CloudWatchSettings,
    source: CredentialSource, _ claims: GroupClaims, _ report: CloudReport, _ context: InputContext
  ) {
    self.session = session
    self.target = target
    self.settings = settings
    self.claims = claims
    self.report = report
    self.context = context
    account = target.place.account
    let rate = Throttle.Rate(
      perSecond: Double(settings.requestsPerSecond), burst: Double(settings.requestsPerSecond * 2))
    logs = CloudWatchLogs(
      session, region: target.place.region, source: source, account: target.place.account, rate: rate)
    poll = settings.pollSeconds * 1_000_000
    streams = UInt64(index) << 32
    pace = ReadingPace(perSecond: settings.requestsPerSecond)
  }

  /// Reads until the process stops.
  func run() {
    let saved = claims.claim(listingKey)?.first { $0.stream == listingKey }
    lastListing = saved.flatMap { Int64(String(decoding: $0.mark, as: UTF8.self)) }
    while !context.stop.isRaised {
      let now = Clock.monotonic
      if now >= nextListing {
        guard list() else { return }
        continue
      }
      let next = groups.indices.filter { groups[$0].missingSince == nil }.min { groups[$0].due < groups[$1].due }
      guard let next, groups[next].due <= now else {
        let until = min(nextListing, next.map { groups[$0].due } ?? .max)
        _ = context.stop.wait(milliseconds: Int32(clamping: max(1, (until - now) / 1000)))
        continue
      }
      guard read(next) else { return }
    }
  }

  /// Now, by CloudWatch's clock, milliseconds.
  private var cloudNow: Int64 { session.now / 1000 }

  // MARK: - Listing

  /// What the time of the last listing is kept under. Two targets with the same one are refused by the settings.
  private var listingKey: String { "\(target.place.roleARN ?? "-"),\(target.place.region),\(target.logGroupPrefix)" }

  /// Looks which groups there are. False when the process stops.
  private func list() -> Bool {
    let asked = cloudNow
    do throws(CallFailure) {
      let found = try logs.groups(prefix: target.logGroupPrefix)
      failedListings = 0
      report.forget("cannot list log groups")
      nextListing = Clock.monotonic + settings.discoverySeconds * 1_000_000
      guard take(found, asked) else { return false }
      hasListed = true
    } catch {
      guard error.outcome != .stopped else { return false }
      failedListings += 1
      report.failed("cannot list log groups", error)
      nextListing =
        Clock.monotonic + min(settings.discoverySeconds * 1_000_000, 5_000_000 << Int64(min(failedListings, 6)))
    }
    show()
    return true
  }

  /// Takes over what there is; what is new, and when it was looked for, is committed together.
  private func take(_ found: [LogGroup], _ asked: Int64) -> Bool {
    var changes: [PositionChange] = []
    var listed: Set<String> = []
    for group in found {
      let key = group.arn.isEmpty ? "\(target.place.account),\(target.place.region),\(group.name)" : group.arn
      listed.insert(key)
      if let known = groups.firstIndex(where: { $0.key == key }) {
        groups[known].missingSince = nil
      } else {
        changes += begin(group, key, asked)
      }
    }
    changes += forgetMissing(listed)
    if groups.isEmpty, refused.isEmpty {
      report.note(
        "there is no log group of an EKS cluster", nil,
        ["remedy": "Turn the audit log of a cluster on, or correct region and log_group_prefix"])
    }
    lastListing = asked
    changes.append(.noted(InputPosition(stream: listingKey, offset: 0, mark: Array(String(asked).utf8))))
    return hand(nil, changes, cluster: "", stream: streams)
  }

  /// Begins to read a group, unless it cannot be read. Answers what must be committed.
  private func begin(_ group: LogGroup, _ key: String, _ asked: Int64) -> [PositionChange] {
    guard let name = GroupReading.cluster(ofGroup: group.name) else {
      if ignored.insert(key).inserted { context.logger.debug("no log group of a cluster: \(group.name)") }
      return []
    }
    if group.storageClass == "INFREQUENT_ACCESS" {
      refuse(group, key)
      return []
    }
    guard groups.count < Self.groupsLimit else {
      report.note("there are more log groups than are read", .logGroupsLimit, ["limit": "\(Self.groupsLimit)"])
      return []
    }
    guard let positions = claims.claim(key) else {
      if refused.insert(key).inserted {
        report.note(
          "another target reads this log group, so this one does not", .namedTwice, ["log_group": "\(group.name)"])
      }
      return []
    }
    refused.remove(key)
    let fields = key.split(separator: ":", omittingEmptySubsequences: false)
    if account.isEmpty, fields.count > 4 { account = String(fields[4]) }
    // What appeared since the last look may have events since then, and was not read before.
    let start = lastListing.map { $0 - settings.overlapSeconds * 1000 } ?? asked - settings.lookBackSeconds * 1000
    streams += 1
    let reader = LogGroupReader(key: key, settings: settings.reader, start: start, positions: positions)
    groups.append(
      GroupReading(
        name: group.name, key: key, cluster: target.clusterPrefix + name, stream: streams, reader: reader,
        due: Clock.monotonic, readUntil: reader.watermark))
    report.tell("found a log group", ["log_group": "\(group.name)"], ["cluster": "\(target.clusterPrefix + name)"])
    return positions.isEmpty ? [.noted(reader.place)] : []
  }

  private func refuse(_ group: LogGroup, _ key: String) {
    guard refused.insert(key).inserted else { return }
    report.note(
      "a log group of the infrequent-access class cannot be read by its events", .infrequentAccess,
      ["log_group": "\(group.name)"],
      [
        "remedy": """
        Its class cannot be changed: delete it and make one of its name in the standard class, which EKS then writes to
        """
      ])
  }

  private func forgetMissing(_ listed: Set<String>) -> [PositionChange] {
    let now = Clock.monotonic
    var changes: [PositionChange] = []
    for at in groups.indices where !listed.contains(groups[at].key) {
      if groups[at].missingSince == nil {
        report.tell("a log group is gone", ["log_group": "\(groups[at].name)"])
        groups[at].missingSince = now
        groups[at].reader.abandon()
        groups[at].asked = nil
      }
    }
    groups.removeAll { group in
      guard let since = group.missingSince, now - since > Self.missingLimit else { return false }
      changes += group.reader.farewell()
      claims.release(group.key)
      return true
    }
    refused.formIntersection(listed)
    ignored.formIntersection(listed)
    return changes
  }

  // MARK: - Reading

  /// Asks for one page of a group. False when the process stops.
  private func read(_ at: Int) -> Bool {
    let query = groups[at].reader.query(at: cloudNow)
    if groups[at].asked == nil {
      groups[at].asked = query.times
      groups[at].begun = Clock.monotonic
      noteDelay(groups[at].begun - groups[at].due)
    }
    pace.add(Clock.monotonic)
    do throws(CallFailure) {
      let page = try logs.events(
        of: groups[at].name, streamPrefix: settings.streamPrefix, times: query.times, token: query.token)
      return take(page, at)
    } catch {
      guard error.outcome != .stopped else { return false }
      if error.outcome == .throttled { pace.throttled(Clock.monotonic) }
      groups[at].reader.abandon()
      groups[at].asked = nil
      groups[at].failures += 1
      report.failed("cannot read a log group", error, ["log_group": "\(groups[at].name)"])
      groups[at].due = Clock.monotonic + GroupReading.pause(afterFailures: groups[at].failures, poll: poll)
      show()
      return true
    }
  }

  private func take(_ page: LogPage, _ at: Int) -> Bool {
    let held = groups.reduce(0) { $0 + $1.reader.idCount } - groups[at].reader.idCount
    groups[at].reader.idsLimit = max(Self.pageEvents, Self.idsLimit - held)
    let shortened = groups[at].reader.shortened
    let taken = groups[at].reader.take(page)
    groups[at].readBytes += UInt64(page.bytes.count)
    sourceBytes += page.bytes.count
    if groups[at].reader.shortened > shortened {
      report.note(
        "more events than can be recognised again: later ones of the overlap are left out", .overlapShortened,
        ["log_group": "\(groups[at].name)"],
        ["remedy": "Lower inputs.cloudwatch.overlap, or read fewer clusters with one exporter"])
    }
    let lines = EventLines(
      page, taken.new, lineBytesLimit: min(EventLines.usualLineBytes, settings.lineBytesLimit))
    if !taken.new.isEmpty || !taken.changes.isEmpty {
      let batch = (page: page, lines: lines)
      guard hand(batch, taken.changes, cluster: groups[at].cluster, stream: groups[at].stream) else { return false }
    }
    finish(at, isLast: taken.isLast)
    return true
  }

  /// When the group is due again.
  private func finish(_ at: Int, isLast: Bool) {
    let now = Clock.monotonic
    guard isLast, let asked = groups[at].asked else {
      // Behind those that have waited longer.
      groups[at].due = now
      return
    }
    groups[at].asked = nil
    let isBehind = groups[at].reader.isBehind(cloudNow)
    groups[at].readUntil = isBehind ? groups[at].reader.watermark : asked.upperBound
    groups[at].due = isBehind ? now : max(now, groups[at].begun + poll)
    if groups[at].isFailing {
      groups[at].failures = 0
      if !groups.contains(where: \.isFailing) {
        report.forget("cannot read a log group")
        report.tell("log groups are read again", ["log_group": "\(groups[at].name)"])
      }
    }
    show()
  }

  /// Hands in a batch, waiting for room. False when the process stops.
  private func hand(
    _ content: (page: LogPage, lines: EventLines)?, _ changes: [PositionChange], cluster: String, stream: UInt64
  ) -> Bool {
    defer { sourceBytes = 0 }
    return context.hand(
      content?.lines.byteCount ?? 0, cluster: cluster, stream: stream, sourceBytes: sourceBytes, positions: changes
    ) { content.map { $0.lines.buffer(of: $0.page) } ?? EventLines.nothing }
  }

  // MARK: - Saying

  /// A group was asked so much later than it should have been.
  private func noteDelay(_ delay: Microseconds) {
    guard delay > poll else { return }
    let now = Clock.monotonic
    report.note(
      "log groups are read later than inputs.cloudwatch.poll_interval asks for", nil,
      [
        "late_seconds": "\(delay / 1_000_000)", "log_groups": "\(groups.count)",
        "requests_last_minute": "\(pace.lastMinute(now))", "bound_by": "\(pace.bound(now))",
        "remedy": """
        Have the quota raised and inputs.cloudwatch.requests_per_second with it, ask less often, or split the clusters over \
        accounts (docs/eks.md)
        """,
      ])
  }

  private func show() {
    let active = groups.filter { $0.missingSince == nil }
    let failing = active.count(where: \.isFailing)
    var scope = InputStatus.CloudScope(account: account, region: target.place.region)
    scope.groups = ["read": active.count - failing, "failing": failing, "refused": refused.count]
    scope.readUntil = active.map { $0.readUntil * 1000 }.min()
    scope.isWorking = hasListed && failedListings == 0 && (failing == 0 || failing < active.count)
    scope.sources = active.prefix(100).map {
      InputStatus.Source(name: "\(target.place.region) \($0.name)", readBytes: $0.readBytes, totalBytes: nil)
    }
    report.show(scope)
  }
}
