internal import AuditEvents
internal import Compression
internal import Concurrency
internal import Diagnostics
internal import Engine
internal import Logging

extension Follower {
  /// The most bytes of unfinished lines held in all; beyond it a file's are dropped and read again when it grows.
  static let carriedBytesLimit = 64 << 20

  /// Reads a piece of each file that has something.
  func readRound(_ now: Microseconds) -> Outcome {
    var outcome = Outcome.idle
    for generation in open {
      if isClosed { return .ended }
      if generation.phase == .ending {
        if !end(generation) { outcome = .noRoom }
        continue
      }
      if !generation.isAtEnd {
        if read(generation, now) {
          if outcome == .idle { outcome = .busy }
        } else {
          outcome = .noRoom
        }
      }
      if generation.isAtEnd, isFinished(generation, now), !end(generation) { outcome = .noRoom }
    }
    if isScanning, outcome == .idle { outcome = .busy }
    if !settings.isFollowing, outcome == .idle, open.isEmpty { return .ended }
    return outcome
  }

  private func isFinished(_ generation: Generation, _ now: Microseconds) -> Bool {
    if !settings.isFollowing { return true }
    return generation.phase == .leaving && now - generation.quietSince >= Int64(settings.graceSeconds) * 1_000_000
  }

  /// Reads one piece. False when the queue had no room for it.
  private func read(_ generation: Generation, _ now: Microseconds) -> Bool {
    do throws(SourceProblem) {
      while true {
        let expected = generation.source.isGzip ? settings.chunkBytes : generation.unreadBytes
        let piece = try generation.cutter.next(from: &generation.source, expecting: expected, to: outlet)
        // Nothing was read, so nothing is known of what the file holds.
        if case .noRoom = piece { return false }
        succeeded(generation)
        switch piece {
        case .lines(let buffer, let reserved):
          generation.quietSince = now
          hand(buffer, reserved, of: generation, isLast: false)
        case .more:
          generation.quietSince = now
          // A long line is read through, so that not all files hold one at the same time.
          if generation.cutter.carriedBytes > settings.chunkBytes { continue }
        case .zeros: generation.source.skipHole()
        case .atEnd:
          generation.isAtEnd = true
          boundCarried(generation)
        case .noRoom: return false
        }
        return true
      }
    } catch {
      switch error {
      case .replaced: replaced(generation, now)
      case .system(let error): postpone(generation, error)
      case .damaged(let why):
        status.failed(.badGzip, isUp: true)
        logger.warning(
          "cannot decompress; the rest of the file is lost",
          metadata: ["path": "\(generation.path)", "reason": "\(why.label)"])
        lose(generation.unreadBytes)
        generation.isAbandoned = true
        known[generation.key] = generation.record
        end(generation)
      }
      return true
    }
  }

  private func succeeded(_ generation: Generation) {
    generation.trustedSize = generation.seenSize
    guard generation.isFaulty else { return }
    generation.isFaulty = false
    recovered(generation.path)
  }

  func hand(_ buffer: ByteBuffer, _ reserved: Int, of generation: Generation, isLast: Bool) {
    let batch = Batch(
      input: input, cluster: generation.cluster, arrival: clock.now,
      shape: isLast ? .endOfStream(id: generation.stream) : .stream(id: generation.stream), bytes: buffer,
      reservedBytes: reserved, sourceBytes: generation.source.takeReadBytes(),
      positions: positions(of: generation, isLast: isLast))
    generation.hasSent = true
    guard outlet.put(batch) else {
      outlet.release(reserved)
      isClosed = true
      return
    }
  }

  /// What the engine is to keep: where this file is, unless it is gone, and what has gone since the last batch.
  private func positions(of generation: Generation, isLast: Bool) -> [PositionChange] {
    var positions = positionChanges
    positionChanges = []
    if isLast, isDeleted(generation) {
      positions.append(.gone(stream: SavedPosition.stream(of: generation.key)))
      generation.isSaved = false
    } else if !generation.isAbandoned {
      // Of a file that holds something else by now the old position stays: it will be seen to be of no use.
      positions.append(.reached(generation.savedPosition().position))
      generation.isSaved = true
    }
    return positions
  }

  /// Has the position of a file kept before anything was read of it: what is written while we do not run is not passed
  /// over, and a rotated file is known again.
  func announce(_ generation: Generation) {
    positionChanges.append(.noted(generation.savedPosition().position))
    generation.isSaved = true
  }

  /// Tells what no batch has told.
  func tellChanges() {
    guard !positionChanges.isEmpty, !isClosed, outlet.reserve(0) else { return }
    let empty = ByteBuffer(capacity: 0)
    empty.seal()
    let batch = Batch(
      input: input, cluster: "", arrival: clock.now, shape: .stream(id: newStream()), bytes: empty, reservedBytes: 0,
      sourceBytes: 0, positions: positionChanges)
    positionChanges = []
    isClosed = !outlet.put(batch)
  }

