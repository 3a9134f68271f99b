internal import Concurrency
internal import Counting
internal import Diagnostics
internal import Engine
internal import Inputs
internal import Logging
internal import Metrics
internal import Posture
internal import State
internal import Transport

extension Failure.Reason {
  /// The engine's thread is not heard of.
  static let engine = Failure.Reason("engine")
}

/// The parts of a running exporter, and the order in which they start and stop.
///
/// Stop, each step with a deadline: readiness falls, inputs hand in what they read, pushes in flight are answered, the queue is
/// emptied and the last epoch committed, scrapes in flight are answered.
final class RunningExporter: Sendable {
  /// How long requests in flight may take at the end. Kubernetes gives 30 s between SIGTERM and SIGKILL.
  private static let graceMilliseconds = 5_000
  /// How long the engine may take to come up.
  private static let startMilliseconds = 30_000

  let reloader: Reloader
  private let logger: Logger
  private let queue: BatchQueue
  private let engine: EngineThread
  private let inputs: RunningInputs
  private let posture: RunningPosture?
  private let gates: Gates
  private let filesWatch: FilesWatch?
  private let pushServer: HTTPServer?
  private let webServer: HTTPServer
  private let readiness: Readiness

  /// Starts everything. When it returns, the exporter is ready.
  init(_ options: ServeOptions, log: LogOutput) throws(Failure) {
    let settings = options.settings
    let clock = Clock.system
    logger = log.logger()
    logger.info("starting", metadata: ["version": "\(Version.version)", "revision": "\(Version.revision)"])
    let descriptors = try Self.descriptors(settings, logger)
    var inputSettings = settings.inputSettings
    inputSettings.file.openFilesLimit = descriptors.files
    var serving = HTTPServer.Options()
    serving.connectionsLimit = descriptors.connections
    let chosen = InputList.all.compactMap { [inputSettings] entry in
      entry.make(inputSettings).map { (name: entry.name, input: $0) }
    }
    queue = BatchQueue(limitBytes: settings.queueBudgetBytes)
    gates = try Gates(options.listeners, settings)
    let (store, saved) = try Self.openState(settings, logger)
    let commits = CommitStatus()
    var engineSettings = settings.engine(inputs: chosen.map(\.name), rules: options.rules)
    engineSettings.counting.pseudonyms = options.pseudonyms?.pseudonyms
    engineSettings.counting.keepsEvidence = settings.limits.evidenceBytes > 0
    Self.tell(options.pseudonyms, logger)
    RuleFiles.tell(options.rules, logger)
    do throws(Failure) {
      engine = try EngineThread(
        engineSettings, restoring: saved, store: store, queue: queue, clock: clock,
        status: commits, report: { [logger] event in Self.report(event, to: logger) },
        clockWasSet: { [logger] step in Self.report(step, to: logger) })
    } catch { throw error.reason == .countingState ? error.moved(to: .path(store.place)) : error }
    reloader = Reloader(options, gates: gates, log: log, queue: queue, inputs: chosen.map(\.name), clock: clock)
    inputs = RunningInputs(chosen.map(\.name), saved: saved.positions, commits: commits)
    readiness = Readiness(admitsPushes: { commits.admitsPushes }, inputsDown: { [inputs] in inputs.namesDown })

    posture = settings.posture.targets.isEmpty ? nil : RunningPosture(settings, calls: inputs.calls, clock: clock)

    // The scrapers' listener opens first: an address in use must not cost an event.
    let web = WebWiring(
      settings: settings, queue: queue, statuses: inputs.statuses, calls: inputs.calls.counts,
      state: StateMetrics(store: store, commits: commits), posture: posture?.metrics, reloader: reloader,
      readiness: readiness, clock: clock,
      ask: { [engine] query, reader in engine.ask(query, reader) })
    webServer = try HTTPServer(
      addresses: settings.web.listenAddresses, options: serving, router: web.router, counters: web.counters,
      gate: gates.web)
    Self.tell("listening", webServer, isTLS: gates.web.isTLS, logger)
    // Before there is anything to count: however busy the engine is later, a scrape finds readings.
    guard web.scrapes.prepare(waitingMilliseconds: Self.startMilliseconds) else {
      throw Failure(.engine, "the engine does not answer", at: .process, remedy: "Give the process more processor time")
    }
    try inputs.start(
      chosen.map(\.input), cluster: settings.clusterName, queue: queue, clock: clock, log: log)
    try posture?.start(logger: log.logger("posture"))
    pushServer = try Self.pushServer(settings, serving, inputs, queue, web.counters, gates)
    Self.tell("listening for pushes", pushServer, isTLS: gates.push.isTLS, logger)
    filesWatch =
      options.listeners.files.isEmpty
      ? nil
      : try FilesWatch({ [reloader] in reloader.watchedFiles }, changed: { [reloader] in reloader.filesChanged() })
    readiness.obstacle = nil
    logger.info("ready", metadata: ["inputs": "\(chosen.map(\.name).joined(separator: ", "))"])
  }

