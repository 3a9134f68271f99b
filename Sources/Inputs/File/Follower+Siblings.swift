internal import Concurrency
internal import Diagnostics
internal import Logging
import Glibc

/// What is remembered of the files that were written under one path.
struct Family {
  /// The most earlier files remembered: kube-apiserver keeps 100 backups.
  static let pastLimit = 128
  /// How long after a rotation its traces are looked for, microseconds.
  static let searchMicroseconds: Microseconds = 10_000_000

  /// The oldest first.
  private(set) var past: [FileRecord] = []
  var searchUntil: Microseconds?
  /// Whether the next step looks, full look or not.
  var isUrgent = false

  mutating func add(_ record: FileRecord) {
    if past.count >= Self.pastLimit { past.removeFirst() }
    past.append(record)
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

/// Rotation leaves its traces beside the live file: generations that came and went between two looks, copies made before
/// a truncation, compressed forms of what was read. The first are read, the others must not be.
extension Follower {
  /// The most paths whose rotations are remembered.
  private static let familiesLimit = 4096

  func wantSearch(_ base: String, _ now: Microseconds) {
    if families[base] == nil, families.count >= Self.familiesLimit,
      let idle = families.first(where: { family in
        !open.contains { $0.base == family.key }
      })
    {
      families[idle.key] = nil
    }
    families[base, default: Family()].searchUntil = now + Family.searchMicroseconds
    families[base]?.isUrgent = true
  }

  /// Looks for generations that nobody has read beside the paths that were rotated.
  func searchSiblings(_ now: Microseconds, isFullLook: Bool) {
    var wanted: [String: Set<String>] = [:]
    for (base, family) in families {
      guard let until = family.searchUntil, family.isUrgent || isFullLook else { continue }
      families[base]?.isUrgent = false
      if until < now { families[base]?.searchUntil = nil }
      wanted[PathParts(base).directory, default: []].insert(base)
    }
    for (directory, bases) in wanted {
      for (found, base) in siblings(of: bases, in: directory) { take(found, base, now) }
    }
  }

  private func take(_ found: PatternWalk.Found, _ base: String, _ now: Microseconds) {
    let cluster = patterns.first { $0.matches(base) }?.cluster ?? patterns.first?.cluster ?? ""
    do throws(SystemError) {
      if let record = known[found.facts.key] {
        guard !record.isOpen, !record.isIgnored, found.facts.size > record.offset,
          record.seenSize != found.facts.size || record.seenModified != found.facts.modified
        else { return }
        if case .opened = try reopen(record, found.facts, path: found.path, base: base, cluster: cluster, now) {
          open.last { $0.key == found.facts.key }?.phase = .leaving
        }
        return
      }
      switch try familiarity(of: found.path, found.facts) {
      case .undecided: return
      case .copy(let record): known[found.facts.key] = record
      case .new:
        guard makeRoom() else { return families[base, default: Family()].isUrgent = true }
        let file = try FileDescriptor.open(reading: found.path)
        let facts = try file.facts
        guard known[facts.key] == nil else { return }
        logger.info("reading a rotated file", metadata: ["path": "\(found.path)"])
        add(facts, path: found.path, base: base, cluster: cluster, source: FileSource(file), now).phase = .leaving
      }
    } catch { if error.code != ENOENT { fault(found.path, error) } }
  }

  /// Files named like backups of `bases`, the one written first at the front.
  private func siblings(of bases: Set<String>, in directory: String) -> [(PatternWalk.Found, base: String)] {
    guard var listing = try? DirectoryListing(directory) else { return [] }
    var found: [(PatternWalk.Found, base: String)] = []
    while let entry = listing.next() {
      let names = BackupName.liveNames(of: entry.name).lazy.map { PathParts.join(directory, $0) }
      let path = PathParts.join(directory, entry.name)
      guard let base = names.first(where: bases.contains), let facts = try? FileFacts(path: path), facts.isRegular
      else {
        continue
      }
      found.append((PatternWalk.Found(path: path, facts: facts), base))
    }
    return found.sorted { ($0.0.facts.modified, $0.0.path) < ($1.0.facts.modified, $1.0.path) }
  }

  // MARK: - What is there before us

  /// Notes the backups in a directory that is seen for the first time: they are nobody's missed generations. Those that a
  /// pattern matches are read like all others.
  func noteBackups(in directory: String) -> Bool {
    guard var listing = try? DirectoryListing(directory) else { return false }
    while let entry = listing.next() {
      let path = PathParts.join(directory, entry.name)
      guard !patterns.contains(where: { $0.matches(path) }) else { continue }
      for name in BackupName.liveNames(of: entry.name) {
        let base = PathParts.join(directory, name)
        guard patterns.contains(where: { $0.matches(base) }) else { continue }
        guard let file = try? FileDescriptor.open(reading: path), let facts = try? file.facts, facts.isRegular,
          let record = try? ignoredRecord(file)
        else { break }
        known[facts.key] = record
        families[base, default: Family()].add(record)
        break
      }
    }
    return true
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
    let parts = PathParts(path)
    var records: [FileRecord] = []
    var writing: [Generation] = []
    for name in BackupName.liveNames(of: parts.name) {
      let base = PathParts.join(parts.directory, name)
      records += families[base]?.past ?? []
      writing += open.filter { $0.base == base && !$0.isAbandoned }
    }
    guard !records.isEmpty || !writing.isEmpty else { return .new }
    let file = try FileDescriptor.open(reading: path)
    let head = try ContentHead.read(file)
    records += writing.map(\.record)
    if records.contains(where: { $0.isBeginning(of: head.bytes) == true }) { return .copy(try ignoredRecord(file)) }
    let mayBecome = records.contains { $0.isBeginning(of: head.bytes) == nil }
    if head.isGzip { return head.mayGrow && mayBecome ? .undecided : .new }
    // A copy that is being written: so far it equals the file that it is made of.
    for generation in writing where generation.source.beginsWith(head.bytes) { return .undecided }
    return .new
  }

  /// The file was truncated: if a copy of it lies beside it, the rest is read from there. Answers whether it is.
  func moveToCopy(_ generation: Generation, _ now: Microseconds) -> Bool {
    guard generation.source.position.offset > 0, !generation.source.isGzip else { return false }
    let record = generation.record
    let directory = PathParts(generation.base).directory
    for (found, _) in siblings(of: [generation.base], in: directory).reversed() {
      let isTaken = known[found.facts.key].map { $0.isOpen || !$0.isIgnored } ?? false
      guard !isTaken, found.facts.key != generation.key, found.facts.size >= record.offset,
        let file = try? FileDescriptor.open(reading: found.path), let head = try? ContentHead.read(file), !head.isGzip,
        record.isBeginning(of: head.bytes) == true, let facts = try? file.facts, facts.key == found.facts.key,
        let source = try? FileSource(file, resuming: record)
      else { continue }
      generation.source = source
      generation.key = facts.key
      generation.path = found.path
      generation.phase = .leaving
      generation.quietSince = now
      generation.seenSize = facts.size
      generation.seenModified = facts.modified
      generation.trustedSize = facts.size
      generation.isAtEnd = false
      noteOpen(generation)
      return true
    }
    return false
  }
}
