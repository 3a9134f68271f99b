internal import Concurrency
internal import Diagnostics
internal import Engine
import Glibc
internal import Inputs
internal import Metrics
internal import State
internal import Transport

/// What the exporter tells about itself and its inputs: everything on `/metrics` that is not the engine's.
struct SelfMetrics: Sendable {
  let inputs: [InputStatus]
  /// Calls to clouds, of all inputs.
  let calls: CallCounts
  let queue: BatchQueue
  let state: StateMetrics
  /// How clusters log; nil where nobody is asked.
  var posture: PostureMetrics?
  /// Of every listener.
  let http: HTTPCounters
  let reloads: ReloadStatus

  /// The readings of the engine with everything else as it is now.
  func complete(_ readings: Readings) -> Readings {
    var all = readings
    addInputs(to: &all)
    addClouds(to: &all)
    all[.queueBytes] = SampleSet(Double(queue.reservedBytes))
    all[.queueLimitBytes] = SampleSet(Double(queue.limitBytes))
    state.add(to: &all)
    posture?.add(to: &all)
    all[.buildInfo].append(Self.build, 1)
    reloads.add(to: &all)
    for (key, count) in http.all {
      all[.httpRequests].append([(.handler, key.handler), (.code, String(key.code))], Double(count))
    }
    ProcessStatistics.now().add(to: &all)
    return all
  }

  private static let build: [(Label, String)] = [
    (.version, Version.version), (.revision, Version.revision), (.branch, Version.branch),
    (.swiftversion, Version.swift),
    (.goos, Version.operatingSystem), (.goarch, Version.architecture),
  ]

  private func addInputs(to all: inout Readings) {
    for input in inputs {
      let now = input.snapshot
      let label = (Label.input, input.name)
      all[.inputUp].append([label], now.isUp ? 1 : 0)
      if let success = now.lastSuccess { all[.inputLastSuccess].append([label], Double(success) / 1e6) }
      for (reason, count) in now.errors.sorted(by: { $0.key.label < $1.key.label }) {
        all[.inputErrors].append([label, (.reason, reason.label)], Double(count))
      }
      for (code, count) in now.pushAnswers.sorted(by: { $0.key < $1.key }) {
        all[.pushRequests].append([label, (.code, String(code))], Double(count))
      }
    }
  }
}

// What is read of clouds.
extension SelfMetrics {
  fileprivate func addClouds(to all: inout Readings) {
    for (key, count) in calls.all.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      all[.cloudRequests].append(
        [
          (.cloudService, key.name.service), (.operation, key.name.operation), (.cloudRegion, key.name.region),
          (.outcome, key.outcome.rawValue),
        ], Double(count))
    }
    // Two targets may be of one account and region.
    let allScopes = inputs.flatMap(\.snapshot.scopes)
    let streams = Dictionary(grouping: allScopes.filter { $0.stream != nil }) {
      [$0.account, $0.region, $0.stream ?? ""]
    }
    for (place, scopes) in streams.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      guard let until = scopes.compactMap(\.readUntil).min() else { continue }
      all[.streamReadUntil].append(
        [(.cloudAccount, place[0]), (.cloudRegion, place[1]), (.stream, place[2])], Double(until) / 1e6)
    }
    let scopes = Dictionary(grouping: allScopes.filter { $0.stream == nil }) { [$0.account, $0.region] }
    for (place, scopes) in scopes.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let labels: [(Label, String)] = [(.cloudAccount, place[0]), (.cloudRegion, place[1])]
      let counts = scopes.map(\.groups).reduce(into: [String: Int]()) { $0.merge($1, uniquingKeysWith: +) }
      for (state, count) in counts.sorted(by: { $0.key < $1.key }) {
        all[.logGroups].append(labels + [(.state, state)], Double(count))
      }
      if let until = scopes.compactMap(\.readUntil).min() {
        all[.logGroupsReadUntil].append(labels, Double(until) / 1e6)
      }
    }
  }
}

/// How what was counted is kept.
struct StateMetrics: Sendable {
  let store: StateStore
  let commits: CommitStatus

