import AuditEvents
import Compression
import Concurrency
import Diagnostics
import Engine
import Glibc
import Logging
import TestSupport
import Testing

@testable import Inputs

/// What an input is given, and what it did with it.
final class Surroundings: Sendable {
  let queue: BatchQueue
  let stop = StopSignal()
  let status = InputStatus(name: "test")
  let threads = Lock([NamedThread]())
  let endpoints = Lock([Endpoint]())

  init(budget: Int = 1 << 20) { queue = BatchQueue(limitBytes: budget) }

  var context: InputContext { context(from: []) }

  /// - Parameter positions: what an earlier run left.
  func context(from positions: [InputPosition]) -> InputContext {
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    return InputContext(
      index: 3, queue: queue, clock: Clock { 77 }, stop: stop, logger: logger, status: status, cluster: "default",
      positions: positions,
      registerThread: { [threads] thread in threads.withLock { $0.append(thread) } },
      registerEndpoint: { [endpoints] endpoint in endpoints.withLock { $0.append(endpoint) } })
  }

  func join() { for thread in threads.withLock({ $0 }) { thread.join() } }
}

@Suite struct StdinInputTests {
  private func pipe() throws -> (read: Int32, write: Int32) {
    let (source, target) = try RunningProcess.pipe()
    return (source, target)
  }

  /// Everything that was handed in, and the last batch's shape.
  private func content(_ surroundings: Surroundings) -> (bytes: [UInt8], hasEnded: Bool) {
    let batches = surroundings.queue.handedIn
    let bytes = batches.flatMap { batch in unsafe batch.bytes.withBytes { unsafe Array($0) } }
    guard case .endOfStream = batches.last?.shape else { return (bytes, false) }
    #expect(batches.map(\.sourceBytes).reduce(0, +) > 0 || bytes.isEmpty)
    #expect(batches.map(\.reservedBytes).reduce(0, +) == surroundings.queue.reservedBytes)
    return (bytes, true)
  }

  @Test(arguments: [false, true]) func aPipeIsReadToItsEnd(isGzip: Bool) throws {
    let text = (0..<20_000).map { "line \($0)\n" }.joined() + "unfinished"
    let surroundings = Surroundings(budget: 64 << 20)
    let ends = try pipe()
    try StdinInput(StdinSettings(), descriptor: ends.read).start(in: surroundings.context)
    var bytes = Array(text.utf8)
    if isGzip { bytes = Gzip.compress(bytes) }
    var done = 0
    while done < bytes.count {
      // The first byte alone: it does not tell what follows.
      let count = done == 0 ? 1 : min(30_000, bytes.count - done)
      done += unsafe bytes.withUnsafeBytes { unsafe write(ends.write, $0.baseAddress.map { unsafe $0 + done }, count) }
    }
    close(ends.write)
    surroundings.join()
    close(ends.read)
    let result = content(surroundings)
    #expect(result.hasEnded)
    #expect(result.bytes == Array(text.utf8))
    #expect(surroundings.status.snapshot.isUp)
    #expect(surroundings.status.snapshot.sources.first?.readBytes == UInt64(bytes.count))
    #expect(surroundings.status.snapshot.lastSuccess == 77)
  }

  @Test func aFileAndAnEmptyOne() throws {
    let shop = Workshop()
    for text in ["a\nb\n", ""] {
      shop.write("in", text)
      let surroundings = Surroundings()
      let file = unsafe open(shop("in"), O_RDONLY)
      try StdinInput(StdinSettings(), descriptor: file).start(in: surroundings.context)
      surroundings.join()
      close(file)
      let result = content(surroundings)
      #expect(result.bytes == Array(text.utf8) && result.hasEnded != text.isEmpty)
      #expect(surroundings.status.snapshot.isUp)
    }
  }

  /// What the engine would keep of what was handed in.
  private func positions(_ surroundings: Surroundings) -> [InputPosition] {
    var kept: [String: InputPosition] = [:]
    for change in surroundings.queue.handedIn.flatMap(\.positions) {
      switch change {
      case .reached(let position), .noted(let position): kept[position.stream] = position
      case .gone(let stream): kept[stream] = nil
      case .lost: break
      }
    }
    return kept.values.sorted { $0.stream < $1.stream }
  }

