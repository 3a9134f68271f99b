internal import AuditEvents
internal import Counting
public import Crypto
public import Diagnostics
public import Metrics
public import State

/// Decodes and counts, on one thread, without a lock and without I/O.
///
/// `serve` runs it behind a queue (`EngineThread`), `replay` calls it directly: the same engine, so the same counts.
public struct Engine: ~Copyable {
  private var decoder: AuditDecoder
  private var tally: Tally
  private var bodies: Redeliveries
  private var deliveries: Redeliveries
  private let bodyKey: SipKey
  private let inputs: [String]
  /// Whether what changes will be asked for.
  private let isSaved: Bool
  /// What inputs said of their streams since the last change was taken; nil for a stream that is gone.
  private var positions: [PositionKey: StreamPosition?] = [:]
  /// Whether anything was counted since then.
  private(set) var hasChanged = false
  private var unfinished: UnfinishedRecords
  private var time: TimeKeeper?

  /// An engine that keeps nothing.
  ///
  /// - Parameter key: keys hash tables and digests; random, but for tests and benchmarks that want the same run twice.
  public init(_ settings: EngineSettings, key: SipKey) {
    self.init(
      settings, key: key, rememberedBodies: Redeliveries.Kind.bodies.limit,
      rememberedEvents: RepeatedEvents.generationLimit)
  }

  /// The same with room for fewer digests.
  init(_ settings: EngineSettings, key: SipKey, rememberedBodies: Int, rememberedEvents: Int) {
    self.init(
      settings, key: key, tally: Tally(settings, key: key, rememberedEvents: rememberedEvents),
      bodies: Redeliveries(.bodies.holding(rememberedBodies)),
      deliveries: Redeliveries(.deliveries.holding(rememberedBodies)), isSaved: false)
  }

  /// An engine that goes on where an earlier one was, and gives away what changes.
  ///
  /// - Errors: what was saved cannot be taken up again.
  public init(_ settings: EngineSettings, restoring saved: SavedState) throws(Failure) {
    var bodies = Redeliveries(.bodies, isSaved: true)
    for blob in saved.digests where blob.kind == .pushedBody { try bodies.restore(blob) }
    var deliveries = Redeliveries(.deliveries, isSaved: true)
    for blob in saved.digests where blob.kind == .delivery { try deliveries.restore(blob) }
    self.init(
      settings, key: saved.key, tally: try Tally(settings, restoring: saved), bodies: bodies, deliveries: deliveries,
      isSaved: true)
  }

  private init(
    _ settings: EngineSettings, key: SipKey, tally: consuming Tally, bodies: Redeliveries, deliveries: Redeliveries,
    isSaved: Bool
  ) {
    decoder = AuditDecoder(limits: settings.decoding)
    self.tally = tally
    self.bodies = bodies
    self.deliveries = deliveries
    bodyKey = key
    inputs = settings.counting.inputs
    self.isSaved = isSaved
    unfinished = UnfinishedRecords(limitBytes: settings.unfinishedBytesLimit)
  }

  /// Says what the clocks show, before anything is counted or read at that time. An engine that is never told goes by the
  /// arrival of its batches.
  ///
  /// - Parameters:
  ///   - wall: the system's clock.
  ///   - steady: a clock that is never set.
  /// - Returns: how the system's clock was set, if it was; nil as a rule.
  public mutating func keepTime(_ wall: Microseconds, steady: Microseconds) -> ClockStep? {
    let newest = time == nil ? max(bodies.newest, deliveries.newest, tally.newestDigest) : 0
    let hasLeapt = time?.look(wall, steady) ?? false
    if time == nil { time = TimeKeeper(wall, steady, digestsUntil: newest) }
    let step: ClockStep? = tally.keepTime(wall).map { .back(by: $0) } ?? (hasLeapt ? .forward : nil)
    if let step {
      tally.note(step)
      hasChanged = true
    }
    return step
  }

  /// Counts everything in the batch. The answer is for the one who pushed it, once the epoch is committed.
  @discardableResult
  public mutating func count(_ batch: Batch) -> PushAnswer {
    hasChanged = true
    switch batch.shape {
    case .body(let path):
      let answer = countBody(batch, path: path)
      note(batch, unfinishedBytes: 0)
      return answer
    case .delivery(let id):
      countDelivery(batch, id: id)
      note(batch, unfinishedBytes: 0)
    case .stream(let id):
      countStream(batch, id: id, .stream)
      note(batch, unfinishedBytes: unfinished.count(of: .init(input: batch.input, id: id)))
    case .endOfStream(let id):
      countStream(batch, id: id, .lastOfStream)
      note(batch, unfinishedBytes: 0)
    }
    return .accepted
  }

  /// Gives away what changed since the last call.
  public mutating func takeChange() -> StateChange {
    var change = StateChange()
    guard isSaved else { return change }
    hasChanged = false
    tally.takeChange(into: &change)
    bodies.takeChange(into: &change)
    deliveries.takeChange(into: &change)
    for (key, position) in positions {
      if let position { change.positions.append(position) } else { change.removedPositions.append(key) }
    }
    positions.removeAll(keepingCapacity: true)
    return change
  }

