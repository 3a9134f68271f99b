internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging
import Glibc

/// What is remembered of the files that were written under one path.
struct Family {
  /// The most earlier files remembered: kube-apiserver keeps 100 backups.
  static let pastLimit = 128

  /// The oldest first.
  private(set) var past: [(key: FileKey, record: FileRecord)] = []

  mutating func add(_ record: FileRecord, of key: FileKey) {
    // A file that is only added to begins as it did; one that was written anew is another.
    if let at = past.firstIndex(where: { $0.key == key && record.offset >= $0.record.offset }) { past.remove(at: at) }
    if past.count >= Self.pastLimit { past.removeFirst() }
    past.append((key, record))
  }
}

/// Whether a file that was never seen holds what was read elsewhere.
enum Familiarity {
  case new
  /// It does; this is what to remember of it.
  case copy(FileRecord)
  /// It is still being written and may become a copy.
  case undecided
}

/// Rotation leaves its traces beside the live file: generations that came and went between two looks, copies made
/// before a truncation, compressed forms of what was read. The first are read, the others must not be.
extension Follower {
  /// The most paths whose rotations are remembered.
  private static let familiesLimit = 4096

  /// Notes the beginning of a file that is left, so that a copy or a compressed form of it is known when it turns up.
  func remember(_ record: FileRecord, of key: FileKey, under base: String) {
    if families[base] == nil, families.count >= Self.familiesLimit {
      let idle = families.keys.first { base in !open.contains { $0.base == base } }
      if let idle { families[idle] = nil }
    }
    families[base, default: Family()].add(record, of: key)
  }

  /// Looks for generations that nobody has read beside the paths that are followed.
  func searchSiblings(_ now: Microseconds) {
    wantsSearch = false
    // Whether a backup was there before us is known only where they were noted.
    for directory in directories.sorted() where notedDirectories.contains(directory) {
      do throws(SystemError) {
        for found in try siblings(in: directory) { take(found, now) }
      } catch { if !error.isRefusal { fault(directory, error) } }
    }
  }

  private func take(_ found: PatternWalk.Found, _ now: Microseconds) {
    // What a pattern matches is looked at under its own name.
    guard !isFollowed(found.path) else { return }
    let base = family(of: found.path)
    let cluster = patterns.first { $0.matches(base) }?.cluster ?? patterns.first?.cluster ?? ""
    claim(found.facts.key)
    do throws(SystemError) {
      if let record = known[found.facts.key] {
        known[found.facts.key]?.scan = scan
        guard !record.isOpen, !record.isIgnored,
          record.seenSize != found.facts.size || record.seenModified != found.facts.modified
        else { return }
        switch try reopen(record, found.facts, path: found.path, cluster: cluster, now) {
        case .opened:
          open.last { $0.key == found.facts.key }?.phase = .leaving
          return
        case .noRoom: return wantsSearch = true
        case .different: known[found.facts.key] = nil
        }
      }
      switch try familiarity(of: found.path, found.facts) {
      case .undecided: return
      case .copy(let record): ignore(record, found.facts.key, found.path)
      case .new:
        guard makeRoom() else { return wantsSearch = true }
        let file = try FileDescriptor.open(reading: found.path)
        let facts = try file.facts
        guard known[facts.key] == nil else { return }
        logger.info("reading a rotated file", metadata: ["path": "\(found.path)"])
        let generation = add(facts, path: found.path, base: base, cluster: cluster, source: FileSource(file), now)
        generation.phase = .leaving
        announce(generation)
      }
    } catch { if error.code != ENOENT { fault(found.path, error) } }
  }

  /// Files named like backups of a path that is followed (`base` alone, when given), the one written first at the
  /// front.
  private func siblings(
    in directory: String, of base: String? = nil
  ) throws(SystemError) -> [PatternWalk.Found] {
    var listing = try DirectoryListing(directory)
    var found: [PatternWalk.Found] = []
    while let entry = try listing.next() {
      let path = PathParts.join(directory, entry.name)
      let family = family(of: path)
      guard family != path, base == nil || family == base else { continue }
      do throws(SystemError) {
        let facts = try FileFacts(path: path)
        if facts.isRegular { found.append(PatternWalk.Found(path: path, facts: facts)) }
      } catch { if error.code != ENOENT { throw error } }
    }
    return found.sorted { ($0.facts.modified, $0.path) < ($1.facts.modified, $1.path) }
  }

