/// What may be pushed to the webhook.
public struct WebhookSettings: Sendable, Equatable {
  public var isEnabled = false
  /// The clusters that may be named in the path, `/webhook/<cluster>`.
  public var clusters: [String] = []
  /// The cluster of what is pushed to `/webhook`; nil for the default one.
  public var defaultCluster: String?
  /// The largest body as it arrives.
  public var bodyBytesLimit = 64 << 20
  /// The largest body once it is decompressed. A batch that is refused is lost after five attempts, so this is
  /// generous.
  public var decodedBytesLimit = 64 << 20

  public init() {}
}
