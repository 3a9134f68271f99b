internal import AWS
internal import AuditEvents
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging
internal import Transport

/// Reads the shards of one stream, one page after another in the order in which they are due.
///
/// - Bounds: one answer at a time is held outside of the queue's budget; `shardsLimit` shards.
final class StreamReader {
  static let shardsLimit = 500
  /// Of one answer; 10 MiB at most, by the service.
  private static let recordsLimit = 10_000
  private static let listingPause: Microseconds = 60_000_000
  /// Who is behind asks for the next page so soon: 5 calls a second are allowed to all readers of a shard together.
  private static let hurriedPause: Microseconds = 500_000
  /// What a shard gives in five seconds; after so much it refuses for as long.
  private static let burstBytes = 8 << 20
  private static let pauseLimit: Microseconds = 60_000_000

  /// How the reading of one shard goes.
  private struct Reading {
    var iterator: String?
    var due: Microseconds = 0
    var failures = 0
    /// Until when it is read, by the clock of the service; nil before the first answer.
    var readUntil: Microseconds?
    var readBytes: UInt64 = 0
  }

  private let session: AWSSession
  private let kinesis: Kinesis
  private let target: KinesisSettings.Target
  private let report: CloudReport
  private let context: InputContext
  private let poll: Microseconds
  private var plan: ShardPlan
  private var readings: [String: Reading] = [:]
  private var nextListing: Microseconds = 0
  private var failedListings = 0
  private var hasListed = false
  /// Read, and not yet in a batch.
  private var sourceBytes = 0

  init(
    _ session: AWSSession, _ target: KinesisSettings.Target, _ settings: KinesisSettings, source: CredentialSource,
    _ report: CloudReport, _ context: InputContext
  ) {
    self.session = session
    self.target = target
    self.report = report
    self.context = context
    let place = target.place
    kinesis = Kinesis(session, region: place.region, source: source, account: target.account, stream: target.stream)
    poll = settings.pollSeconds * 1_000_000
    let beginning: ShardPlan.Beginning =
      switch settings.start {
      case .latest: .latest
      case .trimHorizon: .trimHorizon
      case .time(let time): .time(time)
      }
    plan = ShardPlan(
      key: "\(place.roleARN ?? "-"),\(place.region),\(target.stream)", beginning: beginning,
      positions: context.positions)
  }

  /// Reads until the process stops.
  func run() {
    while !context.stop.isRaised {
      let now = Clock.monotonic
      if now >= nextListing {
        guard list() else { return }
        continue
      }
      let next = plan.readable.prefix(Self.shardsLimit).min { due($0) < due($1) }
      guard let next, due(next) <= now else {
        let until = min(nextListing, next.map { due($0) } ?? .max)
        _ = context.stop.wait(milliseconds: Int32(clamping: max(1, (until - now) / 1000)))
        continue
      }
      guard read(next) else { return }
    }
  }

  private func due(_ shard: String) -> Microseconds { readings[shard]?.due ?? 0 }

  // MARK: - Listing

  /// Looks which shards there are. False when the process stops.
  private func list() -> Bool {
    do throws(CallFailure) {
      let found = try kinesis.shards()
      failedListings = 0
      hasListed = true
      nextListing = Clock.monotonic + Self.listingPause
      report.forget("cannot list shards")
      let before = plan.shards
      let changes = plan.take(found, at: session.now / 1000)
      for (id, shard) in before where shard.isListed && plan.shards[id]?.isListed != true {
        readings[id] = nil
        guard shard.place != .done else { continue }
        report.note(
          "a shard is gone before all of it was read", .shardExpired, ["shard": "\(id)", "stream": "\(target.stream)"],
          ["remedy": "Lengthen the stream's retention: what it no longer has is lost"])
      }
      if plan.readable.count > Self.shardsLimit {
        report.note("there are more shards than are read", .shardsLimit, nil, ["limit": "\(Self.shardsLimit)"])
      }
      guard changes.isEmpty || hand(nil, changes) else { return false }
    } catch {
      guard error.outcome != .stopped else { return false }
      failedListings += 1
      report.failed("cannot list shards", error)
      nextListing = Clock.monotonic + min(Self.listingPause, 2_000_000 << Int64(min(failedListings, 6)))
    }
    show()
    return true
  }

  // MARK: - Reading

