internal import AuditEvents
public import Crypto
public import Diagnostics
public import Metrics

/// Decodes and counts, on one thread, without a lock and without I/O.
///
/// `serve` runs it behind a queue (`EngineThread`), `replay` calls it directly: the same engine, so the same counts.
public struct Engine: ~Copyable {
  private var decoder: AuditDecoder
  private var tally: Tally
  private var redeliveries: Redeliveries
  private let bodyKey: SipKey
  private var unfinished: UnfinishedRecords

  /// - Parameter key: keys hash tables and digests; random, but for tests and benchmarks that want the same run twice.
  public init(_ settings: EngineSettings, key: SipKey) {
    self.init(
      settings, key: key, rememberedBodies: Redeliveries.limit, rememberedEvents: RepeatedEvents.generationLimit)
  }

  /// The same with room for fewer digests.
  init(_ settings: EngineSettings, key: SipKey, rememberedBodies: Int, rememberedEvents: Int) {
    decoder = AuditDecoder(limits: settings.decoding)
    tally = Tally(settings, key: key, rememberedEvents: rememberedEvents)
    redeliveries = Redeliveries(limit: rememberedBodies)
    bodyKey = key
    unfinished = UnfinishedRecords(limitBytes: settings.unfinishedBytesLimit)
  }

  /// Counts everything in the batch. The answer is for the one who pushed it, once the epoch is committed.
  @discardableResult
  public mutating func count(_ batch: Batch) -> PushAnswer {
    switch batch.shape {
    case .body(let path):
      return countBody(batch, path: path)
    case .stream(let id):
      countStream(batch, id: id, .stream)
    case .endOfStream(let id):
      countStream(batch, id: id, .lastOfStream)
    }
    return .accepted
  }

  /// Takes over settings that may change at run time.
  public mutating func apply(_ settings: EngineSettings) { tally.apply(settings) }

  /// Streams that will not go on lose what they left unfinished: it is counted as dropped.
  public mutating func endStreams() {
    for input in unfinished.removeAll() { tally.drop(.shutdown, input: input) }
  }

  /// Everything that the engine counts, as it is now; for a page with its trends.
  public mutating func readings(at now: Microseconds, withTrends: Bool = false) -> Readings {
    tally.readings(at: now, withTrends: withTrends)
  }

  /// Says that the readings of this number were shown to a scraper.
  public mutating func scraped(_ number: UInt32) { tally.scraped(number) }

  private mutating func countBody(_ batch: Batch, path: String) -> PushAnswer {
    let digest = digest(of: batch.bytes, path: path)
    tally.begin(batch)
    if let first = redeliveries.delivery(of: digest, at: batch.arrival) {
      tally.countDuplicates(first.events)
      return first.isReadable ? .accepted : .nothingReadable
    }
    _ = decoder.decode(batch.bytes, .body, into: &tally)
    let isReadable = !tally.isNothingReadable && batch.bytes.count > 0
    let delivery = Redeliveries.Delivery(events: tally.eventsOfBatch, isReadable: isReadable)
    tally.evict(digests: redeliveries.remember(digest, delivery, at: batch.arrival))
    return delivery.isReadable ? .accepted : .nothingReadable
  }

  private mutating func countStream(_ batch: Batch, id: UInt64, _ framing: AuditDecoder.Framing) {
    tally.begin(batch)
    var bytes = batch.bytes
    if let rest = unfinished.take(id) {
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
    for input in unfinished.keep(rest, of: id, input: batch.input) { tally.drop(.unfinished, input: input) }
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
