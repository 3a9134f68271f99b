internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging

/// Reads the configuration again: on SIGHUP and on a POST to `/-/reload`. What may change takes effect for the next batch; a
/// configuration that is wrong, or that only a restart could take over, changes nothing.
final class Reloader: Sendable {
  let status: ReloadStatus
  private let load: @Sendable () throws(Failures) -> Settings
  private let current: Lock<Settings>
  private let inputs: [String]
  private let queue: BatchQueue
  private let log: LogOutput
  private let clock: Clock

  init(_ options: ServeOptions, log: LogOutput, queue: BatchQueue, inputs: [String], clock: Clock) {
    load = options.load
    current = Lock(options.settings)
    self.inputs = inputs
    self.queue = queue
    self.log = log
    self.clock = clock
    status = ReloadStatus(loadedAt: clock.now)
  }

  /// Nil when the configuration is in force, else why it is not, for people.
  func reload() -> String? {
    let logger = log.logger()
    do throws(Failures) {
      let fresh = try load()
      let old = current.withLock { $0 }
      let fixed = SettingsReader.needingRestart(old, fresh)
      guard fixed.isEmpty else {
        throw Failures(
          fixed.map { key in
            Failure(
              .setting, "a reload cannot change it", at: .setting(key: key, file: nil, line: nil),
              remedy: "Restart, or take the change back")
          })
      }
      current.withLock { $0 = fresh }
      log.set(format: fresh.log.format, level: fresh.log.level.logger)
      _ = queue.ask(.apply(fresh.engine(inputs: inputs)))
      status.succeeded(at: clock.now)
      logger.info("configuration reloaded")
      return nil
    } catch {
      status.failed()
      let text = FailureReport.lines(error.all)
      for failure in error.all {
        logger.error("configuration not reloaded", metadata: ["error": "\(FailureReport.sentence(failure))"])
      }
      return text
    }
  }
}