  /// Asks for one page of a shard. False when the process stops.
  private func read(_ id: String) -> Bool {
    guard case .from(let start) = plan.shards[id]?.place else { return true }
    var reading = readings[id] ?? Reading()
    let begun = Clock.monotonic
    defer {
      readings[id] = reading
      show()
    }
    do throws(CallFailure) {
      let iterator: String
      if let held = reading.iterator { iterator = held } else { iterator = try kinesis.iterator(of: id, from: start) }
      reading.iterator = iterator
      let page = try kinesis.records(of: id, at: iterator, limit: Self.recordsLimit)
      sourceBytes += page.bytes.count
      reading.readBytes += UInt64(page.bytes.count)
      let isEnd = page.nextIterator == nil
      let changes = plan.read(id, lastSequence: page.lastSequence, isEnd: isEnd)
      guard changes.isEmpty || hand(page.count > 0 ? page : nil, changes) else { return false }
      reading.iterator = page.nextIterator
      reading.readUntil = session.now - page.behindMilliseconds * 1000
      let pause = page.behindMilliseconds > 0 ? min(poll, Self.hurriedPause) : poll
      reading.due = begun + (page.bytes.count > Self.burstBytes ? 5_000_000 : pause)
      // Its children can be read now, and are perhaps not known yet.
      if isEnd { nextListing = min(nextListing, begun + 1_000_000) }
      recovered(id, &reading)
      return true
    } catch {
      return failed(id, &reading, error)
    }
  }

  private func recovered(_ id: String, _ reading: inout Reading) {
    guard reading.failures > 0 else { return }
    reading.failures = 0
    guard !readings.contains(where: { $0.key != id && $0.value.failures > 0 }) else { return }
    report.forget("cannot read a shard")
    report.tell("shards are read again", ["shard": "\(id)", "stream": "\(target.stream)"])
  }

  private func failed(_ id: String, _ reading: inout Reading, _ failure: CallFailure) -> Bool {
    guard failure.outcome != .stopped else { return false }
    let now = Clock.monotonic
    // Usual after a pause of five minutes: whatever was read is committed, and a new one goes on behind it.
    let isExpired = failure.code == "ExpiredIteratorException" && reading.failures == 0
    // Refused for coming too often it still holds.
    if failure.outcome != .throttled { reading.iterator = nil }
    reading.failures += 1
    if isExpired {
      reading.due = now
      return true
    }
    report.failed("cannot read a shard", failure, ["shard": "\(id)", "stream": "\(target.stream)"])
    reading.due = now + max(poll, min(Self.pauseLimit, 1_000_000 << Int64(min(reading.failures, 6))))
    // It may be gone.
    if failure.code == "ResourceNotFoundException" { nextListing = min(nextListing, now + 1_000_000) }
    return true
  }

  /// Hands in a batch, waiting for room. False when the process stops.
  private func hand(_ page: KinesisPage?, _ changes: [PositionChange]) -> Bool {
    let taken = sourceBytes
    sourceBytes = 0
    return context.hand(
      page?.bytes.count ?? 0, cluster: target.cluster ?? context.cluster, shape: .delivery(id: nil),
      naming: ClusterNaming(prefix: target.clusterPrefix), sourceBytes: taken, positions: changes
    ) { page.map { Self.content($0) } ?? EventLines.nothing }
  }

  /// The answer as it came: taking its records out of it is the decoder's matter.
  private static func content(_ page: KinesisPage) -> ByteBuffer {
    let buffer = ByteBuffer(capacity: page.bytes.count)
    // SAFETY: the bytes are lent for the call, and copied.
    unsafe page.bytes.withUnsafeBytes { unsafe buffer.append(raw: $0) }
    buffer.seal()
    return buffer
  }

  // MARK: - Saying

  private func show() {
    let shards = plan.readable
    let failing = shards.count { (readings[$0]?.failures ?? 0) > 0 }
    var scope = InputStatus.CloudScope(account: target.account, region: target.place.region)
    scope.stream = target.name
    let until = shards.map { readings[$0]?.readUntil }
    if hasListed, !until.contains(nil) { scope.readUntil = until.compactMap(\.self).min() ?? session.now }
    scope.isWorking = hasListed && failedListings == 0 && (failing == 0 || failing < shards.count)
    scope.sources = shards.prefix(100).map {
      InputStatus.Source(
        name: "\(target.place.region) \(target.name) \($0)", readBytes: readings[$0]?.readBytes ?? 0, totalBytes: nil)
    }
    report.show(scope)
  }
}
