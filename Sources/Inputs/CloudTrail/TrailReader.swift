internal import AWS
internal import AuditEvents
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Transport

/// Asks for the events of one account and region, again and again, from the overlap before the last whole answer on.
///
/// - Bound: a page of 50 events is held at a time, and the IDs of those of the overlap, `idsLimit` at most; beyond, what comes
///   again is known to the engine alone.
final class TrailReader {
  private static let service = "eks.amazonaws.com"
  private static let idsLimit = 200_000
  private static let pauseLimit: Int64 = 300

  private let session: AWSSession
  private let trail: CloudTrail
  private let place: AWSPlace
  private let settings: CloudTrailSettings
  private let report: CloudReport
  private let context: InputContext
  private let stream: UInt64

  /// Until when all was read, by CloudTrail's clock, seconds since the epoch.
  private var readUntil: Int64
  /// What the last whole answer held, and what the one that is being read has held so far.
  private var known: Set<String> = []
  private var seen: Set<String> = []
  private var readBytes: UInt64 = 0

  init(
    _ session: AWSSession, _ place: AWSPlace, index: Int, _ settings: CloudTrailSettings, source: CredentialSource,
    _ report: CloudReport, _ context: InputContext
  ) {
    self.session = session
    self.place = place
    self.settings = settings
    self.report = report
    self.context = context
    trail = CloudTrail(session, region: place.region, source: source, account: place.account)
    stream = UInt64(index)
    let key = Self.key(place)
    let saved = context.positions.first { $0.stream == key }
    readUntil =
      saved.flatMap { Int64(String(decoding: $0.mark, as: UTF8.self)) }
      ?? session.now / 1_000_000 - settings.lookBackSeconds + settings.overlapSeconds
  }

  /// What the time is kept under.
  private static func key(_ place: AWSPlace) -> String { "\(place.roleARN ?? "-"),\(place.region)" }

  /// Reads until the process stops.
  func run() {
    var failures: Int64 = 0
    while !context.stop.isRaised {
      let begun = Clock.monotonic
      do throws(CallFailure) {
        guard try readAll() else { return }
        if failures > 0 {
          report.forget("cannot read CloudTrail")
          report.tell("CloudTrail is read again")
        }
        failures = 0
        show(isWorking: true)
      } catch {
        guard error.outcome != .stopped else { return }
        failures += 1
        report.failed("cannot read CloudTrail", error)
        show(isWorking: false)
      }
      let pause = min(max(settings.pollSeconds, Self.pauseLimit), settings.pollSeconds << min(failures, 4))
      let due = begun + pause * 1_000_000
      _ = context.stop.wait(milliseconds: Int32(clamping: max(0, (due - Clock.monotonic) / 1_000)))
    }
  }

  /// Asks for everything from the overlap on, page by page. False when the process stops.
  private func readAll() throws(CallFailure) -> Bool {
    let now = session.now / 1_000_000
    let times = min(readUntil - settings.overlapSeconds, now)...now
    seen.removeAll(keepingCapacity: true)
    var token: String?
    repeat {
      let page = try trail.events(of: Self.service, times: times, token: token)
      guard hand(page) else { return false }
      // A page that names itself as the next would never end.
      token = page.nextToken == token ? nil : page.nextToken
    } while token != nil
    swap(&known, &seen)
    readUntil = now
    let position = InputPosition(stream: Self.key(place), offset: 0, mark: Array(String(now).utf8))
    return hand([], [.noted(position)])
  }

  private func hand(_ page: TrailPage) -> Bool {
    var lines: [UInt8] = []
    for event in page.events {
      let isNew = !known.contains(event.id) && !seen.contains(event.id)
      if seen.count < Self.idsLimit { seen.insert(event.id) }
      guard isNew else { continue }
      // A record is a line; white space means nothing between its members, and inside strings there is none of this.
      lines += event.record.utf8.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
      lines.append(0x0A)
    }
    readBytes += UInt64(lines.count)
    return lines.isEmpty || hand(lines, [])
  }

  private func hand(_ lines: [UInt8], _ positions: [PositionChange]) -> Bool {
    context.hand(
      lines.count, cluster: context.cluster, stream: stream, sourceBytes: lines.count, positions: positions
    ) {
      let buffer = ByteBuffer(capacity: lines.count)
      buffer.append(lines)
      buffer.seal()
      return buffer
    }
  }

  private func show(isWorking: Bool) {
    var scope = InputStatus.CloudScope(account: place.account, region: place.region)
    scope.isWorking = isWorking
    scope.sources = [
      InputStatus.Source(name: "\(place.region) \(Self.service)", readBytes: readBytes, totalBytes: nil)
    ]
    report.show(scope)
  }
}
