internal import AWS
internal import Counting
internal import Diagnostics
internal import Inputs
internal import Posture

/// What only several settings together can get wrong, and what no shape can say.
enum SettingsChecks {
  /// Every such failure, without file and line.
  static func failures(_ settings: Settings) -> [Failure] {
    inputs(settings) + kinesis(settings) + cloudWatch(settings) + cloudTrail(settings) + posture(settings)
      + addresses(settings) + windows(settings)
      + names(settings)
      + limits(settings)
  }

  /// The windows that the bundled alerting rules name.
  static let bundledWindows: [Int64] = [300, 900, 3600]

  /// Values of label `object` that are taken.
  static let builtInObjects = TrackedObject.builtIn.map(\.name)

  static func telemetryPath(_ text: String) throws(Refusal) -> String {
    let path = try URLText.prefix(text)
    guard !path.isEmpty, path != "/-", !path.hasPrefix("/-/") else {
      throw Refusal("\(text) is not a path for metrics", "Write a path such as /metrics; / and /-/ are taken")
    }
    return path
  }

  /// `serve` reads something, or does not start.
  static func missingInput(_ settings: Settings) -> Failure? {
    guard !settings.hasInput, settings.posture.targets.isEmpty else { return nil }
    return Failure(
      .setting, "no input is configured", at: .setting(key: "inputs", file: nil, line: nil),
      remedy: "Name a log with --input.file PATH, read standard input with --input.stdin, take pushes with "
        + "--input.webhook.listen-address 127.0.0.1:10404, or read CloudWatch Logs with --input.cloudwatch.region REGION"
    )
  }

  private static func inputs(_ settings: Settings) -> [Failure] {
    let known = Set(settings.webhookClusters)
    let unknown = Set(settings.inputs.webhook.writers.flatMap(\.clusters)).subtracting(known).sorted().map {
      failure(
        "inputs.webhook.writers", "cluster \($0) is not known to the webhook",
        "Add it to inputs.webhook.clusters or to clusters")
    }
    // With a file of its own, `ListenerRules` judges by what is in it.
    guard !settings.inputs.webhook.isInsecure, settings.inputs.webhook.configFile.isEmpty else { return unknown }
    return unknown
      + settings.webhookAddresses.filter { !$0.isLoopback }.map {
        failure(
          settings.key(ofPushAddress: $0),
          "\($0) can be reached from other machines, and pushes are not authenticated",
          "Authenticate them with --input.webhook.config.file, listen on 127.0.0.1, or accept events from anybody there with "
            + "--input.webhook.insecure")
      }
  }

  /// Two readers of one stream would count everything twice.
  private static func kinesis(_ settings: Settings) -> [Failure] {
    // A name may be that of an ARN; two ARNs are what they say.
    let targets = settings.inputs.kinesis.targets
    func name(_ stream: String) -> Substring { stream.split(separator: "/").last ?? "" }
    return targets.indices.filter { at in
      targets[..<at].contains { other in
        let target = targets[at]
        let isSame =
          other.stream.contains(":") && target.stream.contains(":")
          ? other.stream == target.stream : name(other.stream) == name(target.stream)
        return isSame && other.place.region == target.place.region && other.place.roleARN == target.place.roleARN
      }
    }.map { at in
      let target = targets[at]
      let by = target.place.roleARN ?? "its own role"
      return failure(
        "inputs.kinesis.streams", "\(name(target.stream)) of \(target.place.region) by \(by) is named twice",
        "Keep one of the two")
    }
  }

  /// Of one account and region, no prefix begins with another: their log groups would be read twice.
  private static func cloudWatch(_ settings: Settings) -> [Failure] {
    let targets = settings.inputs.cloudwatch.targets
    return targets.indices.flatMap { at in
      targets[..<at].filter { other in
        let target = targets[at]
        return other.place.region == target.place.region && other.place.roleARN == target.place.roleARN
          && (other.logGroupPrefix.hasPrefix(target.logGroupPrefix)
            || target.logGroupPrefix.hasPrefix(other.logGroupPrefix))
      }.map { _ in
        failure(
          "inputs.cloudwatch.targets", "two targets name the same log groups of \(targets[at].place.region)",
          "Keep one of them, or give both a log_group_prefix of its own")
      }
    }
  }

