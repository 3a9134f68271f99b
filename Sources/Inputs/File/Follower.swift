internal import AuditEvents
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging
import Glibc

/// Follows files through everything that is done to logs, and hands over their lines once each.
///
/// A state machine: `step` looks at the files, reads a piece of each that has something, and returns; it never waits. A
/// file is what the inode says, confirmed by its content; names only lead to it. So a renamed file goes on, a new one
/// under an old name begins, and no file is read twice whatever it is called.
///
/// - Limit: at most `openFilesLimit` files are open; for each other file a record of about 200 bytes remains while it
///   exists (and for at most `forgottenRecordsLimit` that no longer do).
/// - Not seen: bytes written between the last look and a truncation, unless a copy of them was made beside the file;
///   they are counted as far as they were seen.
final class Follower {
  enum Outcome: Equatable {
    /// There is more to do at once.
    case busy
    /// There is more, but the queue has no room.
    case noRoom
    /// Everything that is there was read.
    case idle
    /// Nothing more will come: everything was read and nothing is followed, or the queue was closed.
    case ended
  }

  /// What is kept about files that are gone.
  static let forgottenRecordsLimit = 10_000

  let settings: FileSettings
  let patterns: [FilePattern]
  let outlet: any BatchOutlet
  let input: Int
  let clock: Clock
  let status: InputStatus
  let logger: Logger

  var open: [Generation] = []
  var known = FileRegistry()
  var families: [String: Family] = [:]
  /// Directories whose backups were noted when they were first seen.
  var notedDirectories: Set<String> = []
  var faults = FaultBook()
  /// Whether something was rotated, so that its traces are looked for at the next step.
  var wantsSearch = false
  /// Paths under which another file is likely by now, looked at by the next step.
  var revisited: Set<String> = []
  var missingSince: [String: Microseconds] = [:]
  /// Truncated files whose copies cannot be looked for, and since when.
  var copiesSoughtSince: [FileKey: Microseconds] = [:]

  /// What an earlier run left.
  private(set) var saved = SavedPositions()
  /// Files whose content is known from elsewhere, and files that are gone: told with the next batch.
  var positionChanges: [PositionChange] = []

  private var walks: [PatternWalk] = []
  private var pending: ArraySlice<PatternWalk.Found> = []
  var scan: UInt32 = 0
  private(set) var hasScannedOnce = false
  private(set) var isScanning = false
  /// Whether something could not be looked at in this scan: what it has not met may be there all the same.
  private var isScanIncomplete = false
  private(set) var directories: Set<String> = []

  private var nextStream: UInt64 = 0
  var isClosed = false

  /// - Parameter positions: where an earlier run was.
  init(
    _ settings: FileSettings, outlet: any BatchOutlet, input: Int, cluster: String, clock: Clock, status: InputStatus,
    logger: Logger, positions: [InputPosition] = []
  ) {
    self.settings = settings
    self.outlet = outlet
    self.input = input
    self.clock = clock
    self.status = status
    self.logger = logger
    patterns = settings.sources.map { FilePattern($0.pattern, cluster: $0.cluster ?? cluster) }
    for position in positions { restore(position) }
    if saved.since == nil {
      positionChanges.append(.noted(SavedPositions.firstRun(at: clock.now)))
      saved.beginFirstRun(at: clock.now)
    }
  }

  private func restore(_ position: InputPosition) {
    guard !saved.takeFirstRun(position) else { return }
    guard let found = SavedPosition(position) else {
      logger.warning("a saved position cannot be read", metadata: ["stream": "\(position.stream)"])
      return
    }
    known[found.key] = found.record
    remember(found.record, of: found.key, under: found.base)
    saved.add(found)
  }

  /// Does what can be done now.
  ///
  /// - Parameters:
  ///   - now: microseconds of a clock that never steps back.
  ///   - changed: paths that are said to have changed.
  ///   - isFullLook: look at everything instead.
  func step(at now: Microseconds, changed: Set<String> = [], isFullLook: Bool) -> Outcome {
    observe(now)  // first: what is seen of a truncated file decides what a copy of it is
    if isFullLook, !isScanning { beginScan() }
    continueScan(now)
    for pattern in patterns where pattern.isLiteral { look(at: pattern.text, pattern, nil, now) }
    let named = changed.union(revisited)
    revisited = []
    for path in named.sorted() {
      if let pattern = patterns.first(where: { !$0.isLiteral && $0.matches(path) }) {
        look(at: path, pattern, nil, now)
      }
    }
    if !isScanning { hasScannedOnce = true }
    if isFullLook || wantsSearch { searchSiblings(now) }
    let outcome = readRound(now)
    tellChanges()
    if isFullLook { publish() }
    if isClosed { return .ended }
    return outcome == .idle && !revisited.isEmpty ? .busy : outcome
  }

  // MARK: - Looking

