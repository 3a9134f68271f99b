import AuditEvents
import Counting
import Crypto
import Diagnostics
import Engine
import Inputs
import Metrics

/// Counts a file; answers the exit code.
func run(path: String, speculatesOrder: Bool, measuresPause: Bool) -> Int32 {
  var counting = CountingSettings()
  counting.inputs = ["replay"]
  counting.followsEventTime = true
  counting.maxLagSeconds = nil
  var settings = EngineSettings(counting: counting)
  settings.decoding.speculatesOrder = speculatesOrder
  // A fixed key: the same run twice takes the same steps.
  var engine = Engine(settings, key: SipKey(1, 2))
  let archive = Archive(path: path, lineBytesLimit: settings.decoding.eventBytes)
  do throws(Failure) {
    try archive.read(stream: 0, cluster: "default") { batch in engine.count(batch) }
  } catch {
    print("\(path): \(error.what)")
    return 1
  }
  let start = Clock.monotonic
  let readings = engine.readings(at: 0)
  let first = Clock.monotonic - start
  report("events", readings, .eventsReceived)
  report("requests", readings, .requests)
  report("denied", readings, .deniedRequests)
  report("server_errors", readings, .serverErrors)
  report("rbac", readings, .rbacMutations)
  if measuresPause { reportPause(&engine, first: first) }
  return 0
}

private func report(_ name: String, _ readings: Readings, _ family: FamilyID) {
  print("\(name)\t\(Int(readings[family].rows.reduce(0) { $0 + $1.value }))")
}

/// Microseconds that the engine's thread is busy with the readings of one scrape: the first, and 50 more.
private func reportPause(_ engine: inout Engine, first: Int64) {
  var times: [Int64] = []
  var rows = 0
  for _ in 0..<50 {
    let start = Clock.monotonic
    let readings = engine.readings(at: 0)
    times.append(Clock.monotonic - start)
    rows = FamilyID.allCases.reduce(0) { $0 + readings[$1].rows.count }
  }
  times.sort()
  print("rows\t\(rows)")
  print("first_pause_us\t\(first)")
  print("pause_us\t\(times[0])\t\(times[times.count / 2])\t\(times[times.count - 1])")
}
