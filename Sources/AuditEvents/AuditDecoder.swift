/// Turns borrowed bytes into audit events. Owns the scratch space that unwrapping needs; allocates nothing per event.
///
/// One decoder serves one thread. It keeps no state between calls but that scratch space.
public struct AuditDecoder: ~Copyable {
  /// Bounds on what one event may be.
  public struct Limits: Sendable {
    /// The longest event or wrapping, bytes as they arrive.
    public var eventBytes = 16 << 20
    /// The longest result of undoing base64 and gzip of one wrapping.
    public var unwrappedBytes = 64 << 20
    /// The deepest nesting of JSON.
    public var depth = 200
    public init() {}
  }

  public init(limits: Limits = Limits()) {}

  /// How the bytes are cut.
  public enum Framing: Sendable {
    /// Part of an endless stream: lines, or documents one after another. What is left unfinished at the end is not read.
    case stream
    /// The same, and nothing follows: what is unfinished is salvaged or rejected.
    case lastOfStream
  }

  /// Decodes all that `buffer` holds and reports it to `sink`.
  ///
  /// - Returns: how many bytes were read. The rest is the beginning of something unfinished; hand it in again with what
  ///   follows. With `.lastOfStream` always all.
  public mutating func decode<Sink: EventSink & ~Copyable>(
    _ buffer: borrowing ByteBuffer, _ framing: Framing, into sink: inout Sink
  ) -> Int {
    buffer.count
  }
}