  private func beginScan() {
    scan &+= 1
    isScanning = true
    isScanIncomplete = false
    walks = patterns.filter { !$0.isLiteral }.map { pattern in
      PatternWalk(pattern) { [self] path, error in
        fault(path, error)
        isScanIncomplete = true
      }
    }
    directories = Set(walks.flatMap(\.directories))
    for pattern in patterns where pattern.isLiteral { directories.insert(PathParts(pattern.text).directory) }
    for directory in directories.sorted() where notedDirectories.insert(directory).inserted {
      if !noteBackups(in: directory) { notedDirectories.remove(directory) }
    }
  }

  private func continueScan(_ now: Microseconds) {
    while isScanning {
      if pending.isEmpty {
        guard let walk = walks.first else { return endScan() }
        guard let piece = walk.next() else {
          walks.removeFirst()
          continue
        }
        pending = piece[...]
      }
      while let found = pending.first, let pattern = walks.first?.pattern {
        guard look(at: found.path, pattern, found.facts, now) else { return }
        pending.removeFirst()
      }
    }
  }

  private func endScan() {
    isScanning = false
    faults.forget(before: scan)
    guard !isScanIncomplete else { return }
    let current = scan
    let isLive = { (record: FileRecord) in record.scan == current || record.isOpen }
    if known.count - known.count(where: isLive) > Self.forgottenRecordsLimit {
      positionChanges += known.keepOnly(where: isLive).map { .gone(stream: SavedPosition.stream(of: $0)) }
    }
  }

  /// Looks at one path. False when it could not be opened only because too many files are.
  @discardableResult
  private func look(at path: String, _ pattern: FilePattern, _ seen: FileFacts?, _ now: Microseconds) -> Bool {
    do throws(SystemError) {
      let facts = if let seen { seen } else { try FileFacts(path: path) }
      missingSince[path] = nil
      guard facts.isRegular else {
        fault(path, .notAFile, "it is a directory, a device or a pipe")
        return true
      }
      claim(facts.key)
      guard var record = known[facts.key] else { return try openNew(path, pattern, facts, now) }
      record.scan = scan
      known[facts.key] = record
      if record.isOpen {
        returned(facts.key, to: path)
        return true
      }
      if record.seenSize != facts.size || record.seenModified != facts.modified {
        switch try reopen(record, facts, path: path, cluster: pattern.cluster, now) {
        case .opened: break
        case .noRoom: return false
        case .different:
          known[facts.key] = nil
          return try openNew(path, pattern, facts, isAnew: true, now)
        }
      }
      recovered(path)
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { missing(path, pattern, now) } else { fault(path, error) }
    }
    return true
  }

  /// A path leads to a file that is open. One that was thought to leave may be back under its name.
  private func returned(_ key: FileKey, to path: String) {
    guard let generation = open.first(where: { $0.key == key }) else { return }
    if !generation.isFaulty { recovered(path) }
    guard generation.phase == .leaving else { return }
    if generation.path == path || patterns.contains(where: { $0.isLiteral && $0.text == path }) {
      generation.path = path
      generation.phase = .live
    }
  }

  /// Takes over what is known of a file that lay on another device before the restart.
  func claim(_ key: FileKey) {
    guard known[key] == nil, let former = saved.formerKey(of: key), let record = known[former], !record.isOpen else {
      return
    }
    known[former] = nil
    known[key] = record
    positionChanges.append(.gone(stream: SavedPosition.stream(of: former)))
  }

  /// - Parameter isAnew: the file is known, and holds something else now.
  private func openNew(
    _ path: String, _ pattern: FilePattern, _ seen: FileFacts, isAnew: Bool = false, _ now: Microseconds
  ) throws(SystemError) -> Bool {
    if hasScannedOnce || saved.since != nil {
      switch try familiarity(of: path, seen) {
      case .copy(let record):
        ignore(record, seen.key, path)
        return true
      case .undecided: return true
      case .new: break
      }
    }
    guard makeRoom() else { return false }
    let file = try FileDescriptor.open(reading: path)
    let facts = try file.facts
    guard known[facts.key] == nil else { return true }  // another file by now, and a known one: the next look sees it
    if hasScannedOnce { logger.info("reading a new file", metadata: ["path": "\(path)"]) }
    let isAtEnd = settings.start == .end && !hasScannedOnce && !isAnew && !saved.isNew(facts.key)
    if isAtEnd, try ContentHead.read(file).isGzip {
      ignore(try ignoredRecord(file), facts.key, path)
      return true
    }
    let source = isAtEnd ? try FileSource(atEndOf: file) : FileSource(file)
    let generation = add(
      facts, path: path, base: family(of: path), cluster: pattern.cluster, source: source, now)
    // In the middle of a line: its rest would be no event.
    if isAtEnd { generation.cutter.isSkipping = !(generation.source.position.tail.last.map { $0 == 0x0A } ?? true) }
    announce(generation)
    recovered(path)
    return true
  }

  enum Reopening { case opened, noRoom, different }

