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
  func siblings(
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
}

extension SystemError {
  /// It is not there, or a permission is missing: somebody wants it that way.
  fileprivate var isRefusal: Bool { code == EACCES || code == EPERM || code == ENOENT }
}
