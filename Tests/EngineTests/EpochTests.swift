import Concurrency
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Engine

/// Answers and readings come once, in order, and never before their epoch is committed.
@Suite struct EpochTests {
  /// A held clock: nothing here depends on time.
  private let clock = Clock { AuditText.now }

  @Test func anEpochIsShownOnlyByTheCommitter() throws {
    let committer = try Workbench.committer()
    let seen = Lock([String]())
    var epoch = Epoch()
    #expect(!epoch.isAwaited)
    for n in 0..<3 { epoch.answers.append((PushReply { _ in seen.withLock { $0.append("answer \(n)") } }, .accepted)) }
    epoch.readings = Readings()
    epoch.readers.append { _ in seen.withLock { $0.append("reading") } }
    #expect(epoch.isAwaited)
    committer.commit(epoch)
    #expect(!committer.isIdle)
    #expect(seen.withLock { $0 } == [])
    let thread = try NamedThread("commit") { committer.run() }
    committer.waitUntilIdle()
    #expect(seen.withLock { $0 } == ["answer 0", "answer 1", "answer 2", "reading"])
    committer.close()
    thread.join()
  }

  @Test func closingCommitsWhatWasHandedIn() throws {
    let committer = try Workbench.committer()
    let answers = Lock(0)
    var epoch = Epoch()
    epoch.answers.append((PushReply { _ in answers.withLock { $0 += 1 } }, .accepted))
    committer.commit(epoch)
    committer.close()
    try NamedThread("commit") { committer.run() }.join()
    #expect(answers.withLock { $0 } == 1)
  }

  /// While one epoch is in flight, everything that happens belongs to the next one, together.
  @Test func whatWaitsSharesTheNextEpoch() throws {
    let queue = BatchQueue(limitBytes: 1 << 20)
    let gate = StopSignal()
    let entered = Monitor(false)
    let numbers = Monitor([UInt32]())
    let counted = Monitor([Int]())
    let running = try Workbench.thread(queue, clock)
    // The first answer holds the commit thread.
    #expect(
      queue.put(
        batch(1) { _ in
          entered.update { $0 = true }
          _ = gate.wait(milliseconds: 60_000)
        }))
    #expect(entered.wait(milliseconds: 60_000) { $0 ? true : nil } == true)
    let answers = Monitor(0)
    for serial in 2...5 { #expect(queue.put(batch(serial) { _ in answers.update { $0 += 1 } })) }
    for _ in 0..<6 {
      #expect(
        queue.ask(
          .read { readings in
            counted.update { $0.append(readings.sum(.eventsReceived)) }
            numbers.update { $0.append(readings.number) }
          }))
    }
    // Commands come first, and a counted batch gives its budget back: with the last one counted, all is taken.
    #expect(queue.reserve(1))
    #expect(queue.put(Workbench.batch([UInt8](), .stream(id: 1), reservedBytes: 1)))
    #expect(queue.reserve(1 << 20, waitingMilliseconds: 60_000))
    // The engine counted on, but nothing of it is shown.
    #expect(answers.withLock { $0 } == 0)
    #expect(numbers.withLock { $0 } == [])
    gate.raise()
    let shown = numbers.wait(milliseconds: 60_000) { $0.count == 6 ? $0 : nil } ?? []
    #expect(shown.count == 6)
    #expect(answers.withLock { $0 } == 4)
    #expect(counted.withLock { $0 } == [Int](repeating: 5, count: 6))
    queue.close()
    running.join()
  }

  /// Whoever was answered finds what he sent in any reading he asks for afterwards.
  @Test func whatWasAnsweredIsInTheNextReading() throws {
    let queue = BatchQueue(limitBytes: 1 << 20)
    let running = try Workbench.thread(queue, clock)
    for serial in 1...200 {
      let answered = Monitor(false)
      #expect(queue.put(batch(serial) { _ in answered.update { $0 = true } }))
      #expect(answered.wait(milliseconds: 60_000) { $0 ? true : nil } == true)
      let received = Monitor<Int?>(nil)
      #expect(queue.ask(.read { readings in received.update { $0 = readings.sum(.eventsReceived) } }))
      #expect(received.wait(milliseconds: 60_000) { $0 } == serial)
    }
    queue.close()
    running.join()
  }

  @Test func settingsAreTakenOverBetweenBatches() throws {
    let queue = BatchQueue(limitBytes: 1 << 20)
    let running = try Workbench.thread(queue, clock)
    var settings = Workbench.settings
    settings.expectedClusters = ["far-away"]
    #expect(queue.ask(.apply(settings)))
    let expected = Monitor<Int?>(nil)
    #expect(queue.ask(.read { readings in expected.update { $0 = readings.sum(.clusterExpected) } }))
    #expect(expected.wait(milliseconds: 60_000) { $0 } == 1)
    queue.close()
    running.join()
  }

  private func batch(_ serial: Int, _ answer: @escaping @Sendable (PushAnswer) -> Void) -> Batch {
    Workbench.batch(
      EventFields(serial: serial).ordered.utf8, .body(path: "/webhook"), input: 2, reply: PushReply(answer))
  }
}