  /// Opens a file again that was closed at its end, or that was found aside with something unread.
  func reopen(
    _ record: FileRecord, _ seen: FileFacts, path: String, cluster: String, _ now: Microseconds
  ) throws(SystemError) -> Reopening {
    guard makeRoom() else { return .noRoom }
    let file = try FileDescriptor.open(reading: path)
    let facts = try file.facts
    guard facts.key == seen.key else { return .opened }  // another file by now: the next look sees it
    guard var source = try FileSource(file, resuming: record) else {
      let base = family(of: path)
      if try !readCopy(of: record, key: facts.key, base: base, cluster: cluster, now) {
        logger.info("the file was written anew", metadata: ["path": "\(path)"])
        if !record.isIgnored { lose(record.seenSize - record.offset) }
      }
      remember(record, of: facts.key, under: base)
      return .different
    }
    if record.isIgnored {
      known[seen.key]?.seenSize = facts.size
      known[seen.key]?.seenModified = facts.modified
      return .opened
    }
    if !record.isGzip { try source.rewind(record.repeatedBytes) }
    resume(record, facts, path: path, base: family(of: path), cluster: cluster, source: source, now)
    return .opened
  }

  @discardableResult
  private func resume(
    _ record: FileRecord, _ facts: FileFacts, path: String, base: String, cluster: String,
    source: consuming FileSource, _ now: Microseconds
  ) -> Generation {
    let generation = add(facts, path: path, base: base, cluster: cluster, source: source, stream: record.stream, now)
    generation.cutter.isSkipping = record.isSkipping && record.repeatedBytes == 0
    generation.isSaved = record.isSaved
    return generation
  }

  /// Takes over a file that is open already and has no path, to be read to its end: from where it was counted to, if it
  /// was begun before.
  ///
  /// - Parameter name: for people.
  func adopt(
    _ file: consuming FileDescriptor, name: String, cluster: String, at now: Microseconds
  ) throws(SystemError) {
    let facts = try file.facts
    claim(facts.key)
    let generation: Generation
    if let record = known[facts.key], var source = try FileSource(try file.duplicate(), resuming: record) {
      if !record.isGzip { try source.rewind(record.repeatedBytes) }
      generation = resume(record, facts, path: name, base: name, cluster: cluster, source: source, now)
    } else {
      // What was read of it before, if anything, is no longer in it.
      if let record = known[facts.key] { lose(record.seenSize - record.offset) }
      generation = add(facts, path: name, base: name, cluster: cluster, source: FileSource(file), now)
      announce(generation)
    }
    generation.phase = .leaving
  }

  @discardableResult
  func add(
    _ facts: FileFacts, path: String, base: String, cluster: String, source: consuming FileSource,
    stream: UInt64? = nil, _ now: Microseconds
  ) -> Generation {
    let cutter = LineCutter(chunkBytes: settings.chunkBytes, lineBytesLimit: settings.lineBytesLimit)
    let generation = Generation(
      facts, path: path, base: base, cluster: cluster, stream: stream ?? newStream(), source: source, cutter: cutter,
      now: now)
    generation.hasSent = stream != nil
    open.append(generation)
    noteOpen(generation)
    return generation
  }

  func noteOpen(_ generation: Generation) {
    var record = FileRecord()
    record.isOpen = true
    record.scan = scan
    known[generation.key] = record
  }

  func newStream() -> UInt64 {
    defer { nextStream += 1 }
    return nextStream
  }

  // MARK: - Observing what is open

  private func observe(_ now: Microseconds) {
    for generation in open where generation.phase != .ending {
      do throws(SystemError) {
        if generation.phase == .live {
          let facts = try FileFacts(path: generation.path)
          if facts.key == generation.key { try compare(generation, facts, now) } else { leave(generation, now) }
        }
      } catch {
        if error.code == ENOENT || error.code == ENOTDIR {
          leave(generation, now)
        } else {
          fault(generation.path, error)
        }
      }
      do throws(SystemError) {
        if generation.phase == .leaving { try compare(generation, generation.source.facts, now) }
      } catch { fault(generation.path, error) }
    }
  }

  /// Takes note of how an open file looks now. What was changed must still hold what was read.
  private func compare(_ generation: Generation, _ facts: FileFacts, _ now: Microseconds) throws(SystemError) {
    guard generation.note(facts) else { return }
    do throws(SystemError) {
      if try generation.source.isAsBefore() { return }
    } catch {
      generation.seenModified = .min  // looked at once more
      throw error
    }
    replaced(generation, now)
  }

  private func leave(_ generation: Generation, _ now: Microseconds) {
    generation.phase = .leaving
    generation.quietSince = now
    logger.info(
      "rotated away or deleted; reading it to its end",
      metadata: ["path": "\(generation.path)", "bytes": "\(generation.source.position.offset)"])
    wantsSearch = true
    revisited.insert(generation.path)
  }
}
