internal import Compression

/// Turns borrowed bytes into audit events. Owns the scratch space that unwrapping needs; allocates nothing per event.
///
/// What it reads, one after another in any mixture: JSON lines; documents printed over many lines; arrays of either;
/// documents without a line feed between them; lines behind a node name; container runtime lines; and around events
/// every wrapping of `Wrapping/`. A byte order mark, carriage returns, blank lines and stretches of NUL bytes between
/// them are passed over. A broken line costs itself, not its neighbours.
///
/// One decoder serves one thread. It keeps no state between calls but that scratch space.
///
/// - Validity: what stands outside of bodies is checked as a JSON library would check it, control characters inside
///   strings (but the line feed) and invalid UTF-8 being let pass. Bodies are not read: damage inside them goes unnoticed
///   (docs/decoding.md).
public struct AuditDecoder: ~Copyable {
  /// Bounds on what one event may be.
  public struct Limits: Sendable {
    /// The longest event or wrapping of a stream, bytes as they arrive.
    public var eventBytes = 16 << 20
    /// The same of a pushed body, which may be one list of many events.
    public var bodyBytes = 64 << 20
    /// The longest result of undoing base64, gzip or the escapes of one wrapping.
    public var unwrappedBytes = 64 << 20
    /// The same of one record of a delivery. CloudWatch Logs puts a few MB into one.
    public var recordBytes = 16 << 20
    /// All that undoing the gzip of the records of one delivery may give.
    public var deliveryBytes = 4 << 30
    /// The deepest nesting of JSON.
    public var depth = 200
    /// Whether events are first read in the API server's order of fields. The answers are the same without; for tests
    /// and benchmarks.
    public var speculatesOrder = true
    /// The defaults.
    public init() {}
  }

  /// Scratch space of one level that is kept from call to call; one huge wrapping must not hold its memory for ever.
  static let keptScratchBytes = 4 << 20

  /// How many wrappings may be around an event.
  static let wrappingLimit = 8

  /// Those that hold for what is being read.
  private(set) var limits: Limits
  private let given: Limits
  var order = OrderScanner()
  var any = AnyOrderScanner()
  /// For each level of wrapping, room for what it held.
  var scratch: [ByteBuffer]
  var inflater: Inflater
  /// What gunzipping may still give while this is decoded.
  var inflatedLeft = Int.max
  /// What stands before the names of clusters that wrappings tell.
  var clusterPrefix: [UInt8] = []
  /// For each level of wrapping, room for such a name.
  let clusterNames: [ByteBuffer]
  /// Events reported since the decoder was made: tells whether an attempt at unwrapping found any.
  var receivedCount: UInt64 = 0

  /// A decoder with bounds.
  public init(limits: Limits = Limits()) {
    self.limits = limits
    given = limits
    inflater = Inflater(limit: limits.unwrappedBytes)
    // Two for each level: undoing base64 and gzip takes one for either.
    scratch = (0..<2 * ExtentTable.levels).map { _ in ByteBuffer(capacity: 0) }
    clusterNames = (0..<ExtentTable.levels).map { _ in ByteBuffer(capacity: 0) }
  }

  /// How the bytes are cut.
  public enum Framing: Sendable {
    /// Part of an endless stream: lines, or documents one after another. What is left unfinished at the end is not
    /// read.
    case stream
    /// The same, and nothing follows: what is unfinished is salvaged or rejected.
    case lastOfStream
    /// Something whole that stands for itself: read like the last of a stream, within the limit of bodies.
    case body
    /// A body of a delivery service: records that each were wrapped, and compressed, by themselves.
    case delivery
  }

  /// Decodes all that `buffer` holds and reports it to `sink`.
  ///
  /// - Parameter clusterPrefix: what stands before the names of clusters that log groups of EKS tell.
  /// - Returns: how many bytes were read. The rest is the beginning of something unfinished; hand it in again with what
  ///   follows. But with `.stream` always all. More than `Limits.eventBytes` are never left: that much unfinished is
  ///   rejected as too long.
  public mutating func decode<Sink: EventSink & ~Copyable>(
    _ buffer: borrowing ByteBuffer, _ framing: Framing, clusterPrefix: String = "", into sink: inout Sink
  ) -> Int {
    defer {
      for level in scratch.indices where scratch[level].capacity > Self.keptScratchBytes {
        scratch[level] = ByteBuffer(capacity: 0)
      }
    }
    let isDelivery = framing == .delivery
    let isBody = framing == .body || isDelivery
    limits.eventBytes = isBody ? given.bodyBytes : given.eventBytes
    limits.unwrappedBytes = isDelivery ? min(given.unwrappedBytes, given.recordBytes) : given.unwrappedBytes
    inflatedLeft = isDelivery ? given.deliveryBytes : .max
    self.clusterPrefix = Array(clusterPrefix.utf8)
    let framing = isBody ? .lastOfStream : framing
    // SAFETY: the buffer is sealed and lent for the whole call; nothing of it is kept afterwards.
    return unsafe buffer.withBytes { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      let start = unsafe BytePointer(base)
      var context = Context()
      context.origin = start
      return read(from: start, to: start + bytes.count, framing, context, into: &sink) - start
    }
  }

  /// What the wrappings around a piece of input say about what is inside.
  struct Context {
    /// The first byte that was handed in: offsets count from here.
    var origin = Text.empty.start
    /// Where the outermost piece begins; nil outside of any wrapping.
    var outermost: BytePointer?
    /// How many wrappings are around.
    var level = 0
    var cluster = Text.empty
    /// The time that the innermost wrapping with one gives.
    var time = AuditEvent.absentTime
    var source = Origin.kubernetes
    /// Nothing but events is reported: a carrier that may turn out to hold something else is being tried.
    var isTrial = false
  }

  // MARK: - Reporting

  /// Reports the event that the any-order scanner holds.
  mutating func receive<Sink: EventSink & ~Copyable>(_ context: Context, into sink: inout Sink) {
    receivedCount &+= 1
    Self.complete(&any.event, context)
    sink.receive(any.event)
  }

  /// Reports the event that the order scanner holds.
  mutating func receiveOrdered<Sink: EventSink & ~Copyable>(_ context: Context, into sink: inout Sink) {
    receivedCount &+= 1
    guard context.level > 0 else { return sink.receive(order.event) }
    Self.complete(&order.event, context)
    sink.receive(order.event)
    // The scanner leaves these alone: the next event, which may stand in no wrapping, must not find them.
    order.event.cluster = .empty
    order.event.origin = .kubernetes
  }

  /// Fills in what only the wrapping knows.
  private static func complete(_ event: inout AuditEvent, _ context: Context) {
    if event.time == AuditEvent.absentTime { event.time = context.time }
    event.cluster = context.cluster
    event.origin = context.source
  }

  func ignore<Sink: EventSink & ~Copyable>(_ reason: IgnoreReason, _ context: Context, into sink: inout Sink) {
    if !context.isTrial { sink.ignore(reason) }
  }

  func reject<Sink: EventSink & ~Copyable>(
    _ reason: RejectReason, at place: BytePointer, _ context: Context, into sink: inout Sink
  ) {
    if !context.isTrial { sink.reject(reason, at: (context.outermost ?? place) - context.origin) }
  }
}
