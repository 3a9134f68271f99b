internal import Concurrency
internal import Counting
internal import Crypto
internal import Diagnostics
internal import Engine
import Glibc
internal import Inputs
internal import Metrics
internal import Rules

/// Counts archives through the same engine as `serve`, in one thread, and prints the result. The exit code out: 1 when an
/// archive could not be read to its end; what could be read is counted and printed all the same.
@Sendable func replay(_ options: ReplayOptions) -> Int32 {
  Heap.keep()
  for warning in options.pseudonyms?.warnings ?? [] { Console.standard.error(warning + "\n") }
  for remark in options.rules.map(RuleFiles.remarks) ?? [] { Console.standard.error(remark + "\n") }
  var run = ReplayRun(options)
  run.readAll()
  run.print()
  return run.hasFailed ? 1 : 0
}

/// One replay: the engine, and how far it is.
private struct ReplayRun: ~Copyable {
  private let options: ReplayOptions
  private var engine: Engine
  private let matches = Monitor<[DetectedMatch]>([])
  private var writer: MatchWriter?
  private var progress: ProgressBar
  private(set) var hasFailed = false

  init(_ options: ReplayOptions) {
    self.options = options
    var settings = options.settings.engine(inputs: ["replay"], rules: options.rules)
    settings.counting.followsEventTime = true
    settings.counting.maxLagSeconds = nil
    settings.counting.pseudonyms = options.pseudonyms?.pseudonyms
    if let format = options.matches {
      settings.whenMatched = { [matches] match in matches.withLock { $0.append(match) } }
      writer = MatchWriter(
        format, rules: options.rules?.rules ?? [], hasOutput: options.pseudonyms == nil,
        columns: Terminal.columns(STDOUT_FILENO), write: { Console.standard.out($0) })
    }
    engine = Engine(settings, key: .random())
    progress = ProgressBar(
      isShown: Terminal.isTerminal(STDERR_FILENO), columns: Terminal.columns(STDERR_FILENO), start: Clock.monotonic,
      write: { Console.standard.error($0) })
  }

  mutating func readAll() {
    let archives = options.files.map { Archive(path: $0, lineBytesLimit: options.settings.limits.eventBytes) }
    let sizes = archives.map(\.totalBytes)
    let total = sizes.contains { $0 == nil } ? nil : UInt64(sizes.reduce(0) { $0 + ($1 ?? 0) })
    var read: UInt64 = 0
    writer?.begin()
    for (index, archive) in archives.enumerated() {
      do throws(Failure) {
        try archive.read(stream: UInt64(index), cluster: options.settings.clusterName) { batch in
          engine.count(batch)
          writeMatches(of: archive.path)
          read += UInt64(batch.sourceBytes)
          progress.update(readBytes: read, totalBytes: total, now: Clock.monotonic)
        }
      } catch {
        hasFailed = true
        progress.finish()
        Console.standard.error(FailureReport.sentence(error) + "\n")
      }
    }
    progress.finish()
  }

  /// What the last batch had, so that no more than that is held.
  private mutating func writeMatches(of file: String) {
    guard writer != nil else { return }
    let found = matches.withLock { matches in
      defer { matches.removeAll(keepingCapacity: true) }
      return matches
    }
    for match in found { writer?.add(match, file: file) }
  }

  mutating func print() {
    if writer != nil {
      writer?.end()
      return
    }
    // The clock of a replay is the newest event.
    let readings = engine.readings(at: 0)
    switch options.format {
    case .table: Console.standard.out(ReplayReport(readings).table(columns: Terminal.columns(STDOUT_FILENO)))
    case .json: Console.standard.out(ReplayJSON.text(readings))
    case .openmetrics: Exposition.render(readings, as: .openMetrics) { Console.out($0) }
    }
  }
}
