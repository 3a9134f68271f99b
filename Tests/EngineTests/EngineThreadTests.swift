import AuditEvents
import Concurrency
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Engine

/// The engine behind its queue, under many producers at once: nothing is lost, nothing is doubled, everything ends.
@Suite struct EngineThreadTests {
  private let clock = Clock { AuditText.now }

  /// What the producers did, and what they were told.
  private struct Ledger {
    var sent = 0
    var repeated = 0
    var answers: [Int: Int] = [:]
    var readings: [(number: UInt32, received: Int)] = []
    var isUnbalanced = false
  }

  @Test(arguments: [1 << 9, 1 << 12, 1 << 20]) func nothingIsLostUnderManyProducers(budget: Int) throws {
    let queue = BatchQueue(limitBytes: budget)
    let running = try Workbench.thread(queue, clock)
    let ledger = Lock(Ledger())
    let isDone = StopSignal()
    let scrapers = try (0..<2).map { _ in try NamedThread("scraper") { Self.scrape(queue, ledger, until: isDone) } }
    let producers = try (0..<8).map { n in
      try NamedThread("producer") { n % 2 == 0 ? Self.push(n, queue, ledger) : Self.stream(n, queue, ledger) }
    }
    for producer in producers { producer.join() }
    isDone.raise()
    for scraper in scrapers { scraper.join() }
    Self.drain(queue)
    let last = Monitor<Readings?>(nil)
    // A scrape alone has no trends; who looks at the page has them, of the same instant.
    let looked = Monitor<Readings?>(nil)
    #expect(queue.ask(.read { readings in last.update { $0 = readings } }))
    #expect(last.wait(milliseconds: 60_000) { $0 == nil ? nil : true } == true)
    #expect(last.withLock { $0?.trends == nil })
    #expect(queue.ask(.readWithTrends { readings in looked.update { $0 = readings } }))
    queue.close()
    running.join()
    let readings = try #require(last.withLock { $0 })
    let trends = try #require(looked.withLock { $0?.trends })
    let hour = readings[.windowRequests].rows.filter {
      readings[.windowRequests].value(of: .window, in: $0) == trends.window
    }
    let drawn = trends.clusters.flatMap(\.requests).reduce(0, +)
    #expect(!trends.clusters.isEmpty && Double(drawn) == hour.reduce(0) { $0 + $1.value })
    let final = ledger.withLock { $0 }
    #expect(readings.sum(.eventsReceived) == final.sent + final.repeated)
    #expect(readings.sum(.eventsDuplicate) == final.repeated)
    #expect(readings.isBalanced)
    #expect(queue.reservedBytes == 0)
    #expect(final.answers.values.allSatisfy { $0 == 1 })
    #expect(final.answers.count == 4 * Self.rounds)
    #expect(!final.isUnbalanced)
    // Readings are numbered in the order of what they show.
    let byNumber = final.readings.sorted { $0.number < $1.number }
    #expect(byNumber.map(\.received) == byNumber.map(\.received).sorted())
    #expect(!byNumber.isEmpty)
  }

  /// Everything put before the queue closes is answered before `join` returns.
  @Test(arguments: 0..<20) func closingAnswersEverything(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let queue = BatchQueue(limitBytes: 1 << 20)
    let answers = Lock([Int: Int]())
    let readings = Lock(0)
    let running = try Workbench.thread(queue, clock)
    var asked = 0
    let count = random.pick(0...60)
    for serial in 0..<count {
      #expect(queue.put(Self.body(serial, path: "/webhook") { _ in answers.withLock { $0[serial, default: 0] += 1 } }))
      if random.oneIn(5) {
        asked += 1
        #expect(queue.ask(.read { _ in readings.withLock { $0 += 1 } }))
      }
    }
    queue.close()
    running.join()
    #expect(answers.withLock { $0 } == Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, 1) }))
    #expect(readings.withLock { $0 } == asked)
  }

  private static let rounds = 60

  /// Pushes bodies, every third one twice, waiting for room each time.
  private static func push(_ n: Int, _ queue: BatchQueue, _ ledger: Lock<Ledger>) {
    for round in 0..<rounds {
      let serial = n * 1_000 + round - (round % 3 == 2 ? 1 : 0)
      let id = n * 1_000 + round
      let batch = reserved(
        queue,
        body(serial, path: "/webhook") { answer in
          guard answer == .accepted else { return }
          ledger.withLock { $0.answers[id, default: 0] += 1 }
        })
      ledger.withLock { if round % 3 == 2 { $0.repeated += 1 } else { $0.sent += 1 } }
      guard queue.put(batch) else { return queue.release(batch.reservedBytes) }
    }
  }

  /// Writes a stream of printed documents, a few lines at a time.
  private static func stream(_ n: Int, _ queue: BatchQueue, _ ledger: Lock<Ledger>) {
    let id = UInt64(n)
    for round in 0..<rounds {
      let lines = (EventFields(serial: n * 1_000 + round).printed + "\n").split(separator: "\n").map { $0 + "\n" }
      for part in [lines[..<3], lines[3..<5], lines[5...]] {
        _ = queue.put(reserved(queue, Workbench.batch(part.joined().utf8, .stream(id: id), input: n % 4 == 1 ? 0 : 1)))
      }
      ledger.withLock { $0.sent += 1 }
    }
    _ = queue.put(Workbench.batch([UInt8](), .endOfStream(id: id), input: n % 4 == 1 ? 0 : 1))
  }

  private static func scrape(_ queue: BatchQueue, _ ledger: Lock<Ledger>, until isDone: StopSignal) {
    repeat {
      let answered = Monitor(false)
      _ = queue.ask(
        .read { readings in
          ledger.withLock {
            $0.readings.append((readings.number, readings.sum(.eventsReceived)))
            if !readings.isBalanced { $0.isUnbalanced = true }
          }
          answered.update { $0 = true }
        })
      _ = answered.wait(milliseconds: 60_000) { $0 ? true : nil }
      _ = queue.ask(.scraped(1))
    } while !isDone.isRaised
  }

  /// The same batch with its budget reserved.
  private static func reserved(_ queue: BatchQueue, _ batch: Batch) -> Batch {
    let bytes = batch.bytes.count
    while !queue.reserve(bytes, waitingMilliseconds: 1_000) {}
    return Batch(
      input: batch.input, cluster: batch.cluster, arrival: batch.arrival, shape: batch.shape, bytes: batch.bytes,
      reservedBytes: bytes, sourceBytes: batch.sourceBytes, reply: batch.reply)
  }

  private static func body(
    _ serial: Int, path: String, _ answer: @escaping @Sendable (PushAnswer) -> Void
  ) -> Batch {
    Workbench.batch(EventFields(serial: serial).ordered.utf8, .body(path: path), input: 2, reply: PushReply(answer))
  }

  /// Waits until all that was put is counted: batches are counted in their order.
  private static func drain(_ queue: BatchQueue) {
    let counted = Monitor(false)
    let reply = PushReply { _ in counted.update { $0 = true } }
    guard queue.put(Workbench.batch([UInt8](), .endOfStream(id: 99), reply: reply)) else { return }
    _ = counted.wait(milliseconds: 60_000) { $0 ? true : nil }
  }
}
