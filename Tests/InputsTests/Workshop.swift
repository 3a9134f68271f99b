import AuditEvents
import Compression
import Concurrency
import Diagnostics
import Engine
import Glibc
import Logging

@testable import Inputs

/// A directory of its own, removed at the end, and what one does to logs in it.
final class Workshop {
  let path: String
  /// When a file was written last, nanoseconds since 1970. Later each time: many kernels tell two writes of the same four
  /// milliseconds by nothing, and no log is rotated as fast as here.
  private var lastWrite: Int64 = 0
  /// Of every file that was made here.
  private var keys: Set<FileKey> = []

  init() {
    var template = Array("/tmp/kae-inputs-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { fatalError("no temporary directory") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove(path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ text: String) { put(name, Array(text.utf8), O_TRUNC) }
  func write(_ name: String, _ bytes: [UInt8]) { put(name, bytes, O_TRUNC) }
  func append(_ name: String, _ text: String) { put(name, Array(text.utf8), O_APPEND) }
  func rename(_ from: String, _ to: String) { check(unsafe Glibc.rename(self(from), self(to)) == 0, "rename \(from)") }
  func delete(_ name: String) { check(unsafe unlink(self(name)) == 0, "unlink \(name)") }
  func truncate(_ name: String) {
    check(unsafe Glibc.truncate(self(name), 0) == 0, "truncate \(name)")
    stamp(name)
  }
  func directory(_ name: String) { check(unsafe mkdir(self(name), 0o755) == 0, "mkdir \(name)") }
  func mode(_ name: String, _ mode: mode_t) { check(unsafe chmod(self(name), mode) == 0, "chmod \(name)") }

  /// Points `name` at another file, as `ln -sfn` does.
  func link(_ name: String, to target: String) {
    check(unsafe symlink(self(target), self(name + ".new")) == 0, "symlink \(name)")
    rename(name + ".new", name)
  }

  func read(_ name: String) -> [UInt8] {
    guard let file = try? FileDescriptor.open(reading: self(name)), let size = try? file.facts.size else { return [] }
    return (try? file.bytes(at: 0, count: size)) ?? []
  }

  func exists(_ name: String) -> Bool { unsafe access(self(name), F_OK) == 0 }

  /// As logrotate does without a signal to the writer.
  func copyTruncate(_ name: String, to copy: String) {
    write(copy, read(name))
    truncate(name)
  }

  func gzip(_ name: String) {
    write(name + ".gz", Gzip.compress(read(name)))
    delete(name)
  }

  /// Writes at an offset, as a writer without O_APPEND does after a truncation.
  func write(_ name: String, at offset: Int, _ text: String) {
    let raw = unsafe open(self(name), O_WRONLY)
    let bytes = Array(text.utf8)
    check(unsafe pwrite(raw, bytes, bytes.count, off_t(offset)) == bytes.count, "pwrite \(name)")
    close(raw)
    stamp(name)
  }

  private func put(_ name: String, _ bytes: [UInt8], _ flag: Int32) {
    var raw = unsafe open(self(name), O_WRONLY | flag)
    if raw < 0, errno == ENOENT { raw = create(name) }
    check(raw >= 0, "open \(name)")
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(raw, $0.baseAddress.map { unsafe $0 + done }, bytes.count - done)
      }
      check(count > 0, "write \(name)")
      done += count
    }
    close(raw)
    stamp(name)
  }

  /// A file that no other was: one that takes over the number of a deleted one was born at another time, which some kernels
  /// tell in steps of four milliseconds.
  private func create(_ name: String) -> Int32 {
    while true {
      let raw = unsafe open(self(name), O_WRONLY | O_CREAT | O_EXCL, 0o644)
      guard raw >= 0, let key = try? FileFacts(path: self(name)).key, !keys.insert(key).inserted else { return raw }
      close(raw)
      delete(name)
    }
  }

  /// Has it written a moment later, until that shows.
  private func stamp(_ name: String) {
    while let time = try? FileFacts(path: self(name)).modified {
      if time > lastWrite { return lastWrite = time }
      check(unsafe utimensat(AT_FDCWD, self(name), nil, 0) == 0, "utimensat \(name)")
    }
  }

  private func check(_ holds: Bool, _ what: String) { if !holds { fatalError("\(what): \(SystemError.last.text)") } }

  private func remove(_ path: String) {
    if let listing = try? DirectoryListing(path) {
      var listing = listing
      var names: [String] = []
      while let entry = try? listing.next() { names.append(entry.name) }
      for name in names where unsafe unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
    }
    _ = unsafe rmdir(path)
  }
}

/// Takes batches as the engine does, and joins them into lines again.
final class Basin: BatchOutlet {
  struct State {
    var budget: Int
    var reserved = 0
    var largestReserved = 0
    var isClosed = false
    var streams: [UInt64: [UInt8]] = [:]
    var ended: Set<UInt64> = []
    var lines: [String] = []
    var fragments: [String] = []
    var clusters: Set<String> = []
    var sourceBytes = 0
    var gapBytes = 0
    var batches = 0
    var faults: [String] = []
    /// What the engine would keep.
    var positions: [String: InputPosition] = [:]
  }
  let state: Lock<State>
  private let kept = Lock((batches: 0, state: State?.none))