  /// Takes note of how far the batch's input has come. What was only begun has not been counted: it is read again.
  private mutating func note(_ batch: Batch, unfinishedBytes: Int) {
    guard isSaved else { return }
    for change in batch.positions {
      switch change {
      case .reached(let position): keep(position, of: batch.input, less: UInt64(unfinishedBytes))
      case .noted(let position): keep(position, of: batch.input, less: 0)
      case .gone(let stream): positions[PositionKey(input: inputs[batch.input], stream: stream)] = .some(nil)
      case .lost(let bytes): tally.lose(bytes: bytes)
      }
    }
  }

  private mutating func keep(_ position: InputPosition, of input: Int, less unfinishedBytes: UInt64) {
    let key = PositionKey(input: inputs[input], stream: position.stream)
    let offset = position.offset - min(position.offset, unfinishedBytes)
    positions[key] = .some(StreamPosition(key: key, offset: offset, mark: position.mark))
  }

  /// Takes over settings that may change at run time.
  public mutating func apply(_ settings: EngineSettings) { tally.apply(settings) }

  /// Streams that will not go on lose what they left unfinished: it is counted as dropped, but for what will be read again.
  public mutating func endStreams() {
    for input in unfinished.removeAll() {
      tally.drop(.shutdown, input: input)
      hasChanged = true
    }
  }

  /// Everything that the engine counts, as it is now; for a page with its trends.
  public mutating func readings(at now: Microseconds, withTrends: Bool = false) -> Readings {
    tally.readings(at: now, withTrends: withTrends)
  }

  /// Says that the readings of this number were shown to a scraper.
  public mutating func scraped(_ number: UInt32) { tally.scraped(number) }

  private mutating func countBody(_ batch: Batch, path: String) -> PushAnswer {
    let digest = digest(of: batch.bytes, path: path)
    let now = begin(batch)
    if let first = bodies.delivery(of: digest, at: now) {
      tally.countDuplicates(first.events)
      return first.isReadable ? .accepted : .nothingReadable
    }
    _ = decoder.decode(batch.bytes, .body, into: &tally)
    let isReadable = !tally.isNothingReadable && batch.bytes.count > 0
    let delivery = Redeliveries.Delivery(events: tally.eventsOfBatch, isReadable: isReadable)
    tally.evict(digests: bodies.remember(digest, delivery, at: now))
    return delivery.isReadable ? .accepted : .nothingReadable
  }

  /// One bad record costs only itself, and what the service sends again is known by its ID: the answer is yes in any case.
  private mutating func countDelivery(_ batch: Batch, id: String?) {
    let now = begin(batch)
    let digest = id.map { Digest(SipHash.hash24x128(Array($0.utf8).span, key: bodyKey)) }
    if let digest, let first = deliveries.delivery(of: digest, at: now) { return tally.countDuplicates(first.events) }
    _ = decoder.decode(batch.bytes, .delivery, clusterPrefix: batch.naming.prefix, into: &tally)
    guard let digest else { return }
    let delivery = Redeliveries.Delivery(events: tally.eventsOfBatch, isReadable: true)
    tally.evict(digests: deliveries.remember(digest, delivery, at: now))
  }

  /// Nothing arrives later than now, and digests have a clock of their own, which is the answer.
  private mutating func begin(_ batch: Batch) -> Microseconds {
    let remembered = time?.digestTime ?? batch.arrival
    tally.begin(batch, arrival: min(batch.arrival, time?.wall ?? batch.arrival), remembered: remembered)
    return remembered
  }

  private mutating func countStream(_ batch: Batch, id: UInt64, _ framing: AuditDecoder.Framing) {
    _ = begin(batch)
    var bytes = batch.bytes
    if let rest = unfinished.take(.init(input: batch.input, id: id)) {
      // Rare: only a record over many lines is ever left unfinished, because inputs cut after a line break.
      unsafe batch.bytes.withBytes { unsafe rest.append(raw: UnsafeRawBufferPointer($0)) }
      rest.seal()
      bytes = rest
    }
    let used = decoder.decode(bytes, framing, into: &tally)
    guard used < bytes.count else { return }
    let rest = ByteBuffer(capacity: bytes.count - used)
    unsafe bytes.withBytes {
      unsafe rest.append(raw: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[used...])))
    }
    let canReturn = !batch.positions.isEmpty
    for input in unfinished.keep(rest, of: .init(input: batch.input, id: id), canReturn: canReturn) {
      tally.drop(.unfinished, input: input)
    }
  }

  private mutating func digest(of body: ByteBuffer, path: String) -> Digest {
    var text = Array(path.utf8)
    text.append(0)
    let prefix = SipHash.hash24x128(text.span, key: bodyKey)
    // The path keys the digest of the body: one pass over the body, and no copy of it.
    let key = SipKey(prefix.low, prefix.high)
    // SAFETY: the span lives inside the closure, as the bytes do.
    return unsafe body.withBytes { unsafe Digest(SipHash.hash24x128(Span(_unsafeElements: $0), key: key)) }
  }
}