  /// What may be open of files and connections.
  private static func descriptors(_ settings: Settings, _ logger: Logger) throws(Failure) -> DescriptorBudget {
    let addresses = settings.web.listenAddresses.count + settings.pushAddresses.count
    let inputs = settings.inputs
    let clouds =
      inputs.cloudwatch.targets.count + inputs.cloudtrail.targets.count + inputs.kinesis.targets.count
      + settings.posture.targets.count
    let wanted = DescriptorBudget.wanted(addresses, clouds: clouds)
    let limit = DescriptorBudget.limit(raisedTo: wanted)
    let budget = try DescriptorBudget(limit: limit, addresses: addresses, clouds: clouds)
    if budget.isShort {
      logger.warning(
        "the process may open few files: fewer are followed at a time, and fewer connections taken",
        metadata: [
          "limit": "\(limit)", "files": "\(budget.files)", "connections": "\(budget.connections)",
          "wanted": "\(wanted)",
        ])
    }
    return budget
  }

  private static func openState(_ settings: Settings, _ logger: Logger) throws(Failure) -> (StateStore, SavedState) {
    let path = settings.storagePath
    let store = try StateStore(
      path.isEmpty ? .memory : .directory(path), evidenceBytesLimit: settings.limits.evidenceBytes)
    let saved = try store.load()
    if path.isEmpty {
      logger.warning("counts are kept in memory and begin at 0 with each start: storage.path is empty")
    } else {
      logger.info(
        saved.isEmpty ? "state begins" : "state restored",
        metadata: ["path": "\(path)", "series": "\(saved.counting.series.count)"])
    }
    return (store, saved)
  }

  private static func tell(_ what: Logger.Message, _ server: HTTPServer?, isTLS: Bool, _ logger: Logger) {
    for address in server?.addresses ?? [] {
      logger.info(what, metadata: ["address": "\(address)", "tls": "\(isTLS)"])
    }
  }

  private static func tell(_ key: PseudonymKey?, _ logger: Logger) {
    guard let key else { return }
    logger.info("users and source IPs are shown and kept as pseudonyms")
    for warning in key.warnings {
      logger.warning("pseudonyms", metadata: ["setting": "pseudonyms.key_file", "problem": "\(warning)"])
    }
  }

  private static func report(_ event: CommitEvent, to logger: Logger) {
    switch event {
    case .failed(let failure, let attempt):
      logger.error(
        "cannot commit: counters stand still and pushes are refused until it succeeds",
        metadata: ["error": "\(FailureReport.sentence(failure))", "attempt": "\(attempt)"])
    case .recovered(let failures):
      logger.info("committing again, nothing was lost", metadata: ["failures": "\(failures)"])
    case .abandoned(let failure):
      logger.error(
        "stopped with counts that are not committed", metadata: ["error": "\(FailureReport.sentence(failure))"])
    }
  }

  private static func report(_ step: ClockStep, to logger: Logger) {
    switch step {
    case .back(let by):
      logger.warning(
        "the system's clock was set back: all windows begin anew, totals stay",
        metadata: ["seconds": "\(by / 1_000_000)"])
    case .forward:
      logger.warning("the system's clock was set forward, or the machine was asleep: windows are emptied, totals stay")
    }
  }