  /// The followed path that a file was written under, as far as its name tells: its own when it is named like no
  /// backup.
  func family(of path: String) -> String {
    let parts = PathParts(path)
    let bases = BackupName.liveNames(of: parts.name).map { PathParts.join(parts.directory, $0) }
    return bases.filter(isFollowed).min { $0.utf8.count < $1.utf8.count } ?? path
  }

  /// Whether a pattern matches the path.
  func isFollowed(_ path: String) -> Bool { patterns.contains { $0.matches(path) } }

  // MARK: - What is there before us

  /// Notes the backups in a directory that is seen for the first time: they are nobody's missed generations. Those
  /// that a pattern matches are read like all others. False when not all can be noted now: it is tried again.
  func noteBackups(in directory: String) -> Bool {
    do throws(SystemError) {
      for found in try siblings(in: directory) where !isFollowed(found.path) {
        claim(found.facts.key)
        // What was begun before a restart, or came while we did not run, is not passed over.
        guard known[found.facts.key] == nil, !saved.isNew(found.facts.key) else { continue }
        guard let record = try backupRecord(found) else { continue }
        known[found.facts.key] = record
        remember(record, of: found.facts.key, under: family(of: found.path))
      }
      return true
    } catch {
      if !error.isRefusal { fault(directory, error) }
      return false
    }
  }

  /// The record of a backup that is passed over; nil when it has gone meanwhile.
  private func backupRecord(_ found: PatternWalk.Found) throws(SystemError) -> FileRecord? {
    do throws(SystemError) {
      return try ignoredRecord(try FileDescriptor.open(reading: found.path))
    } catch {
      if error.code == ENOENT { return nil }
      guard error.isRefusal else { throw error }
      // It is passed over whatever it holds.
      var record = FileRecord()
      record.seenSize = found.facts.size
      record.seenModified = found.facts.modified
      record.isIgnored = true
      record.scan = scan
      return record
    }
  }

  /// Passes over a file, also after a restart.
  func ignore(_ record: FileRecord, _ key: FileKey, _ path: String) {
    var record = record
    record.isSaved = true
    known[key] = record
    positionChanges.append(.noted(SavedPosition(key: key, record: record, base: family(of: path)).position))
  }

  /// The record of a file that is not read: all of it counts as known.
  func ignoredRecord(_ file: borrowing FileDescriptor) throws(SystemError) -> FileRecord {
    let facts = try file.facts
    let head = try ContentHead.read(file)
    var record = FileRecord()
    record.offset = facts.size
    let tailBytes = min(facts.size, FilePosition.tailBytesLimit)
    record.tail = Fingerprint.of(try file.bytes(at: facts.size - tailBytes, count: tailBytes))
    record.head = Fingerprint.of(head.bytes)
    record.contentBytes = head.isGzip ? head.bytes.count : facts.size
    record.seenSize = facts.size
    record.seenModified = facts.modified
    record.isGzip = head.isGzip
    record.isIgnored = true
    record.scan = scan
    return record
  }

  // MARK: - Copies

  /// Whether the file at `path`, named like a backup, holds what was read under the name that it is a backup of.
  func familiarity(of path: String, _ facts: FileFacts) throws(SystemError) -> Familiarity {
    let base = family(of: path)
    guard base != path else { return .new }
    var records = families[base]?.past.map(\.record) ?? []
    let writing = open.filter { $0.base == base && !$0.isAbandoned }
    var original: FileDescriptor?
    do throws(SystemError) {
      if let record = known[try FileFacts(path: base).key], !record.isOpen {
        original = try FileDescriptor.open(reading: base)
        records.append(record)
      }
    } catch { if error.code != ENOENT, error.code != ENOTDIR { throw error } }
    guard !records.isEmpty || !writing.isEmpty else { return .new }
    let file = try FileDescriptor.open(reading: path)
    let head = try ContentHead.read(file)
    if head.bytes.isEmpty { return .undecided }
    records += writing.map(\.record)
    if records.contains(where: { $0.isBeginning(of: head.bytes) == true }) { return .copy(try ignoredRecord(file)) }
    // It may be a copy of something that is being read, finished or not: wait until one of the two goes its own way.
    for generation in writing { if try generation.source.beginsWith(head.bytes) { return .undecided } }
    if try original?.bytes(at: 0, count: head.bytes.count) == head.bytes { return .undecided }
    if head.isGzip, head.mayGrow, records.contains(where: { $0.isBeginning(of: head.bytes) == nil }) {
      return .undecided
    }
    return .new
  }

