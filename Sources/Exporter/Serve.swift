internal import Concurrency
internal import Diagnostics
import Glibc
internal import Logging

/// Runs the exporter until it is told to stop: the exit code out.
@Sendable func serve(_ options: ServeOptions) -> Int32 {
  let log = LogOutput(format: options.settings.log.format, level: options.settings.log.level.logger)
  do throws(Failure) {
    // Before any other thread exists: they inherit the mask.
    let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
    signal(SIGPIPE, SIG_IGN)
    // A limit of file sizes is an error of writing like a full disk.
    signal(SIGXFSZ, SIG_IGN)
    Heap.useOne()
    let exporter = try RunningExporter(options, log: log)
    while true {
      let number = signals.next()
      guard number == SIGHUP else { break }
      _ = exporter.reloader.reload()
    }
    exporter.stop()
    return 0
  } catch {
    log.logger().error("cannot start", metadata: ["error": "\(FailureReport.sentence(error))"])
    return 1
  }
}