  /// Of one role, no region is looked at twice.
  private static func posture(_ settings: Settings) -> [Failure] {
    let targets = settings.posture.targets
    return targets.indices.flatMap { at in
      targets[..<at].filter { other in
        let target = targets[at]
        return other.place.roleARN == target.place.roleARN
          && (other.isEveryRegion || target.isEveryRegion || other.place.region == target.place.region)
      }.map { _ in
        failure(
          "posture.targets", "two targets name the same clusters of \(targets[at].place.region)", "Keep one of them")
      }
    }
  }

  /// An account and region is asked once.
  private static func cloudTrail(_ settings: Settings) -> [Failure] {
    let targets = settings.inputs.cloudtrail.targets
    return targets.indices.filter { at in
      targets[..<at].contains { $0.region == targets[at].region && $0.roleARN == targets[at].roleARN }
    }.map { at in
      failure(
        "inputs.cloudtrail.targets", "two targets name \(targets[at].region), with the same role",
        "Keep one of them")
    }
  }

  private static func addresses(_ settings: Settings) -> [Failure] {
    let taken = settings.web.listenAddresses
    var found = settings.pushAddresses.filter { pushed in
      taken.contains {
        $0.port != 0 && $0.port == pushed.port && ($0.host == pushed.host || $0.host.isEmpty || pushed.host.isEmpty)
      }
    }.map {
      failure(
        settings.key(ofPushAddress: $0), "\($0) is served by web.listen_addresses",
        "Take another port: pushes have a listener of their own")
    }
    if taken.isEmpty {
      found.append(failure("web.listen_addresses", "no address is given", "Write one, such as \":10403\""))
    }
    return found
  }

  private static func windows(_ settings: Settings) -> [Failure] {
    settings.windowSeconds.filter { $0 % 30 != 0 }.map {
      failure("windows", "\(DurationText.text($0)) is not a multiple of 30s", "Write a multiple of 30s")
    }
      + bundledWindows.filter { !settings.windowSeconds.contains($0) }.map {
        failure(
          "windows", "\(DurationText.text($0)) is missing, and the bundled rules need it",
          "Add \(DurationText.text($0))")
      }
  }

  private static func names(_ settings: Settings) -> [Failure] {
    let objects = settings.trackedObjects.map(\.name)
    return duplicates(objects).map { failure("tracked_objects", "\($0) is named twice", "Rename one of the two") }
      + objects.filter(builtInObjects.contains).map {
        failure("tracked_objects", "\($0) is the name of a built-in object", "Take another name")
      }
      + duplicates(settings.inputs.files.map(\.path)).map {
        failure("inputs.file", "\($0) is named twice", "Keep one of the two")
      }
  }

  private static func limits(_ settings: Settings) -> [Failure] {
    let limits = settings.limits.series
    let families = [
      ("requests", limits.requests), ("denied", limits.denied), ("server_errors", limits.serverErrors),
      ("rbac_mutations", limits.rbacMutations), ("tracked", limits.tracked),
      ("tracked_in_window", limits.trackedInWindow), ("impersonated", limits.impersonated),
      ("detections", limits.detections), ("distinct_users", limits.distinctUsers),
    ]
    return families.filter { $0.1.perCluster > $0.1.inAll }.map { name, limit in
      failure(
        "limits.\(name).series_per_cluster", "\(limit.perCluster) for one cluster is more than \(limit.inAll) in all",
        "Lower it, or raise limits.\(name).series")
    }
  }

  private static func duplicates(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    var twice: [String] = []
    for name in names where !seen.insert(name).inserted && !twice.contains(name) { twice.append(name) }
    return twice
  }

  private static func failure(_ key: String, _ what: String, _ remedy: String) -> Failure {
    Failure(.setting, what, at: .setting(key: key, file: nil, line: nil), remedy: remedy)
  }
}

extension Settings {
  /// Where the webhook can be reached: at each address of the listener for those who push.
  var webhookAddresses: [ListenAddress] { inputs.webhook.listenAddresses.isEmpty ? [] : pushAddresses }

  /// The setting that names an address of that listener.
  func key(ofPushAddress address: ListenAddress) -> String {
    inputs.webhook.listenAddresses.contains(address)
      ? "inputs.webhook.listen_addresses" : "inputs.firehose.listen_addresses"
  }
}
