public import AuditEvents
public import Diagnostics

/// Bytes that an input hands to the engine, with what the engine must know about them.
public struct Batch: Sendable {
  /// What the bytes are.
  public enum Shape: Sendable {
    /// The next piece of the endless stream `id`, cut after a line break; what is unfinished is kept until the next piece.
    case stream(id: UInt64)
    /// The last piece of that stream: what is unfinished is salvaged or rejected. May be empty.
    case endOfStream(id: UInt64)
    /// A whole body that was pushed to `path`; its redelivery is recognised by path and content.
    case body(path: String)
    /// A whole body of a delivery service. Its redelivery is recognised by the ID that the service gives it; nil where none
    /// can come.
    case delivery(id: String?)
  }

  /// Index of the input in the list of configured inputs: label `input` and its accounting.
  public let input: Int
  /// The cluster of events whose wrapping names none.
  public let cluster: String
  /// When the bytes arrived.
  public let arrival: Microseconds
  public let shape: Shape
  /// What holds for the clusters that wrappings inside name.
  public let naming: ClusterNaming
  /// The content, sealed. The engine owns it from here on.
  public let bytes: ByteBuffer
  /// How many bytes of the queue's budget this batch holds; given back when it has been counted.
  public let reservedBytes: Int
  /// Bytes read from the source to get this content, as they were there (compressed, say).
  public let sourceBytes: Int
  /// How far the input has come with this batch; empty where it cannot go back anyway.
  public let positions: [PositionChange]
  /// Whom to tell once the batch is counted and its epoch is committed; nil where nobody waits.
  public let reply: PushReply?

  public init(
    input: Int, cluster: String, arrival: Microseconds, shape: Shape, bytes: ByteBuffer, reservedBytes: Int,
    sourceBytes: Int, naming: ClusterNaming = ClusterNaming(), positions: [PositionChange] = [],
    reply: PushReply? = nil
  ) {
    self.input = input
    self.cluster = cluster
    self.arrival = arrival
    self.shape = shape
    self.naming = naming
    self.bytes = bytes
    self.reservedBytes = reservedBytes
    self.sourceBytes = sourceBytes
    self.positions = positions
    self.reply = reply
  }
}

/// What holds for the clusters that wrappings inside a batch name.
public struct ClusterNaming: Sendable, Equatable {
  /// What stands before the names that log groups of EKS tell.
  public var prefix = ""
  /// The clusters, prefix included, whose events are taken: those of others are dropped. Nil for all.
  public var writable: Set<String>?

  public init(prefix: String = "", writable: Set<String>? = nil) {
    self.prefix = prefix
    self.writable = writable
  }
}

/// The answer to somebody who pushed a batch.
public enum PushAnswer: Sendable, Equatable {
  /// Counted and committed, or a redelivery of what was: 200.
  case accepted
  /// Nothing in it could be read as an event: 400.
  case nothingReadable
  /// Not counted, send it again later: 503 with Retry-After.
  case unavailable
}

/// Where the answer goes: called exactly once, from the commit thread, and must return at once.
public struct PushReply: Sendable {
  private let answer: @Sendable (PushAnswer) -> Void
  public init(_ answer: @escaping @Sendable (PushAnswer) -> Void) { self.answer = answer }
  public func callAsFunction(_ answer: PushAnswer) { self.answer(answer) }
}
