internal import AWS
internal import Concurrency
internal import Diagnostics
internal import Logging
internal import Posture
internal import Transport

/// The threads that ask clouds how clusters log, one for each target.
final class RunningPosture: Sendable {
  let metrics: PostureMetrics

  private let settings: PostureSettings
  private let calls: CallPolicy
  private let clock: Clock
  private let stopSignal = StopSignal()
  private let threads = Lock<[NamedThread]>([])

  init(_ settings: Settings, calls: CallPolicy, clock: Clock) {
    self.settings = settings.posture
    self.calls = calls
    self.clock = clock
    metrics = PostureMetrics(
      status: PostureStatus(targets: settings.posture.targets.count), arrival: settings.arrival, clock: clock)
  }

  /// - Errors: reason `transport_library`, `signing_library`, or `credentials_…` of a link that is set up wrongly.
  func start(logger: Logger) throws(Failure) {
    let environment = ProcessEnvironment.current()
    let chain = try CredentialChain(environment)
    let base = try chain.source()
    // What is missing on this machine is said now, and not by each thread.
    _ = try AWSSession.make(environment, policy: calls, stop: stopSignal)
    let homeRegion = chain.region
    for (index, target) in settings.targets.enumerated() {
      logger.info(
        "looking how clusters log",
        metadata: [
          "region": "\(target.place.region)", "role": "\(target.place.roleARN ?? "")",
          "credentials": "\(target.place.source(base).link.rawValue)",
        ])
      let thread = try NamedThread("posture-\(index)") { [settings, calls, clock, stopSignal, metrics] in
        do throws(Failure) {
          let session = try AWSSession.make(environment, policy: calls, stop: stopSignal)
          PostureWatch(
            session, settings, index: index, base: base, homeRegion: homeRegion, status: metrics.status,
            counts: calls.counts, clock: clock, stop: stopSignal, logger: logger
          ).run()
        } catch {
          logger.error("cannot look how clusters log", metadata: ["error": "\(FailureReport.sentence(error))"])
        }
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Asks every thread to end.
  func raiseStop() { stopSignal.raise() }

  /// Waits until they have ended.
  func join() { for thread in threads.withLock({ $0 }) { thread.join() } }
}