  /// A file that was truncated while it was open: if a copy of it lies beside it, the rest is read from there. Answers
  /// whether it is.
  ///
  /// Here a fragment suffices: nothing of it was handed over, so any file that begins with it will do.
  /// - Errors: it cannot be told now.
  func moveToCopy(_ generation: Generation, _ now: Microseconds) throws(SystemError) -> Bool {
    guard !generation.source.isGzip else { return false }
    guard let copy = try copy(of: generation.record, key: generation.key, base: generation.base, now) else {
      return false
    }
    let facts = copy.found.facts
    generation.path = copy.found.path
    generation.source = copy.source
    generation.key = facts.key
    generation.phase = .leaving
    generation.quietSince = now
    generation.seenSize = facts.size
    generation.seenModified = facts.modified
    generation.trustedSize = facts.size
    generation.isAtEnd = false
    noteOpen(generation)
    announce(generation)
    return true
  }

  /// The same of a file that was truncated while it was closed, or while nobody ran.
  func readCopy(
    of record: FileRecord, key: FileKey, base: String, cluster: String, _ now: Microseconds
  ) throws(SystemError) -> Bool {
    guard !record.isGzip, !record.isIgnored, var copy = try copy(of: record, key: key, base: base, now) else {
      return false
    }
    try copy.source.rewind(record.repeatedBytes)
    let found = copy.found
    logger.info("truncated; its copy is read to the end", metadata: ["path": "\(base)", "copy": "\(found.path)"])
    let generation = add(
      found.facts, path: found.path, base: base, cluster: cluster, source: copy.source, stream: record.stream, now)
    generation.cutter.isSkipping = record.isSkipping && record.repeatedBytes == 0
    generation.phase = .leaving
    announce(generation)
    return true
  }

  private struct Copy: ~Copyable {
    let found: PatternWalk.Found
    var source: FileSource
  }

  /// The file beside `base` that holds what was read of a file, opened at the place that was reached.
  ///
  /// As long as it cannot be looked for nothing is decided, but not for ever: what was written since waits for it.
  private func copy(
    of record: FileRecord, key: FileKey, base: String, _ now: Microseconds
  ) throws(SystemError) -> Copy? {
    do throws(SystemError) {
      let copy = try searchCopy(of: record, key: key, base: base)
      copiesSoughtSince[key] = nil
      return copy
    } catch {
      let since = copiesSoughtSince[key] ?? now
      guard now - since < Int64(settings.graceSeconds) * 1_000_000, copiesSoughtSince.count < Self.familiesLimit else {
        copiesSoughtSince[key] = nil
        return nil
      }
      copiesSoughtSince[key] = since
      throw error
    }
  }

  private func searchCopy(of record: FileRecord, key: FileKey, base: String) throws(SystemError) -> Copy? {
    guard record.offset > 0 else { return nil }
    for found in try siblings(in: PathParts(base).directory, of: base).reversed() {
      let isTaken = known[found.facts.key].map { $0.isOpen || !$0.isIgnored } ?? false
      guard !isTaken, found.facts.key != key, found.facts.size >= record.offset else { continue }
      if let source = try continuation(of: record, in: found) { return Copy(found: found, source: source) }
    }
    return nil
  }

  /// A file that holds what was read of another one, from there on; nil when it holds something else.
  private func continuation(
    of record: FileRecord, in found: PatternWalk.Found
  ) throws(SystemError) -> FileSource? {
    do throws(SystemError) {
      let file = try FileDescriptor.open(reading: found.path)
      let head = try ContentHead.read(file)
      guard try file.facts.key == found.facts.key, !head.isGzip,
        Fingerprint.of(head.bytes.prefix(record.head.count)) == record.head
      else { return nil }
      return try FileSource(file, resuming: record)
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }
}

extension SystemError {
  /// It is not there, or a permission is missing: somebody wants it that way.
  fileprivate var isRefusal: Bool { code == EACCES || code == EPERM || code == ENOENT }
}
