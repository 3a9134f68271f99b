/// What Firehose may deliver.
public struct FirehoseSettings: Sendable, Equatable {
  public var isEnabled = false
  /// The cluster of records that name none; nil for the default one.
  public var cluster: String?
  /// The largest body, as it arrives and decompressed. Firehose sends 64 MiB before compression; as its own buffers are
  /// counted before base64, a third more does no harm.
  public var bodyBytesLimit = 96 << 20

  public init() {}
}
