/// What the standard input is read as.
public struct StdinSettings: Sendable, Equatable {
  public var isEnabled = false
  /// The cluster of events whose wrapping names none; nil for the default one.
  public var cluster: String?
  /// How much is read and handed over at a time.
  public var chunkBytes = 256 << 10
  /// The longest line; longer ones are rejected as too long. The decoder's limit of one event.
  public var lineBytesLimit = 16 << 20

  public init() {}
}
