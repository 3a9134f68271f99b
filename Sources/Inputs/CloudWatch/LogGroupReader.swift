internal import AWS
internal import Crypto
internal import Engine

/// What is asked of one log group, and which of the events that come were there before: answers in, questions and positions
/// out; no clock, no socket.
///
/// CloudWatch shows an event as soon as it has taken it in, which is minutes after it happened, and answers by the time at
/// which it happened. So the same span is asked for again until nothing more can come, and an event that was read before
/// is known by its ID.
/// - Invariant: no event is new twice; and every event is new once that CloudWatch took in at most `overlap` after it
///   happened, or within a day and before any that happened more than `overlap` after it. Whatever queries fail, and wherever
///   the reader is stopped and restored from what was committed.
/// - Shape: the watermark is a time before which nothing more is asked for. It follows what was delivered, and not the
///   clock: while nothing comes it stands still, so that a delivery that stalls for hours and then goes on in order loses
///   nothing. After a day of nothing (`stallLimit`) it follows the clock, so that a log that nobody writes any more is not
///   searched in ever longer queries. IDs of events after it are kept, in chunks of one page each, and are forgotten by
///   whole chunks.
/// - Cost: a query of the last `nearOverlap` finds what is on time; the whole span down to the watermark is swept every
///   `sweepInterval` alone.
/// - Units: milliseconds since the epoch, by CloudWatch's clock.
struct LogGroupReader {
  struct Settings: Sendable, Equatable {
    /// How late an event may be and still be counted.
    var overlap: Int64 = 600_000
    /// How far back each query goes.
    var nearOverlap: Int64 = 60_000
    /// How often all of the overlap is asked for.
    var sweepInterval: Int64 = 300_000
    /// How long nothing may come before it is taken for silence: what comes then from before is not asked for any more.
    var stallLimit: Int64 = 86_400_000
    /// IDs that are kept: 16 bytes of state each, about 70 of memory.
    var idsLimit = 500_000
    /// Pages of one query; more of them begin anew.
    var pagesLimit = 10_000
    init() {}
  }

  /// One question. All pages of a query have the same times.
  struct Query: Equatable {
    let times: ClosedRange<Int64>
    let token: String?
  }

  /// What a page came to.
  struct Taken {
    /// The new ones of the page's events, by their index, in the page's order.
    var new: [Int] = []
    /// What must be committed together with them.
    var changes: [PositionChange] = []
    /// Whether the query is over.
    var isLast = false
  }

  /// IDs of one page.
  private struct Chunk {
    let number: UInt64
    let newest: Int64
    let ids: [ID]
  }

  /// A query under way.
  private struct Running {
    let times: ClosedRange<Int64>
    let isSweep: Bool
    /// Whether it asks for all there is.
    let isToNow: Bool
    /// How far delivery was known to be when it began.
    let delivered: Int64?
    var token: String?
    var pages = 0
  }

  private let key: String
  private let settings: Settings
  /// IDs that may be kept; the whole of a reader's groups may lower it for one of them.
  var idsLimit: Int
  /// Nothing before it is asked for, and nothing before it is new.
  private(set) var watermark: Int64
  /// How far delivery has come, by the events that were read: of each the earlier of when it happened and when it was taken
  /// in, of all the latest.
  private(set) var delivered: Int64?
  private var chunks: [Chunk] = []
  private var known: Set<ID> = []
  private var nextChunk: UInt64 = 0
  private var running: Running?
  /// What was last said of the place.
  private var notedPlace: InputPosition?
  /// How much is asked for at once while catching up; doubled while that does not lead on.
  private var span: Int64
  private var lastSweep: Int64?
  /// A thousand years.
  private static let spanLimit: Int64 = 31_536_000_000_000
  /// Events that were not counted because the watermark had passed them when there was no room for their IDs.
  private(set) var leftOut: UInt64 = 0
  /// Times that there was no room for more IDs, and the overlap became shorter for it.
  private(set) var shortened: UInt64 = 0

  /// - Parameters:
  ///   - key: names the group in positions: account, region, name.
  ///   - start: from when on events count, where no position says more.
  ///   - positions: all that the input was given back; those of other groups are passed over.
  init(key: String, settings: Settings, start: Int64, positions: [InputPosition]) {
    self.key = key
    self.settings = settings
    idsLimit = settings.idsLimit
    span = settings.overlap * 2
    watermark = start
    for position in positions where position.stream.hasPrefix(key + " ") {
      let rest = position.stream.dropFirst(key.count + 1)
      if rest == Self.placeName { restorePlace(position.mark) } else { restoreChunk(rest, position.mark) }
    }
    chunks.sort { $0.number < $1.number }
    nextChunk = max(nextChunk, (chunks.last?.number).map { $0 + 1 } ?? 0)
  }

  /// IDs that are kept.
  var idCount: Int { known.count }

  /// What to ask next: the next page of the query under way, or the first of a new one.
  mutating func query(at now: Int64) -> Query {
    if let running { return Query(times: running.times, token: running.token) }
    let times: ClosedRange<Int64>
    let isSweep = isBehind(now) || now - (lastSweep ?? .min / 2) >= settings.sweepInterval
    if isSweep {
      times = watermark...max(watermark, min(now, watermark + span))
    } else {
      let near = max(watermark, (delivered ?? now) - settings.nearOverlap)
      times = near...max(near, now)
    }
    running = Running(times: times, isSweep: isSweep, isToNow: times.upperBound >= now, delivered: delivered)
    return Query(times: times, token: nil)
  }

  /// Whether the next query should be made at once: there is more than one asks for.
  func isBehind(_ now: Int64) -> Bool { watermark + span < now }