  private func isDeleted(_ generation: Generation) -> Bool { (try? generation.source.facts.links) == 0 }

  private func boundCarried(_ generation: Generation) {
    let carried = open.reduce(0) { $0 + $1.cutter.carriedBytes }
    if carried > Self.carriedBytesLimit { rewindCarry(of: generation) }
  }

  /// Drops the unfinished line that is held; it is read again with what follows. False when the file cannot be read now.
  @discardableResult
  private func rewindCarry(of generation: Generation) -> Bool {
    let count = generation.cutter.carriedBytes
    guard (try? generation.source.rewind(count)) != nil else { return false }
    _ = generation.cutter.takeCarry()
    return true
  }

  // MARK: - Ends

  /// The file that is open holds something else than before: it was truncated or written anew. What was read of it
  /// ends, in its copy where there is one, and what it holds now is a file of its own.
  func replaced(_ generation: Generation, _ now: Microseconds) {
    do throws(SystemError) { try replace(generation, now) } catch { postpone(generation, error) }
  }

  private func replace(_ generation: Generation, _ now: Microseconds) throws(SystemError) {
    let (path, phase) = (generation.path, generation.phase)
    let lost = waitsInCopy(generation) ? 0 : max(0, generation.trustedSize - generation.source.position.offset)
    let facts = try generation.source.facts
    let fresh = try generation.source.fromBeginning()
    let hasCopy = try moveToCopy(generation, now)
    if hasCopy {
      logger.info(
        "truncated; its copy is read to the end", metadata: ["path": "\(path)", "copy": "\(generation.path)"])
    } else {
      logger.info("truncated", metadata: ["path": "\(path)", "bytes_read": "\(generation.source.position.offset)"])
      lose(lost)
      remember(generation.record, of: facts.key, under: generation.base)
      generation.isAbandoned = true
      end(generation)
    }
    wantsSearch = true
    let next = add(facts, path: path, base: generation.base, cluster: generation.cluster, source: fresh, now)
    next.phase = phase
    announce(next)
  }

  /// A file cannot be read now: it is looked at again and tried again.
  private func postpone(_ generation: Generation, _ error: SystemError) {
    generation.isAtEnd = true
    generation.seenModified = .min
    generation.isFaulty = true
    fault(generation.path, error)
  }

  /// Hands over the unfinished last line and the end of the stream, and closes the file. False when the queue had no
  /// room: it is tried again.
  @discardableResult
  func end(_ generation: Generation) -> Bool {
    generation.phase = .ending
    if generation.source.isCutShort, !generation.isAbandoned {
      status.failed(.badGzip, isUp: true)
      logger.warning("the compressed file ends too early", metadata: ["path": "\(generation.path)"])
    }
    let carried = generation.cutter.carriedBytes
    if generation.hasSent || carried > 0 || generation.isSaved && isDeleted(generation) {
      guard outlet.reserve(carried) else { return false }
      hand(generation.cutter.takeCarry(), carried, of: generation, isLast: true)
    }
    if !generation.isAbandoned { remember(generation.record, of: generation.key, under: generation.base) }
    close(generation, stream: nil)
    return true
  }

  private func close(_ generation: Generation, stream: UInt64?) {
    open.removeAll { $0 === generation }
    guard !generation.isAbandoned else { return }
    // A deleted inode never comes back; its number does.
    if isDeleted(generation) {
      if generation.isSaved { positionChanges.append(.gone(stream: SavedPosition.stream(of: generation.key))) }
      known[generation.key] = nil
      return
    }
    var record = generation.record
    record.stream = stream
    record.scan = scan
    known[generation.key] = record
  }

  /// Closes files that were quiet longest, if the limit of open files is reached. False when all are being read.
  func makeRoom() -> Bool {
    guard open.count >= settings.openFilesLimit else { return true }
    let quiet = open.filter { $0.isAtEnd && $0.phase != .ending }.sorted { $0.quietSince < $1.quietSince }
    if let leaving = quiet.first(where: { $0.phase == .leaving }) { return end(leaving) }
    let literals = Set(patterns.filter(\.isLiteral).map(\.text))
    let others = quiet.filter { !literals.contains($0.path) }
    // Several at once: with very many files this is the work of each.
    let chosen = others.isEmpty ? quiet.prefix(1) : others.prefix(max(1, settings.openFilesLimit / 4))
    var hasClosed = false
    for generation in chosen where rewindCarry(of: generation) {
      hasClosed = true
      remember(generation.record, of: generation.key, under: generation.base)
      close(generation, stream: generation.hasSent ? generation.stream : nil)
    }
    return hasClosed
  }
}
