internal import AuditEvents
internal import Counting
internal import Engine
internal import Inputs
internal import Rules

extension Settings {
  /// What the engine is told. `inputs` are the labels of the inputs that run, by their index; `rules` are those that
  /// `detection` names.
  func engine(inputs: [String], rules: RuleSet? = nil) -> EngineSettings {
    var settings = EngineSettings(counting: counting(inputs: inputs))
    settings.expectedClusters = expectedClusters
    settings.decoding.eventBytes = limits.eventBytes
    // A pushed batch is one document: what the webhook lets in must be readable, or the API server loses it.
    settings.decoding.bodyBytes = max(limits.eventBytes, self.inputs.webhook.decodedLimitBytes, deliveryBytesLimit)
    if let rules { settings.detect(rules, matching: detection.matching == .all ? .all : .first) }
    return settings
  }

  /// The largest body of a delivery service that is taken.
  private var deliveryBytesLimit: Int {
    let settings = inputSettings
    return max(
      settings.firehose.isEnabled ? settings.firehose.bodyBytesLimit : 0,
      settings.kinesis.targets.isEmpty ? 0 : KinesisSettings.answerBytesLimit)
  }

  /// What counting is told.
  func counting(inputs: [String]) -> CountingSettings {
    var counting = CountingSettings()
    counting.inputs = inputs
    counting.windows = windowSeconds.map { WindowSpan(name: DurationText.text($0), seconds: $0) }
    counting.maxLagSeconds = maxLagSeconds
    counting.trustedProxies = trustedProxies.compactMap { AddressRange($0) }
    counting.trackedObjects = Counting.TrackedObject.builtIn + trackedObjects.map(\.counting)
    counting.clusterLimit = limits.clusters
    counting.shownSeriesPerWindow = limits.shownSeries
    counting.windowLimits = limits.ruleWindows
    counting.idleSeconds = limits.idleSeconds
    counting.limits = limits.series
    return counting
  }

  /// What the inputs are told.
  var inputSettings: InputSettings {
    var settings = InputSettings()
    settings.file.sources = inputs.files.map { FileSettings.Source(pattern: $0.path, cluster: $0.cluster) }
    settings.file.start = inputs.fileStart == .beginning ? .beginning : .end
    settings.file.lineBytesLimit = limits.eventBytes
    settings.stdin.isEnabled = inputs.stdin
    settings.stdin.lineBytesLimit = limits.eventBytes
    settings.webhook.isEnabled = !inputs.webhook.listenAddresses.isEmpty
    settings.webhook.clusters = webhookClusters
    settings.webhook.bodyBytesLimit = inputs.webhook.bodyLimitBytes
    settings.webhook.decodedBytesLimit = inputs.webhook.decodedLimitBytes
    settings.firehose.isEnabled = !inputs.firehose.listenAddresses.isEmpty
    settings.firehose.cluster = inputs.firehose.cluster
    settings.kinesis = kinesisSettings
    settings.cloudwatch = cloudWatchSettings
    settings.cloudtrail.places = inputs.cloudtrail.targets
    settings.cloudtrail.pollSeconds = inputs.cloudtrail.pollSeconds
    settings.cloudtrail.overlapSeconds = inputs.cloudtrail.overlapSeconds
    settings.cloudtrail.lookBackSeconds = inputs.cloudtrail.lookBackSeconds
    return settings
  }

  private var kinesisSettings: KinesisSettings {
    var settings = KinesisSettings()
    settings.targets = inputs.kinesis.targets
    settings.start = inputs.kinesis.start
    settings.pollSeconds = inputs.kinesis.pollSeconds
    return settings
  }

  private var cloudWatchSettings: CloudWatchSettings {
    let given = inputs.cloudwatch
    var settings = CloudWatchSettings()
    settings.targets = given.targets.map { given in
      var target = CloudWatchSettings.Target(given.place)
      target.logGroupPrefix = given.logGroupPrefix
      target.clusterPrefix = given.clusterPrefix
      return target
    }
    settings.streamPrefix = given.streamPrefix
    settings.pollSeconds = given.pollSeconds
    settings.overlapSeconds = given.overlapSeconds
    settings.lookBackSeconds = given.lookBackSeconds
    settings.discoverySeconds = given.discoverySeconds
    settings.requestsPerSecond = given.requestsPerSecond
    settings.lineBytesLimit = limits.eventBytes
    return settings
  }
}

extension Settings.TrackedObject {
  fileprivate var counting: Counting.TrackedObject {
    Counting.TrackedObject(
      name: name, group: group, resource: resource, subresources: subresources, namespace: namespace,
      objectName: objectName,
      verbs: verbs.map { Set($0.compactMap { name in Verb.allCases.first { $0.label.description == name } }) }
        ?? Counting.TrackedObject.anyVerb)
  }
}
