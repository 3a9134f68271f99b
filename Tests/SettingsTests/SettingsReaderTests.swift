import AuditEvents
import AWS
import Counting
import Diagnostics
import Engine
import Inputs
import Posture
import Testing
import TestSupport

@testable import Exporter

/// What a file and flags give, or the sentences of what is wrong.
func read(_ text: String, _ flags: [(String, [String])] = [], needsInput: Bool = false) -> (Settings?, [String]) {
  do throws(Failures) {
    let given = flags.map { GivenFlag(name: $0.0, values: $0.1) }
    return (
      try SettingsReader.settings(text: Array(text.utf8), file: "c.yaml", flags: given, needsInput: needsInput), []
    )
  } catch {
    return (nil, error.all.map(FailureReport.sentence))
  }
}

@Suite struct SettingsReaderTests {
  @Test func nothingGivesTheDefaults() throws {
    #expect(read("").0 == Settings())
    #expect(read("# only a comment\ninputs:\n").0 == Settings())
    #expect(try SettingsReader.load(file: nil, needsInput: false) == Settings())
  }

  /// A file that sets something in every section.
  static let everything =
    """
    clusters: [{name: prod}, {name: "arn:aws:eks-1"}]
    cluster: {name: edge}
    inputs:
      file:
        - /var/log/a.log
        - {path: "/var/log/*.log", cluster: prod}
      file_start: end
      stdin: true
      webhook:
        listen_addresses: [":10404", "[::1]:0", localhost:1]
        insecure: true
        clusters: [dev]
        body_limit_bytes: 1MiB
        decoded_limit_bytes: 2097152
      cloudwatch:
        targets:
          - eu-west-1
          - region: eu-west-1
            log_group_prefix: /aws/eks/prod-
            role_arn: arn:aws:iam::123456789012:role/path/audit
            external_id: a/b=c
            cluster_prefix: other-
        stream_prefix: kube
        poll_interval: 1m
        overlap: 20m
        look_back: 1d
        discovery_interval: 30s
        requests_per_second: 5
      cloudtrail:
        targets:
          - eu-west-1
          - {region: eu-west-1, role_arn: "arn:aws:iam::123456789012:role/path/audit", external_id: a/b=c}
        poll_interval: 2m
        overlap: 1h
        look_back: 12h
    queue: {limit_bytes: 1GiB}
    web:
      listen_addresses: 127.0.0.1:9999
      telemetry_path: /m/
      external_url: https://x.example/audit/
      enable_lifecycle: true
      max_requests: 0
    log: {level: warn, format: json}
    windows: [6h, 5m, 1h, 15m]
    max_lag: 1h30m
    trusted_proxies: [10.0.0.0/8, 192.168.1.1, "2001:DB8::/32"]
    tracked_objects:
      - {name: coredns, group: "", resource: configmaps, object_name: coredns, verbs: ["*"], subresources: ["*"]}
    limits:
      event_bytes: 1MiB
      denied: {series: 9999, series_per_cluster: 7}
    """

  /// A cluster that is named is one that can be missed; a name that nothing can deliver events of is not.
  @Test(arguments: [
    ("clusters: [{name: a}, {name: b}]", ["a", "b"]),
    ("inputs: {webhook: {listen_addresses: ['127.0.0.1:1'], clusters: [a, b]}}", ["a", "b"]),
    ("clusters: [{name: b}]\ninputs: {webhook: {listen_addresses: ['127.0.0.1:1'], clusters: [a, b]}}", ["b", "a"]),
    ("cluster: {name: p}\ninputs: {webhook: {listen_addresses: ['127.0.0.1:1'], clusters: [a]}}", ["a"]),
    ("cluster: {name: p}\ninputs: {webhook: {listen_addresses: ['127.0.0.1:1']}}", ["p"]),
    ("inputs: {webhook: {listen_addresses: ['127.0.0.1:1']}}", []),
    ("inputs: {stdin: true, webhook: {clusters: [a]}}", []),
    ("cluster: {name: default}\ninputs: {stdin: true}", ["default"]),
    ("cluster: {name: p}\ninputs: {file: [{path: /a}, {path: /b, cluster: q}]}", ["q", "p"]),
    ("cluster: {name: p}\ninputs: {file: [{path: /b, cluster: q}]}", ["q"]),
    ("inputs: {file: [/a]}", []),
  ])
  func namedClustersAreExpected(text: String, names: [String]) throws {
    #expect(try #require(read(text).0).expectedClusters == names)
  }

