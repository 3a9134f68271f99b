internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Inputs
internal import Logging
internal import Metrics

/// The parts of a running exporter, and the order in which they start and stop.
///
/// Stop, each step with a deadline: readiness falls, inputs hand in what they read, pushes in flight are answered, the queue is
/// emptied and the last epoch committed, scrapes in flight are answered.
final class RunningExporter: Sendable {
  /// How long requests in flight may take at the end. Kubernetes gives 30 s between SIGTERM and SIGKILL.
  private static let graceMilliseconds = 5_000

  let reloader: Reloader
  private let logger: Logger
  private let queue: BatchQueue
  private let engine: EngineThread
  private let inputs: RunningInputs
  private let gates: Gates
  private let filesWatch: FilesWatch?
  private let pushServer: HTTPServer?
  private let webServer: HTTPServer
  private let readiness = Readiness()

  /// Starts everything. When it returns, the exporter is ready.
  init(_ options: ServeOptions, log: LogOutput) throws(Failure) {
    let settings = options.settings
    let clock = Clock.system
    logger = log.logger()
    logger.info("starting", metadata: ["version": "\(Version.version)", "revision": "\(Version.revision)"])
    let chosen = InputList.all.compactMap { entry in
      entry.make(settings.inputSettings).map { (name: entry.name, input: $0) }
    }
    queue = BatchQueue(limitBytes: settings.queueBudgetBytes)
    engine = try EngineThread(settings.engine(inputs: chosen.map(\.name)), queue: queue, clock: clock)
    gates = try Gates(options.listeners, settings)
    reloader = Reloader(options, gates: gates, log: log, queue: queue, inputs: chosen.map(\.name), clock: clock)
    inputs = RunningInputs(chosen.map(\.name))

    // The scrapers' listener opens first: an address in use must not cost an event.
    let web = WebWiring(
      settings: settings, queue: queue, statuses: inputs.statuses, reloader: reloader, readiness: readiness,
      clock: clock)
    webServer = try HTTPServer(
      addresses: settings.web.listenAddresses, router: web.router, counters: web.counters, gate: gates.web)
    for address in webServer.addresses {
      logger.info("listening", metadata: ["address": "\(address)", "tls": "\(gates.web.isTLS)"])
    }
    try inputs.start(
      chosen.map(\.input), cluster: settings.clusterName, queue: queue, clock: clock, log: log)
    pushServer = try Self.pushServer(settings, inputs, queue, web.counters, gates)
    for address in pushServer?.addresses ?? [] {
      logger.info("listening for pushes", metadata: ["address": "\(address)", "tls": "\(gates.push.isTLS)"])
    }
    filesWatch =
      options.listeners.files.isEmpty
      ? nil
      : try FilesWatch({ [reloader] in reloader.watchedFiles }, changed: { [reloader] in reloader.filesChanged() })
    readiness.obstacle = nil
    logger.info("ready", metadata: ["inputs": "\(chosen.map(\.name).joined(separator: ", "))"])
  }

  private static func pushServer(
    _ settings: Settings, _ inputs: RunningInputs, _ queue: BatchQueue, _ counters: HTTPCounters,
    _ gates: Gates
  ) throws(Failure) -> HTTPServer? {
    let routes = inputs.endpoints.map { Route.push($0.endpoint, queue: queue, status: $0.status) { gates.pushRights } }
    guard !routes.isEmpty else { return nil }
    return try HTTPServer(
      addresses: settings.inputs.webhook.listenAddresses, router: Router(routes), counters: counters, gate: gates.push)
  }

  /// Stops everything; what was read or pushed is counted.
  func stop() {
    logger.info("stopping")
    readiness.obstacle = "Stopping."
    filesWatch?.stop()
    inputs.stop()
    pushServer?.stop(graceMilliseconds: Self.graceMilliseconds)
    queue.close()
    engine.join()
    webServer.stop(graceMilliseconds: Self.graceMilliseconds)
    gates.stop()
    logger.info("stopped")
  }
}

/// What the scrapers' listener serves, put together.
struct WebWiring: Sendable {
  let router: Router
  /// Both listeners count in one place: the same answer of either is one series.
  let counters = HTTPCounters()

  init(
    settings: Settings, queue: BatchQueue, statuses: [InputStatus], reloader: Reloader, readiness: Readiness,
    clock: Clock
  ) {
    let metrics = SelfMetrics(
      inputs: statuses, queue: queue, http: counters, reloads: reloader.status)
    var options = ScrapeCoordinator.Options()
    options.waitingLimit = settings.web.requestsLimit == 0 ? .max : settings.web.requestsLimit
    let scrapes = ScrapeCoordinator(
      options: options, read: { reader in _ = queue.ask(.read(reader)) }, complete: { metrics.complete($0) })
    let startedAt = clock.now
    let page: @Sendable (Readings) -> [UInt8] = { readings in
      Page.render(
        PageModel(
          readings: readings, inputs: statuses.map { PageModel.Input(name: $0.name, status: $0.snapshot) },
          version: Version.version, startedAt: startedAt, now: clock.now, linkPrefix: settings.web.linkPrefix,
          telemetryPath: settings.web.telemetryPath, obstacle: readiness.obstacle))
    }
    var routes = WebRoutes(
      scrapes: scrapes, readiness: readiness, telemetryPath: settings.web.telemetryPath, page: page)
    if settings.web.isLifecycleEnabled { routes.reload = { tell in tell(reloader.reload()) } }
    routes.didScrape = { number in _ = queue.ask(.scraped(number)) }
    router = Router(prefix: settings.web.prefix, routes.all)
  }
}
