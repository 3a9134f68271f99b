internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging
internal import Rules

/// Reads the configuration again: on SIGHUP and on a POST to `/-/reload`, and the web configuration files by itself when one
/// of them, or a file that it names, has changed. What may change takes effect for the next batch, connection or request; a
/// configuration that is wrong, or that only a restart could take over, changes nothing.
final class Reloader: Sendable {
  private struct State {
    var settings: Settings
    var rules: RuleSet?
    /// What the rules need of a policy, by their names; nil until it is asked for.
    var neededPolicies: [String: [String]]?
    /// What the web configurations are made of, those included that could not be read.
    var files: [String]
    /// The last reload that somebody asked for did not succeed.
    var isBehind = false
  }

  let status: ReloadStatus
  private let load: @Sendable () throws(Failures) -> Settings
  private let state: Lock<State>
  private let isBusy = Monitor(false)
  private let gates: Gates
  private let inputs: [String]
  private let queue: BatchQueue
  private let log: LogOutput
  private let clock: Clock

  init(
    _ options: ServeOptions, gates: Gates, log: LogOutput, queue: BatchQueue, inputs: [String], clock: Clock
  ) {
    load = options.load
    state = Lock(State(settings: options.settings, rules: options.rules, files: options.listeners.files))
    self.gates = gates
    self.inputs = inputs
    self.queue = queue
    self.log = log
    self.clock = clock
    status = ReloadStatus(loadedAt: clock.now)
    warn(options.listeners)
  }

  /// For each rule in force that reads bodies, what an audit policy must have for it, as lines of YAML.
  var neededPolicies: [String: [String]] {
    let (known, rules) = state.withLock { ($0.neededPolicies, $0.rules) }
    if let known { return known }
    guard let rules else { return [:] }
    let found = Dictionary(zip(rules.rules.map(\.name), rules.neededPolicies)) { first, _ in first }
    state.withLock { $0.neededPolicies = found }
    return found
  }

  /// What `FilesWatch` looks at.
  var watchedFiles: [String] { state.withLock { $0.files } }

  /// Nil when the configuration is in force, else why it is not, for people.
  func reload() -> String? {
    alone {
      do throws(Failures) {
        let fresh = try load()
        let fixed = SettingsReader.needingRestart(state.withLock { $0.settings }, fresh)
        guard fixed.isEmpty else {
          throw Failures(
            fixed.map { key in
              Failure(
                .setting, "a reload cannot change it", at: .setting(key: key, file: nil, line: nil),
                remedy: "Restart, or take the change back")
            })
        }
        let rules = try fresh.detectionRules()
        _ = try replaceListeners(fresh)
        state.withLock {
          $0.settings = fresh
          $0.rules = rules
          $0.neededPolicies = nil
          $0.isBehind = false
        }
        log.set(format: fresh.log.format, level: fresh.log.level.logger)
        RuleFiles.tell(rules, log.logger())
        _ = queue.ask(.apply(fresh.engine(inputs: inputs, rules: rules)))
        status.succeeded(at: clock.now)
        log.logger().info("configuration reloaded")
        return nil
      } catch {
        state.withLock { $0.isBehind = true }
        return failed(error)
      }
    }
  }

  /// A file of the web configurations has changed: takes it over.
  func filesChanged() {
    if state.withLock({ $0.isBehind }) { return _ = reload() }
    _ = alone { () -> String? in
      do throws(Failures) {
        let isNew = try replaceListeners(state.withLock { $0.settings })
        let wasFailed = !status.isSuccessful
        guard isNew || wasFailed else { return nil }
        status.succeeded(at: clock.now)
        log.logger().info("web configuration reloaded")
        return nil
      } catch { return failed(error) }
    }
  }

  /// Answers whether the rules are other ones.
  private func replaceListeners(_ settings: Settings) throws(Failures) -> Bool {
    let (rules, files) = ListenerRules.read(settings)
    state.withLock { $0.files = files }
    let fresh = try rules.get()
    let isNew = try gates.replace(fresh, settings)
    if isNew { warn(fresh) }
    return isNew
  }

  private func warn(_ rules: ListenerRules) {
    let warnings = [
      ("web.config_file", rules.web.warnings), ("inputs.webhook.config_file", rules.push.warnings),
      ("inputs.firehose.access_keys", rules.keyWarnings),
    ]
    for (name, warnings) in warnings {
      for warning in warnings {
        log.logger().warning("web configuration", metadata: ["setting": "\(name)", "problem": "\(warning)"])
      }
    }
  }

  private func failed(_ error: Failures) -> String {
    status.failed()
    for failure in error.all {
      log.logger().error("configuration not reloaded", metadata: ["error": "\(FailureReport.sentence(failure))"])
    }
    return FailureReport.lines(error.all)
  }

  /// One reload at a time, whoever asks.
  private func alone(_ body: () -> String?) -> String? {
    isBusy.wait { isBusy -> Void? in
      if isBusy { return nil }
      isBusy = true
      return ()
    }
    defer { isBusy.update { $0 = false } }
    return body()
  }
}
