internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Inputs
internal import Logging
internal import State
internal import Transport

/// The inputs that run, with their threads, their endpoints and how they are doing.
final class RunningInputs: Sendable {
  /// An endpoint, and whose answers it counts.
  struct Push: Sendable {
    let endpoint: Endpoint
    let status: InputStatus
  }

  /// By the inputs' index.
  let statuses: [InputStatus]
  /// The inputs that do not work now.
  var namesDown: [String] { statuses.filter { !$0.snapshot.isUp }.map(\.name) }
  /// What the inputs want served to those who push.
  var endpoints: [Push] { parts.withLock { $0.endpoints } }

  private struct Parts {
    var threads: [NamedThread] = []
    var endpoints: [Push] = []
  }
  private let parts = Lock(Parts())
  private let stopSignal = StopSignal()
  private let saved: [StreamPosition]
  private let commits: CommitStatus
  /// What calls to clouds share.
  let calls = CallPolicy()

  /// - Parameter saved: where inputs were when the exporter ran before.
  init(_ names: [String], saved: [StreamPosition], commits: CommitStatus) {
    statuses = names.map { InputStatus(name: $0) }
    self.saved = saved
    self.commits = commits
  }

  /// Starts them all.
  func start(
    _ inputs: [any Input], cluster: String, queue: BatchQueue, clock: Clock, log: LogOutput
  ) throws(Failure) {
    for (index, input) in inputs.enumerated() {
      let status = statuses[index]
      let context = InputContext(
        index: index, queue: queue, clock: clock, stop: stopSignal, logger: log.logger(status.name), status: status,
        cluster: cluster,
        positions: saved.filter { $0.key.input == status.name }.map {
          InputPosition(stream: $0.key.stream, offset: $0.offset, mark: $0.mark)
        },
        calls: calls, admitsPushes: { [commits] in commits.admitsPushes },
        registerThread: { [parts] thread in parts.withLock { $0.threads.append(thread) } },
        registerEndpoint: { [parts] endpoint in
          parts.withLock { $0.endpoints.append(Push(endpoint: endpoint, status: status)) }
        })
      try input.start(in: context)
    }
  }

  /// Asks every thread to hand in what it read, and waits until they have returned.
  func stop() {
    stopSignal.raise()
    for thread in parts.withLock({ $0.threads }) { thread.join() }
  }
}