  func add(to all: inout Readings) {
    let now = commits.snapshot
    all[.stateDurable] = SampleSet(store.isDurable ? 1 : 0)
    all[.stateCommitDuration] = SampleSet(now.durations)
    all[.stateCommitErrors] = SampleSet(Double(now.errors))
    if let last = now.lastCommit { all[.stateLastCommit] = SampleSet(Double(last) / 1e6) }
    if let bytes = store.sizeBytes { all[.stateSize] = SampleSet(Double(bytes)) }
    if let bytes = store.availableBytes { all[.stateFilesystemAvail] = SampleSet(Double(bytes)) }
  }
}

/// How the last attempt to load the configuration went. The first one succeeded, or there would be no exporter.
final class ReloadStatus: Sendable {
  private let state: Lock<(isSuccessful: Bool, success: Microseconds)>

  init(loadedAt time: Microseconds) { state = Lock((true, time)) }

  func succeeded(at time: Microseconds) { state.withLock { $0 = (true, time) } }
  var isSuccessful: Bool { state.withLock { $0.isSuccessful } }
  func failed() { state.withLock { $0.isSuccessful = false } }

  func add(to all: inout Readings) {
    let now = state.withLock { $0 }
    all[.configReloadSuccessful] = SampleSet(now.isSuccessful ? 1 : 0)
    all[.configReloadSuccess] = SampleSet(Double(now.success) / 1e6)
  }
}

/// The process as Linux sees it. A value that cannot be read is nil and not shown.
///
/// - Units: seconds and bytes.
/// - Source: proc(5), getrusage(2), getrlimit(2); names as in client_golang's process collector.
struct ProcessStatistics: Sendable {
  var cpuSeconds: Double?
  var openFDs: Double?
  var maxFDs: Double?
  var virtualBytes: Double?
  var virtualMaxBytes: Double?
  var residentBytes: Double?
  var startTimeSeconds: Double?

  static func now() -> ProcessStatistics {
    var now = ProcessStatistics()
    var usage = rusage()
    if unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
      now.cpuSeconds = [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
    now.openFDs = openDescriptors()
    now.maxFDs = limit(RLIMIT_NOFILE)
    now.virtualMaxBytes = limit(RLIMIT_AS)
    let pages = ProcFile.text("/proc/self/statm").split(separator: " ").map { Double($0) ?? 0 }
    if pages.count > 1 {
      let pageBytes = Double(sysconf(Int32(_SC_PAGESIZE)))
      (now.virtualBytes, now.residentBytes) = (pages[0] * pageBytes, pages[1] * pageBytes)
    }
    now.startTimeSeconds = startTime
    return now
  }

  func add(to all: inout Readings) {
    let values: [(FamilyID, Double?)] = [
      (.processCPU, cpuSeconds), (.processOpenFDs, openFDs), (.processMaxFDs, maxFDs),
      (.processVirtualMemory, virtualBytes), (.processVirtualMemoryMax, virtualMaxBytes),
      (.processResidentMemory, residentBytes), (.processStartTime, startTimeSeconds),
    ]
    for (family, value) in values { if let value { all[family] = SampleSet(value) } }
  }

  /// Since when the process runs, Unix time: the machine's start plus the ticks until the process began.
  static let startTime: Double? = {
    // The name stands in brackets and may hold anything; the fields behind the last one are numbers.
    let fields = ProcFile.text("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let boot = ProcFile.text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
    guard fields.count > 19, let ticks = Double(fields[19]), let bootTime = boot.flatMap({ Double($0.dropFirst(6)) })
    else { return nil }
    return bootTime + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }()

  private static func limit(_ resource: __rlimit_resource) -> Double? {
    var limits = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limits) == 0 else { return nil }
    return Double(limits.rlim_cur)
  }

  private static func openDescriptors() -> Double? {
    guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
    defer { unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without ".", ".." and the folder's own descriptor.
    return Double(count - 3)
  }
}

/// Small files of the kernel.
enum ProcFile {
  private static let bytesLimit = 1 << 20

  /// The beginning of the file; empty when it cannot be read.
  static func text(_ path: String) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesLimit)
    var count = 0
    while count < bytes.count {
      let more = unsafe bytes[count...].withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if more <= 0 { break }
      count += more
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