  private func read(_ path: String, from saved: [InputPosition], at offset: off_t = 0) throws -> Surroundings {
    let surroundings = Surroundings(budget: 64 << 20)
    let file = unsafe open(path, O_RDONLY)
    lseek(file, offset, SEEK_SET)
    try StdinInput(StdinSettings(), descriptor: file).start(in: surroundings.context(from: saved))
    surroundings.join()
    close(file)
    return surroundings
  }

  /// A file is read on where it was, one that was written anew from its beginning, and two of them are told apart.
  @Test func aFileIsKnownAgain() throws {
    let shop = Workshop()
    shop.write("a", "1\n2\n")
    shop.write("b", "one\n")
    var saved: [InputPosition] = []
    func expect(_ name: String, _ text: String) throws {
      let surroundings = try read(shop(name), from: saved)
      #expect(content(surroundings).bytes == Array(text.utf8), "\(name)")
      saved = Dictionary((saved + positions(surroundings)).map { ($0.stream, $0) }) { $1 }.values.map { $0 }
    }
    try expect("a", "1\n2\n")
    try expect("a", "")
    shop.append("a", "3\n")
    try expect("b", "one\n")
    try expect("a", "3\n")
    try expect("b", "")
    shop.write("a", "4\n")
    try expect("a", "4\n")
    #expect(content(try read(shop("a"), from: [], at: 2)).bytes.isEmpty, "somebody else has read it")
  }

  @Test func compressedFilesAreKnownAgain() throws {
    let shop = Workshop()
    let text = Array((0..<5_000).map { "line \($0)\n" }.joined().utf8)
    shop.write("a.gz", Gzip.compress(text))
    let first = try read(shop("a.gz"), from: [])
    #expect(content(first).bytes == text)
    #expect(content(try read(shop("a.gz"), from: positions(first))).bytes.isEmpty)
  }

  @Test func stopInterruptsAWaitingRead() throws {
    let surroundings = Surroundings()
    let ends = try pipe()
    try StdinInput(StdinSettings(), descriptor: ends.read).start(in: surroundings.context)
    _ = unsafe write(ends.write, "half", 4)
    surroundings.stop.raise()
    surroundings.join()  // returns although the pipe stays open
    close(ends.write)
    close(ends.read)
    #expect(content(surroundings).hasEnded)
  }

  @Test func gzipThatEndsTooEarlyIsReported() throws {
    let surroundings = Surroundings()
    let ends = try pipe()
    let bytes = Gzip.compress(Array(repeating: 0x61, count: 100_000)).dropLast(20)
    _ = unsafe Array(bytes).withUnsafeBytes { unsafe write(ends.write, $0.baseAddress, $0.count) }
    close(ends.write)
    try StdinInput(StdinSettings(), descriptor: ends.read).start(in: surroundings.context)
    surroundings.join()
    close(ends.read)
    #expect(surroundings.status.snapshot.errors == [.badGzip: 1, .readFailed: 0])
    #expect(content(surroundings).hasEnded)
  }

  @Test func aFullQueueIsWaitedFor() throws {
    let surroundings = Surroundings(budget: 100)
    #expect(surroundings.queue.reserve(100))
    let ends = try pipe()
    _ = unsafe write(ends.write, "a\n", 2)
    close(ends.write)
    try StdinInput(StdinSettings(), descriptor: ends.read).start(in: surroundings.context)
    #expect(surroundings.queue.handedIn.isEmpty)
    surroundings.queue.release(100)
    // Somebody must count what is handed in, or the end finds no room.
    let deadline = Clock.monotonic + 60_000_000
    while surroundings.queue.handedIn.isEmpty, Clock.monotonic < deadline { sched_yield() }
    surroundings.queue.release(surroundings.queue.reservedBytes)
    surroundings.join()
    close(ends.read)
    let bytes = surroundings.queue.handedIn.flatMap { batch in unsafe batch.bytes.withBytes { unsafe Array($0) } }
    #expect(bytes == Array("a\n".utf8))
  }
}