  private static func pushServer(
    _ settings: Settings, _ options: HTTPServer.Options, _ inputs: RunningInputs, _ queue: BatchQueue,
    _ counters: HTTPCounters, _ gates: Gates
  ) throws(Failure) -> HTTPServer? {
    let routes = inputs.endpoints.map { Route.push($0.endpoint, queue: queue, status: $0.status) { gates.pushRights } }
    guard !routes.isEmpty else { return nil }
    return try HTTPServer(
      addresses: settings.pushAddresses, options: options, router: Router(routes), counters: counters,
      gate: gates.push)
  }

  /// Stops everything; what was read or pushed is counted.
  func stop() {
    logger.info("stopping")
    readiness.obstacle = "Stopping."
    filesWatch?.stop()
    posture?.raiseStop()
    inputs.stop()
    posture?.join()
    pushServer?.stop(graceMilliseconds: Self.graceMilliseconds)
    queue.close()
    engine.join()
    webServer.stop(graceMilliseconds: Self.graceMilliseconds)
    gates.stop()
    logger.info("stopped")
  }
}

extension Failure {
  /// The same, at a place that only the caller knows.
  fileprivate func moved(to place: Place) -> Failure { Failure(reason, what, at: place, remedy: remedy) }
}

/// What the scrapers' listener serves, put together.
struct WebWiring: Sendable {
  let router: Router
  let scrapes: ScrapeCoordinator
  /// Both listeners count in one place: the same answer of either is one series.
  let counters = HTTPCounters()

  init(
    settings: Settings, queue: BatchQueue, statuses: [InputStatus], calls: CallCounts, state: StateMetrics,
    posture: PostureMetrics? = nil, reloader: Reloader, readiness: Readiness, clock: Clock,
    ask: @escaping @Sendable (EvidenceQuery, @escaping EvidenceReader) -> Void
  ) {
    let metrics = SelfMetrics(
      inputs: statuses, calls: calls, queue: queue, state: state, posture: posture, http: counters,
      reloads: reloader.status)
    var options = ScrapeCoordinator.Options()
    options.waitingLimit = settings.web.requestsLimit == 0 ? .max : settings.web.requestsLimit
    scrapes = ScrapeCoordinator(
      options: options, read: { reader in _ = queue.ask(.read(reader)) },
      readNow: { reader in _ = queue.ask(.readNow(reader)) }, complete: { metrics.complete($0) })
    // Of its own, so that no scrape pays for what the page draws, and no reader of the page takes a scrape's place.
    let views = ScrapeCoordinator(
      options: options, read: { reader in _ = queue.ask(.readWithTrends(reader)) },
      readNow: { reader in _ = queue.ask(.readNow(reader)) }, complete: { metrics.complete($0) })
    let startedAt = clock.now
    let page: @Sendable (Readings) -> [UInt8] = { readings in
      Page.render(
        PageModel(
          readings: readings, inputs: statuses.map { PageModel.Input(name: $0.name, status: $0.snapshot) },
          version: Version.version, startedAt: startedAt, now: clock.now, linkPrefix: settings.web.linkPrefix,
          telemetryPath: settings.web.telemetryPath,
          hasEvidence: settings.limits.evidenceBytes > 0, neededPolicies: { reloader.neededPolicies },
          obstacle: readiness.obstacle, projectURL: Version.projectURL))
    }
    var routes = WebRoutes(
      scrapes: scrapes, views: views, readiness: readiness, telemetryPath: settings.web.telemetryPath, page: page)
    if settings.web.isLifecycleEnabled { routes.reload = { tell in tell(reloader.reload()) } }
    if settings.limits.evidenceBytes > 0 {
      routes.evidence = EvidenceRoutes(ask: ask, clock: clock, linkPrefix: settings.web.linkPrefix)
    }
    routes.didScrape = { number in _ = queue.ask(.scraped(number)) }
    router = Router(prefix: settings.web.prefix, routes.all)
  }
}