  @Test func everyValue() throws {
    let settings = try #require(read(Self.everything).0)
    var expected = Settings()
    expected.clusters = [.init(name: "prod"), .init(name: "arn:aws:eks-1")]
    expected.givenClusterName = "edge"
    expected.inputs.files = [.init(path: "/var/log/a.log"), .init(path: "/var/log/*.log", cluster: "prod")]
    expected.inputs.fileStart = .end
    expected.inputs.stdin = true
    expected.inputs.webhook = .init(
      listenAddresses: [
        .init(host: "", port: 10404), .init(host: "::1", port: 0), .init(host: "localhost", port: 1),
      ],
      isInsecure: true, clusters: ["dev"], bodyLimitBytes: 1 << 20, decodedLimitBytes: 2 << 20)
    expected.inputs.cloudwatch = .init(
      targets: [
        .init(place: AWSPlace(region: "eu-west-1")),
        .init(
          place: AWSPlace(
            region: "eu-west-1", roleARN: "arn:aws:iam::123456789012:role/path/audit", externalID: "a/b=c"),
          logGroupPrefix: "/aws/eks/prod-", clusterPrefix: "other-"),
      ],
      streamPrefix: "kube", pollSeconds: 60, overlapSeconds: 1200, lookBackSeconds: 86_400, discoverySeconds: 30,
      requestsPerSecond: 5)
    expected.inputs.cloudtrail = .init(
      targets: [
        AWSPlace(region: "eu-west-1"),
        AWSPlace(region: "eu-west-1", roleARN: "arn:aws:iam::123456789012:role/path/audit", externalID: "a/b=c"),
      ],
      pollSeconds: 120, overlapSeconds: 3600, lookBackSeconds: 43_200)
    expected.queueLimitBytes = 1 << 30
    expected.web = .init(
      listenAddresses: [.init(host: "127.0.0.1", port: 9999)], telemetryPath: "/m",
      externalURL: "https://x.example/audit",
      routePrefix: nil, isLifecycleEnabled: true, requestsLimit: 0)
    expected.log = .init(level: .warn, format: .json)
    expected.windowSeconds = [300, 900, 3600, 21600]
    expected.maxLagSeconds = 5400
    expected.trustedProxies = ["10.0.0.0/8", "192.168.1.1/32", "2001:db8::/32"]
    expected.trackedObjects = [
      .init(name: "coredns", group: "", resource: "configmaps", subresources: nil, objectName: "coredns", verbs: nil)
    ]
    expected.limits.eventBytes = 1 << 20
    expected.limits.series.denied = .init(perCluster: 7, inAll: 9999)
    #expect(settings == expected)
    #expect(settings.web.prefix == "/audit")
    #expect(settings.webhookClusters == ["edge", "prod", "arn:aws:eks-1", "dev"])
    #expect(settings.queueBudgetBytes == 1 << 30)
  }

  /// What AWS would refuse, or read twice, is refused at the start.
  @Test(arguments: [
    ("[EU-WEST-1]", "is not a region"), ("[europe]", "is not a region"), ("[eu--1]", "is not a region"),
    ("['eu-west-1.example.org']", "is not a region"), ("[{log_group_prefix: /aws/eks/}]", "region is missing"),
    ("[{region: eu-west-1, log_group_prefix: /aws/lambda/}]", "not the beginning of a log group of EKS"),
    ("[{region: eu-west-1, role_arn: audit}]", "is not the ARN of a role"),
    ("[{region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:user/audit'}]", "is not the ARN of a role"),
    ("[{region: eu-west-1, role_arn: 'arn:aws:iam::12345678901:role/audit'}]", "is not the ARN of a role"),
    ("[{region: eu-west-1, external_id: ab}]", "external_id is given without role_arn"),
    ("[{region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/a', external_id: 'a b'}]", "external ID is none"),
    ("[eu-west-1, eu-west-1]", "given twice"),
    ("[eu-west-1, {region: eu-west-1, log_group_prefix: /aws/eks/prod}]", "two targets name the same log groups"),
    ("[{region: eu-west-1, log_group_prefix: /aws/eks/prod}, eu-west-1]", "two targets name the same log groups"),
  ])
  func wrongTargetsAreRefused(targets: String, words: String) {
    let (settings, found) = read("inputs: {cloudwatch: {targets: \(targets)}}")
    #expect(settings == nil && found.count == 1 && found[0].contains(words), "\(found)")
  }