  /// Takes the page that answered the last query.
  mutating func take(_ page: LogPage) -> Taken {
    guard var query = running else { return Taken(isLast: true) }
    var taken = Taken()
    var fresh: [ID] = []
    var newest = Int64.min
    for (index, event) in page.events.enumerated() {
      delivered = max(delivered ?? .min, min(event.timestamp, event.ingestionTime))
      guard event.timestamp >= watermark else {
        if !known.contains(ID(event.id)) { leftOut += 1 }
        continue
      }
      let id = ID(event.id)
      guard known.insert(id).inserted else { continue }
      taken.new.append(index)
      fresh.append(id)
      newest = max(newest, event.timestamp)
    }
    if !fresh.isEmpty { keep(fresh, newest, &taken) }
    query.pages += 1
    // A token that leads to itself leads nowhere.
    if let token = page.nextToken, token != query.token, query.pages < settings.pagesLimit {
      query.token = token
      running = query
    } else {
      running = nil
      taken.isLast = true
      if page.nextToken == nil { finish(query) }
    }
    forget(&taken)
    let place = place
    // A quiet group is asked for ever, and nothing of it needs to be committed.
    if place != notedPlace { taken.changes.append(.noted(place)) }
    notedPlace = place
    return taken
  }

  /// The query under way failed: the next one begins anew. What it has brought so far is known.
  mutating func abandon() { running = nil }

  /// What is left of the group in the state, once it is gone for good.
  func farewell() -> [PositionChange] {
    [.gone(stream: "\(key) \(Self.placeName)")] + chunks.map { .gone(stream: name(of: $0)) }
  }

  /// A query came to its end. What CloudWatch had taken in when it began, it has shown.
  private mutating func finish(_ query: Running) {
    guard query.isSweep else { return }
    if query.isToNow { lastSweep = query.times.upperBound }
    let settled = (query.delivered ?? .min / 2) - settings.overlap
    var reached = min(query.times.upperBound, settled)
    if query.isToNow { reached = max(reached, query.times.upperBound - settings.stallLimit) }
    if reached > watermark {
      watermark = reached
      span = settings.overlap * 2
    } else if !query.isToNow {
      span = min(span * 2, Self.spanLimit)
    }
  }

  private mutating func keep(_ ids: [ID], _ newest: Int64, _ taken: inout Taken) {
    let chunk = Chunk(number: nextChunk, newest: newest, ids: ids)
    nextChunk += 1
    chunks.append(chunk)
    taken.changes.append(.noted(position(of: chunk)))
    while known.count > idsLimit, chunks.count > 1 {
      // Rather a late event is missed than one counted twice: nothing is asked for that could not be recognised.
      watermark = max(watermark, (chunks.map(\.newest).min() ?? watermark) + 1)
      shortened += 1
      forget(&taken)
    }
  }

  /// Forgets the chunks whose events are not asked for any more.
  private mutating func forget(_ taken: inout Taken) {
    let spent = chunks.filter { $0.newest < watermark }
    guard !spent.isEmpty else { return }
    for chunk in spent {
      known.subtract(chunk.ids)
      // One that this very page has brought is not in the state yet: the two changes cancel out.
      taken.changes.append(.gone(stream: name(of: chunk)))
    }
    chunks.removeAll { $0.newest < watermark }
  }
}

// MARK: - Positions

extension LogGroupReader {
  /// The 128 bits that stand for an event's ID: CloudWatch chooses it, no client does, so the key is no secret.
  fileprivate struct ID: Hashable {
    let low: UInt64
    let high: UInt64

    init(_ text: String) {
      let bytes = Array(text.utf8)
      (low, high) = SipHash.hash24x128(bytes.span, key: SipKey(0, 0))
    }

    init?(_ bytes: ArraySlice<UInt8>) {
      guard bytes.count == 16 else { return nil }
      low = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      high = bytes.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    var bytes: [UInt8] { [low, high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } }
  }

  fileprivate static let placeName = "at"
  private static let chunkName = "ids"
  private static let version = "1"

  /// The watermark, how far delivery was and the number of the next chunk, as text that a person can read.
  var place: InputPosition {
    let mark = "\(Self.version) \(watermark) \(delivered.map(String.init) ?? "-") \(nextChunk)"
    return InputPosition(stream: "\(key) \(Self.placeName)", offset: 0, mark: Array(mark.utf8))
  }

  fileprivate mutating func restorePlace(_ mark: [UInt8]) {
    let fields = String(decoding: mark, as: UTF8.self).split(separator: " ")
    guard fields.count == 4, fields[0] == Self.version, let time = Int64(fields[1]), let number = UInt64(fields[3])
    else { return }
    watermark = time
    delivered = Int64(fields[2])
    nextChunk = number
    notedPlace = place
  }

  private func name(of chunk: Chunk) -> String { "\(key) \(Self.chunkName) \(chunk.number)" }

  private func position(of chunk: Chunk) -> InputPosition {
    let head = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bitPattern: chunk.newest) >> ($0 * 8)) }
    return InputPosition(stream: name(of: chunk), offset: 0, mark: head + chunk.ids.flatMap(\.bytes))
  }

  fileprivate mutating func restoreChunk(_ name: Substring, _ mark: [UInt8]) {
    let words = name.split(separator: " ")
    guard words.count == 2, words[0] == Self.chunkName, let number = UInt64(words[1]), mark.count % 16 == 8 else {
      return
    }
    let newest = mark.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let ids = stride(from: 8, to: mark.count, by: 16).compactMap { ID(mark[$0..<$0 + 16]) }
    known.formUnion(ids)
    chunks.append(Chunk(number: number, newest: Int64(bitPattern: newest), ids: ids))
  }
}
