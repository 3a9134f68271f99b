import AuditEvents
import Concurrency
import Counting
import Crypto
import Diagnostics
import Engine
import Glibc
import Inputs
import Metrics
import Rules
import State

/// How a file is counted.
struct Ways {
  let speculatesOrder: Bool
  let measuresPause: Bool
  let takesEpochs: Bool
  let keepsEvidence: Bool
  let rules: String?
}

/// Bytes between two epochs.
private let epochBytes = 4 << 20

/// Counts a file; answers the exit code.
func run(path: String, _ ways: Ways) -> Int32 {
  var counting = CountingSettings()
  counting.inputs = ["replay"]
  counting.followsEventTime = true
  counting.maxLagSeconds = nil
  counting.keepsEvidence = ways.keepsEvidence
  if ways.measuresPause {
    // As in `serve`; and room for as many series as somebody may want to measure.
    Heap.useOne()
    counting.limits.denied.inAll = 100_000
  }
  var settings = EngineSettings(counting: counting)
  settings.decoding.speculatesOrder = ways.speculatesOrder
  if let rules = ways.rules {
    do throws(Failures) { settings.detect(try RuleSet.load([RuleFile(name: rules, bytes: read(rules))])) } catch {
      print("\(rules): \(error.all.map(\.what))")
      return 1
    }
  }
  // A fixed key: the same run twice takes the same steps.
  let key = SipKey(1, 2)
  let state = ways.takesEpochs || ways.keepsEvidence ? SavedState(key: key) : nil
  guard var engine = try? state.map({ try Engine(settings, restoring: $0) }) ?? Engine(settings, key: key) else {
    return 1
  }
  var (taken, rows) = (0, 0)
  let archive = Archive(path: path, lineBytesLimit: settings.decoding.eventBytes)
  do throws(Failure) {
    try archive.read(stream: 0, cluster: "default") { batch in
      engine.count(batch)
      taken += batch.sourceBytes
      guard state != nil, taken >= epochBytes else { return }
      taken = 0
      rows += engine.takeChange().counting.evidence.count
    }
  } catch {
    print("\(path): \(error.what)")
    return 1
  }
  let start = busyMicroseconds()
  let readings = engine.readings(at: 0)
  let first = busyMicroseconds() - start
  report("events", readings, .eventsReceived)
  report("requests", readings, .requests)
  report("denied", readings, .deniedRequests)
  report("server_errors", readings, .serverErrors)
  report("rbac", readings, .rbacMutations)
  if ways.keepsEvidence { print("evidence \(rows)") }
  if ways.rules != nil { report("detections", readings, .detections) }
  if ways.measuresPause { reportPause(&engine, first: first) }
  return 0
}

/// A small file whole; nothing of one that cannot be read.
private func read(_ path: String) -> [UInt8] {
  guard let file = unsafe fopen(path, "r") else { return [] }
  defer { unsafe fclose(file) }
  var bytes: [UInt8] = []
  while case let byte = unsafe getc(file), byte >= 0 { bytes.append(UInt8(byte)) }
  return bytes
}

private func report(_ name: String, _ readings: Readings, _ family: FamilyID) {
  print("\(name)\t\(Int(readings[family].rows.reduce(0) { $0 + $1.value }))")
}

/// Time that this thread ran: whatever else the machine does meanwhile is not in it.
private func busyMicroseconds() -> Int {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// Microseconds that the engine's thread is busy with the readings of one scrape: the first, and 50 more.
private func reportPause(_ engine: inout Engine, first: Int) {
  var times: [Int] = []
  var rows = 0
  var series = 0
  for _ in 0..<50 {
    let start = busyMicroseconds()
    let readings = engine.readings(at: 0)
    times.append(busyMicroseconds() - start)
    rows = FamilyID.allCases.reduce(0) { $0 + readings[$1].rows.count }
    series = readings[.deniedRequests].rows.count { $0.value > 0 }
  }
  times.sort()
  print("denied_series\t\(series)")
  print("rows\t\(rows)")
  print("first_pause_us\t\(first)")
  print("pause_us\t\(times[0])\t\(times[times.count / 2])\t\(times[times.count - 1])")
}
