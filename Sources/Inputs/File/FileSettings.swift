/// What the file input reads, and how.
public struct FileSettings: Sendable, Equatable {
  /// One path, or many by a pattern.
  public struct Source: Sendable, Equatable {
    /// A path, or a pattern with `*`, `?` and `[…]` in any part of it; relative to the working directory.
    public var pattern: String
    /// The cluster of events whose wrapping names none; nil for the default one.
    public var cluster: String?
    public init(pattern: String, cluster: String? = nil) {
      self.pattern = pattern
      self.cluster = cluster
    }
  }

  /// Where to begin in a file that is there at the start. Files that appear later are read from the beginning.
  public enum Start: String, Sendable, CaseIterable { case beginning, end }

  public var sources: [Source] = []
  public var start = Start.beginning
  /// Whether to wait for more at the end of a file. Without, each file is read once and the input ends.
  public var isFollowing = true
  /// How often everything is looked at, changes announced or not.
  public var pollMilliseconds = 500
  /// How much is read and handed over at a time.
  public var chunkBytes = 256 << 10
  /// The longest line; longer ones are rejected as too long. The decoder's limit of one event.
  public var lineBytesLimit = 16 << 20
  /// How long a file that was rotated away or deleted is read on, since its last byte.
  public var graceSeconds = 30
  /// The most files held open. Further files are closed at their end and opened again when they grow.
  public var openFilesLimit = 128

  public init() {}
}