  @Test func targetsThatShareNothingAreTaken() throws {
    let role = "arn:aws:iam::123456789012:role/a"
    let text = "[eu-west-1, us-east-1, {region: eu-west-1, role_arn: \"\(role)\"}]"
    #expect(try #require(read("inputs: {cloudwatch: {targets: \(text)}}").0).inputs.cloudwatch.targets.count == 3)
    let flags = read("", [("input.cloudwatch.region", ["eu-west-1", "us-gov-west-1"])])
    #expect(try #require(flags.0).inputs.cloudwatch.targets.map(\.place.region) == ["eu-west-1", "us-gov-west-1"])
  }

  /// The same of clusters that are looked at; `all` is a region here.
  @Test func postureTargetsAreRead() throws {
    let role = "arn:aws:iam::123456789012:role/a"
    let text = "[all, {region: all, role_arn: \"\(role)\", external_id: word, cluster_prefix: b-}]"
    let settings = try #require(read("posture: {targets: \(text), silent_after: 0s}").0)
    #expect(
      settings.posture.targets == [
        PostureTarget(AWSPlace(region: "all")),
        PostureTarget(AWSPlace(region: "all", roleARN: role, externalID: "word"), clusterPrefix: "b-"),
      ])
    #expect(settings.postureTargets == settings.posture.targets && !settings.arrival.isExpected)
    // It is enough to start, and without an input nothing is missed.
    let (alone, complaints) = read("posture: {targets: [eu-west-1]}", needsInput: true)
    #expect(alone?.arrival.isExpected == false, "\(complaints)")
    #expect(try #require(read("posture: {targets: [eu-west-1]}\ninputs: {stdin: true}").0).arrival.isExpected)
    #expect(
      try #require(read("inputs: {cloudwatch: {targets: [eu-west-1]}}").0).postureTargets.map(\.place.region) == [
        "eu-west-1"
      ])
    #expect(Settings().postureTargets.map(\.place.region) == ["all"])
    for (targets, words) in [
      ("[All]", "is not a region"), ("[all, eu-west-1]", "two targets name the same clusters"),
      ("[eu-west-1, {region: eu-west-1, cluster_prefix: x}]", "two targets name the same clusters"),
      ("[{role_arn: \"\(role)\"}]", "region is missing"), ("[{region: all, external_id: word}]", "without role_arn"),
    ] {
      let (settings, found) = read("posture: {targets: \(targets)}")
      #expect(settings == nil && found.count == 1 && found[0].contains(words), "\(targets): \(found)")
    }
  }

  @Test func anAccountAndRegionOfCloudTrailIsAskedOnce() throws {
    let role = "role_arn: 'arn:aws:iam::123456789012:role/a'"
    let text = "[eu-west-1, {region: eu-west-1, \(role)}, {region: eu-west-1, \(role), external_id: other}]"
    let (settings, found) = read("inputs: {cloudtrail: {targets: \(text)}}")
    #expect(settings == nil && found.count == 1 && found[0].contains("two targets name eu-west-1"), "\(found)")
    let wrong = read("inputs: {cloudtrail: {targets: [{region: eu-west-1, log_group_prefix: /aws/eks/}]}}")
    #expect(wrong.1.count == 1 && wrong.1[0].contains("log_group_prefix is not known"), "\(wrong.1)")
    let flags = read("", [("input.cloudtrail.region", ["eu-west-1", "us-east-1"])])
    #expect(try #require(flags.0).inputs.cloudtrail.targets.map(\.region) == ["eu-west-1", "us-east-1"])
  }

  @Test func flagsWinOverTheFile() throws {
    let text = "inputs: {file: [/a, /b], stdin: true}\nlog: {level: warn}\nweb: {route_prefix: /x}"
    let settings = try #require(
      read(text, [("input.file", ["/c"]), ("input.stdin", ["false"]), ("web.route-prefix", ["/"])]).0)
    #expect(settings.inputs.files == [.init(path: "/c")])
    #expect(settings.inputs.stdin == false)
    #expect(settings.log.level == .warn)
    #expect(settings.web.prefix == "")
  }

  @Test func aKeyWithoutANameIsNamed() {
    #expect(
      read("\"\": 1").1 == [
        "setting \"\" (c.yaml, line 1): the key is not known. docs/configuration.md lists every key."
      ])
  }

  @Test func allFailuresAtOnce() {
    let (_, found) = read(
      """
      queue:
        limit_bytes: 12
      widows: [5m]
      windows: [5m, 15m, 100s]
      inputs:
        webhook:
          listen_address: ":1"
          listen_addresses: [":9", "foo:1"]
        stdin:
      tracked_objects:
        - {name: pods, resource: pods, verb: [get]}
        - {name: secrets, resource: secrets, verbs: [gett]}
      limits: 3
      queue.limit_bytes: 16MiB
      telemetry_path: /m
      """, [("web.listen-address", [":1", ":2x"]), ("log.level", ["loud"])])
    #expect(
      found
        == [
          "setting queue.limit_bytes (c.yaml, line 2): 12 is less than 1MiB. Write 1MiB to 4GiB.",
          "setting widows (c.yaml, line 3): the key is not known. Did you mean windows?",
          "setting inputs.webhook.listen_address (c.yaml, line 7): the key is not known. "
            + "Did you mean inputs.webhook.listen_addresses?",
          "setting inputs.webhook.listen_addresses (c.yaml, line 8): foo:1 is not an address to listen on. "
            + "Write :PORT, IPV4:PORT, [IPV6]:PORT or localhost:PORT.",
          "setting inputs.stdin (c.yaml, line 9): no value is given. Give one, or remove the line.",
          "setting tracked_objects (c.yaml, line 11): field verb is not known. Did you mean verbs?",
          "setting tracked_objects (c.yaml, line 12): gett is not a verb. Did you mean get?",
          "setting limits (c.yaml, line 13): a single value is given instead of a mapping. Write KEY: VALUE, a line each.",
          "setting queue.limit_bytes (c.yaml, line 14): the key is not known. Nest it: every part of queue.limit_bytes is a "
            + "key of its own, one below the other.",
          "setting telemetry_path (c.yaml, line 15): the key is not known. Did you mean web.telemetry_path?",
          "flag --web.listen-address: :2x is not an address to listen on. "
            + "Write :PORT, IPV4:PORT, [IPV6]:PORT or localhost:PORT.",
          "flag --log.level: loud is not known. Write one of: debug, info, warn, error.",
          "setting windows (c.yaml, line 4): 1m40s is not a multiple of 30s. Write a multiple of 30s.",
          "setting windows (c.yaml, line 4): 1h is missing, and the bundled rules need it. Add 1h.",
        ])
  }

  @Test func brokenYAMLAndBadFlagsTogether() {
    let (_, found) = read("a: [1\n", [("log.level", ["loud"])])
    #expect(found.count == 2)
    #expect(found.first?.hasPrefix("c.yaml, line 2, column 1: cannot be read as YAML") == true)
  }

  @Test func namesThatAreTaken() {
    let text = "tracked_objects: [{name: secrets, resource: secrets}, {name: a, resource: b}, {name: a, resource: c}]"
    #expect(
      read(text).1 == [
        "setting tracked_objects (c.yaml, line 1): a is named twice. Rename one of the two.",
        "setting tracked_objects (c.yaml, line 1): secrets is the name of a built-in object. Take another name.",
      ])
    #expect(read("inputs: {file: [/a, {path: /a, cluster: b}]}").1.first?.contains("/a is named twice") == true)
    #expect(
      read("windows: [5m, 5m, 15m, 1h]").1 == [
        "setting windows (c.yaml, line 1): 5m is given twice. Keep one of the two."
      ])
  }

  @Test func whoSetItIsNamed() {
    let text = "inputs: {webhook: {listen_addresses: [127.0.0.1:1]}}"
    let (_, found) = read(text, [("input.webhook.listen-address", [":1"])])
    #expect(found.count == 1 && found[0].hasPrefix("flag --input.webhook.listen-address: :1 can be reached"))
    #expect(read("windows: [5m, 15m]").1.first?.hasPrefix("setting windows (c.yaml, line 1): 1h is missing") == true)
  }

  @Test func noInputIsRefusedWithARemedy() {
    let (_, found) = read("", needsInput: true)
    #expect(found.count == 1)
    #expect(found.first?.contains("--input.file PATH") == true)
    #expect(read("", [("input.file", ["x"])], needsInput: true).0 != nil)
  }

  @Test(arguments: [
    ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("[::1]:1", true), ("localhost:1", true), (":1", false),
    ("0.0.0.0:1", false), ("10.0.0.1:1", false), ("[::]:1", false), ("[::2]:1", false), ("[::ffff:127.0.0.1]:1", false),
  ])
  func onlyLoopbackWithoutInsecure(_ address: String, _ isAllowed: Bool) {
    let flag = ("input.webhook.listen-address", [address])
    #expect((read("", [flag]).0 != nil) == isAllowed)
    #expect(read("", [flag, ("input.webhook.insecure", ["true"])]).0 != nil)
  }

  @Test func webhookHasAListenerOfItsOwn() {
    let (_, found) = read("", [("input.webhook.listen-address", ["127.0.0.1:10403"])])
    #expect(found.count == 1 && found[0].contains("listener of their own"))
  }

  @Test func fileProblems() throws {
    try Files.withTemporaryFolder { folder in
      for path in [folder + "/none.yaml", folder] {
        #expect(throws: Failures.self) { try SettingsReader.load(file: path, needsInput: true) }
      }
      try Files.write([UInt8](repeating: 0x20, count: FileText.limitBytes + 1), to: folder + "/big.yaml")
      #expect(throws: Failures.self) { try SettingsReader.load(file: folder + "/big.yaml", needsInput: false) }
      try Files.write(Array("log: {level: debug}\n".utf8), to: folder + "/good.yaml")
      #expect(try SettingsReader.load(file: folder + "/good.yaml", needsInput: false).log.level == .debug)
    }
  }

  @Test func standardInputIsNoFile() {
    #expect(read("", [("input.file", ["-"])]).1.first?.contains("--input.stdin") == true)
  }

  /// What is not set is what the parts of the program would do by themselves.
  @Test func defaultsAreTheModules() {
    let (ours, theirs) = (Settings(), CountingSettings())
    #expect(ours.windowSeconds == theirs.windows.map(\.seconds))
    #expect(ours.windowSeconds.map(DurationText.text) == theirs.windows.map(\.name))
    #expect(ours.maxLagSeconds == theirs.maxLagSeconds)
    #expect(ours.limits.clusters == theirs.clusterLimit)
    #expect(ours.limits.shownSeries == theirs.shownSeriesPerWindow)
    #expect(ours.limits.idleSeconds == theirs.idleSeconds)
    #expect(ours.limits.series == theirs.limits)
    #expect(ours.limits.eventBytes == AuditDecoder.Limits().eventBytes)
    #expect(ours.inputs.webhook.bodyLimitBytes == WebhookSettings().bodyBytesLimit)
    #expect(ours.inputs.webhook.decodedLimitBytes == WebhookSettings().decodedBytesLimit)
    #expect(ours.inputs.fileStart.rawValue == FileSettings().start.rawValue)
  }

  @Test func queueHoldsALargestBodyOnceAWebhookListens() {
    var settings = Settings()
    #expect(settings.queueBudgetBytes == 4 << 20)
    settings.inputs.webhook.listenAddresses = [.init(host: "localhost", port: 1)]
    #expect(settings.queueBudgetBytes == (4 + 64 + 64) << 20)
    // What the page says of it.
    #expect(Schema.all.first { $0.key == "queue.limit_bytes" }?.fallback.contains("132MiB") == true)
  }

  /// A webhook's large bodies are no reason to hold more of an unfinished line of a file.
  @Test func filesKeepTheirLimitBesideAWebhook() {
    var settings = Settings()
    settings.limits.eventBytes = 1 << 20
    settings.inputs.webhook.listenAddresses = [.init(host: "localhost", port: 1)]
    settings.inputs.webhook.decodedLimitBytes = 32 << 20
    let decoding = settings.engine(inputs: ["file", "webhook"]).decoding
    #expect(decoding.eventBytes == 1 << 20 && decoding.bodyBytes == 32 << 20)
    settings.limits.eventBytes = 100 << 20
    #expect(settings.engine(inputs: []).decoding.bodyBytes == 100 << 20)
  }

  @Test func restartIsNeededForAllButTheReloadable() {
    var new = Settings()
    new.log.level = .debug
    new.clusters = [.init(name: "a")]
    #expect(SettingsReader.needingRestart(Settings(), new) == [])
    new.maxLagSeconds = 60
    new.limits.series.denied.inAll = 1
    #expect(SettingsReader.needingRestart(Settings(), new) == ["max_lag", "limits.denied.series"])
  }
}