  /// Keeps what there is after so many more batches: a commit may fall between any two.
  func keepState(after batches: Int) { kept.withLock { $0 = (batches, nil) } }
  /// What was kept; nil when there were fewer.
  func takeKept() -> State? { kept.withLock { $0.state.take() } }

  init(budget: Int = 64 << 20) { state = Lock(State(budget: budget)) }

  var now: State { state.withLock { $0 } }
  var lines: [String] { now.lines }
  var fragments: [String] { now.fragments }

  func reserve(_ bytes: Int) -> Bool {
    state.withLock {
      guard $0.reserved == 0 || $0.reserved + bytes <= $0.budget else { return false }
      $0.reserved += bytes
      $0.largestReserved = max($0.largestReserved, $0.reserved)
      return true
    }
  }

  func release(_ bytes: Int) { state.withLock { $0.reserved -= bytes } }

  func put(_ batch: Batch) -> Bool {
    let bytes = unsafe batch.bytes.withBytes { unsafe Array($0) }
    return state.withLock { state in
      guard !state.isClosed else { return false }
      state.reserved -= batch.reservedBytes
      state.batches += 1
      state.sourceBytes += batch.sourceBytes
      state.clusters.insert(batch.cluster)
      for change in batch.positions {
        switch change {
        case .reached(let position), .noted(let position): state.positions[position.stream] = position
        case .gone(let stream): state.positions[stream] = nil
        case .lost(let bytes): state.gapBytes += bytes
        }
      }
      if batch.reservedBytes < bytes.count { state.faults.append("a batch holds less than its size") }
      switch batch.shape {
      case .stream(let id):
        if !bytes.isEmpty, bytes.last != 0x0A { state.faults.append("a piece does not end after a line break") }
        take(bytes, id, false, &state)
      case .endOfStream(let id): take(bytes, id, true, &state)
      case .body, .delivery: state.faults.append("a body from a file")
      }
      kept.withLock { kept in
        kept.batches -= 1
        if kept.batches == 0 { kept.state = state }
      }
      return true
    }
  }

  /// The process is killed: what came since `committed` is gone, and so are streams and reservations.
  func fallBack(to committed: State) {
    state.withLock { state in
      let budget = state.budget
      state = committed
      state.budget = budget
      state.reserved = 0
      state.ended = []
    }
  }

  private func take(_ bytes: [UInt8], _ id: UInt64, _ isLast: Bool, _ state: inout State) {
    if state.ended.contains(id) { state.faults.append("stream \(id) goes on after its end") }
    var parts = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    let rest = parts.removeLast()
    state.lines += parts.map { String(decoding: $0, as: UTF8.self) }
    guard isLast else { return }
    state.ended.insert(id)
    if !rest.isEmpty { state.fragments.append(String(decoding: rest, as: UTF8.self)) }
  }
}

/// A follower with everything around it, and a clock that the test holds.
final class Bench {
  private let settings: FileSettings
  private let logger: Logger
  let shop = Workshop()
  let basin: Basin
  let status = InputStatus(name: "file")
  private(set) var follower: Follower
  var now: Microseconds = 1_000_000_000

  init(_ patterns: [String], budget: Int = 64 << 20, _ change: (inout FileSettings) -> Void = { _ in }) {
    basin = Basin(budget: budget)
    var settings = FileSettings()
    settings.sources = patterns.map { [shop] in FileSettings.Source(pattern: shop($0)) }
    change(&settings)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    (self.settings, self.logger) = (settings, logger)
    follower = Follower(
      settings, outlet: basin, input: 0, cluster: "default", clock: .system, status: status, logger: logger)
  }

  /// Begins anew, for the first time: what was written so far was there before.
  func begin() {
    follower = Follower(
      settings, outlet: basin, input: 0, cluster: "default", clock: .system, status: status, logger: logger)
  }

  /// The process is killed, and another one goes on from what was committed.
  func restart(from committed: Basin.State) {
    basin.fallBack(to: committed)
    follower = Follower(
      settings, outlet: basin, input: 0, cluster: "default", clock: .system, status: status, logger: logger,
      positions: committed.positions.values.sorted { $0.stream < $1.stream })
  }

  /// Looks and reads until nothing is left to do, `seconds` later. It stays busy after so many steps only if it turns in
  /// circles.
  @discardableResult
  func poll(after seconds: Int64 = 1, stepsLimit: Int = 100_000) -> Follower.Outcome {
    now += seconds * 1_000_000
    var outcome = follower.step(at: now, isFullLook: true)
    var steps = 0
    while outcome == .busy, steps < stepsLimit {
      outcome = follower.step(at: now, isFullLook: false)
      steps += 1
    }
    return outcome
  }

  /// Lets all grace periods pass.
  func settle() {
    poll()
    for _ in 0..<6 { poll(after: 60) }
  }
}
