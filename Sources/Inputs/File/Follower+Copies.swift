internal import Concurrency
internal import Diagnostics
internal import Logging
import Glibc

/// Whether a file that was never seen holds what was read elsewhere.
enum Familiarity {
  case new
  /// It does; this is what to remember of it.
  case copy(FileRecord)
  /// It is still being written and may become a copy.
  case undecided
}

/// Rotation copies files before it truncates them, and compresses them: what was read of the one is not read of the other.
extension Follower {
  /// The most truncated files whose copies are waited for.
  private static let copiesSoughtLimit = 1024

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
    for generation in writing {
      // One that was truncated, or cannot be read now to tell: then this is its copy, for it to go on in.
      if let own = generation.record.beginning(in: head.bytes) {
        let isHeld = try generation.source.beginsWith(own)
        if generation.isFaulty || !isHeld { return .undecided }
      }
      if try generation.source.beginsWith(head.bytes) { return .undecided }
    }
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

  /// Whether nothing was read of a file that was truncated, and what is likely its copy waits to be read as one of its own.
  func waitsInCopy(_ generation: Generation) -> Bool {
    guard generation.source.position.offset == 0 else { return false }
    let found = (try? siblings(in: PathParts(generation.base).directory, of: generation.base)) ?? []
    return found.contains { known[$0.facts.key] == nil && $0.facts.size >= generation.trustedSize }
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
      guard now - since < Int64(settings.graceSeconds) * 1_000_000, copiesSoughtSince.count < Self.copiesSoughtLimit
      else {
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
