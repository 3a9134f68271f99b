internal import Compression
internal import Concurrency
internal import Metrics

/// Whether the exporter does its work, as `/-/ready` tells it: docs/reliability.md, "Ready and healthy".
final class Readiness: Sendable {
  private static let notCommitting =
    "Nothing can be committed: pushed events are refused and counters stand still until it succeeds. Scrapes go on."

  private let reason = Lock<String?>("Starting.")
  private let admitsPushes: @Sendable () -> Bool
  /// The inputs that do not work now. They take no readiness away: nobody serves their events better by going elsewhere.
  let inputsDown: @Sendable () -> [String]

  /// - Parameter admitsPushes: whether what is pushed now can be committed.
  init(
    admitsPushes: @escaping @Sendable () -> Bool = { true }, inputsDown: @escaping @Sendable () -> [String] = { [] }
  ) {
    self.admitsPushes = admitsPushes
    self.inputsDown = inputsDown
  }

  /// Nil when ready, else why not. Set it for as long as the exporter starts or stops.
  var obstacle: String? {
    get { reason.withLock { $0 } ?? (admitsPushes() ? nil : Self.notCommitting) }
    set { reason.withLock { $0 = newValue } }
  }
}

/// What is served for scrapers and people: `/metrics`, `/-/healthy`, `/-/ready`, `/-/reload`, the page at `/`, and evidence.
struct WebRoutes: Sendable {
  /// Loads the configuration anew and tells what happened, on any thread: nil when it is in force, else why it is not.
  typealias Reload = @Sendable (@escaping @Sendable (String?) -> Void) -> Void

  var scrapes: ScrapeCoordinator
  /// Readings for the page.
  var views: ScrapeCoordinator
  var readiness: Readiness
  /// `--web.telemetry-path`.
  var telemetryPath = "/metrics"
  /// Nil unless `--web.enable-lifecycle`.
  var reload: Reload?
  /// Called with the number of readings that a scraper gets.
  var didScrape: @Sendable (UInt32) -> Void = { _ in }
  /// Writes the page for people.
  var page: @Sendable (Readings) -> [UInt8]
  /// Nil where none is kept.
  var evidence: EvidenceRoutes?

  /// All routes. A telemetry path of `/` takes the page's place.
  var all: [Route] {
    var routes = [metrics, healthy, ready, reloading]
    if telemetryPath != "/" { routes.append(front) }
    return routes + (evidence?.all ?? [])
  }

  private var metrics: Route {
    Route(telemetryPath) { [scrapes, didScrape] request, responder in
      let wish = Negotiation(accept: request.header("accept"), acceptEncoding: request.header("accept-encoding"))
      scrapes.answer(responder) { snapshot in
        let packed = snapshot.page(wish.format.rawValue) { readings, page in
          didScrape(readings.number)
          Exposition.render(readings, as: wish.format) { page.feed($0) }
        }
        return HTTPResponse(200, headers: [("Content-Type", wish.contentType)], packed: packed, wish.encoding)
      }
    }
  }

  private var front: Route {
    Route("/") { [views, page] request, responder in
      let wish = Negotiation(accept: nil, acceptEncoding: request.header("accept-encoding"))
      views.answer(responder) { snapshot in
        let packed = snapshot.page("page") { $1.feed(page($0)) }
        return HTTPResponse(200, page: packed, wish.encoding)
      }
    }
  }

  private var healthy: Route {
    Route("/-/healthy") { _, responder in responder.answer(.text(200, "kube-audit-exporter is healthy.")) }
  }

  private var ready: Route {
    Route("/-/ready") { [readiness] _, responder in
      if let obstacle = readiness.obstacle {
        responder.answer(.unavailable(obstacle))
      } else {
        let faults = readiness.inputsDown().map {
          "\nInput \($0) does not work now: see its log and kube_audit_input_errors_total."
        }
        responder.answer(.text(200, "kube-audit-exporter is ready." + faults.joined()))
      }
    }
  }

  private var reloading: Route {
    Route("/-/reload", methods: ["POST", "PUT"]) { [reload] _, responder in
      guard let reload else {
        let hint = "Reloading over HTTP is off. Start with --web.enable-lifecycle, or send SIGHUP."
        return _ = responder.answer(.text(403, hint))
      }
      reload { failure in
        responder.answer(
          failure.map { .text(500, "The configuration was not reloaded: \($0)") } ?? .text(200, "Reloaded."))
      }
    }
  }
}
