/// The settings of every input.
public struct InputSettings: Sendable, Equatable {
  public var file = FileSettings()
  public var stdin = StdinSettings()
  public var webhook = WebhookSettings()
  public var firehose = FirehoseSettings()
  public var kinesis = KinesisSettings()
  public var cloudwatch = CloudWatchSettings()
  public var cloudtrail = CloudTrailSettings()
  public init() {}
}

/// Every input there is, written out: a new one is a folder, its settings above, and a line here.
public enum InputList {
  /// How one kind of input is made.
  public struct Entry: Sendable {
    /// The settings' key and the label `input`.
    public let name: String
    /// The input, or nil when the settings do not ask for it.
    public let make: @Sendable (InputSettings) -> (any Input)?
  }

  public static let all = [
    Entry(name: FileInput.name) { $0.file.sources.isEmpty ? nil : FileInput($0.file) },
    Entry(name: StdinInput.name) { $0.stdin.isEnabled ? StdinInput($0.stdin) : nil },
    Entry(name: WebhookInput.name) { $0.webhook.isEnabled ? WebhookInput($0.webhook) : nil },
    Entry(name: FirehoseInput.name) { $0.firehose.isEnabled ? FirehoseInput($0.firehose) : nil },
    Entry(name: KinesisInput.name) { $0.kinesis.targets.isEmpty ? nil : KinesisInput($0.kinesis) },
    Entry(name: CloudWatchInput.name) { $0.cloudwatch.targets.isEmpty ? nil : CloudWatchInput($0.cloudwatch) },
    Entry(name: CloudTrailInput.name) { $0.cloudtrail.places.isEmpty ? nil : CloudTrailInput($0.cloudtrail) },
  ]
}
