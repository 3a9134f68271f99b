internal import Diagnostics
internal import Engine
internal import Inputs
internal import Metrics

/// The families that are not the engine's: how the inputs, the queue and the configuration are doing, read at any time.
struct LiveReadings: Sendable {
  let inputs: [InputStatus]
  let queue: BatchQueue
  let reloads: ReloadState

  /// Adds them to what the engine showed.
  func append(to readings: inout Readings) {
    for input in inputs { append(input.snapshot, name: input.name, to: &readings) }
    readings[.queueBytes] = SampleSet(Double(queue.reservedBytes))
    readings[.queueLimitBytes] = SampleSet(Double(queue.limitBytes))
    let last = reloads.last
    readings[.configReloadSuccessful] = SampleSet(last.wasSuccessful ? 1 : 0)
    readings[.configReloadSuccess] = SampleSet(seconds(last.lastSuccess))
  }

  private func append(_ status: InputStatus.Snapshot, name: String, to readings: inout Readings) {
    readings[.inputUp].append([(.input, name)], status.isUp ? 1 : 0)
    if let time = status.lastSuccess { readings[.inputLastSuccess].append([(.input, name)], seconds(time)) }
    readings[.sourceGapBytes].append([(.input, name)], Double(status.gapBytes))
    for (reason, count) in status.errors.sorted(by: { $0.key.label < $1.key.label }) {
      readings[.inputErrors].append([(.input, name), (.reason, reason.label)], Double(count))
    }
    for (code, count) in status.pushAnswers.sorted(by: { $0.key < $1.key }) {
      readings[.pushRequests].append([(.input, name), (.code, String(code))], Double(count))
    }
  }

  private func seconds(_ time: Microseconds) -> Double { Double(time) / 1_000_000 }
}
