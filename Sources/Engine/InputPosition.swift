/// Where an input is in one of its streams: a file, a partition. It is committed together with what was counted up to it.
public struct InputPosition: Sendable, Hashable {
  /// The input's own name for the stream, the same after a restart. At most a few hundred bytes.
  public let stream: String
  /// Bytes of content, decompressed where the source is not plain, from the stream's beginning.
  public let offset: UInt64
  /// What the input needs to know the stream and the place again. Whatever it is, it speaks of the end of the batch, and
  /// `offset` may come back smaller: an event that had only begun there is read again.
  public let mark: [UInt8]

  public init(stream: String, offset: UInt64, mark: [UInt8]) {
    self.stream = stream
    self.offset = offset
    self.mark = mark
  }
}

/// What a batch says about its input's positions.
public enum PositionChange: Sendable {
  /// The batch's own stream: everything before it is in this batch or in earlier ones.
  case reached(InputPosition)
  /// Another stream, of which nothing is under way: kept as it is.
  case noted(InputPosition)
  /// The stream is gone, and what was saved of it is of no use.
  case gone(stream: String)
  /// So many bytes were lost at the source before they could be read.
  case lost(bytes: Int)
}
