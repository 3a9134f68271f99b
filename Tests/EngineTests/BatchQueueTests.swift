import AuditEvents
import Concurrency
import Diagnostics
import TestSupport
import Testing

@testable import Engine

/// The budget in bytes between the inputs and the engine.
@Suite struct BatchQueueTests {
  @Test func whatIsReservedNeverExceedsTheBudget() {
    let queue = BatchQueue(limitBytes: 100)
    #expect(queue.reserve(60))
    #expect(!queue.reserve(41))
    #expect(queue.reserve(40))
    #expect(!queue.reserve(1))
    #expect(queue.reserve(0))
    #expect(queue.reservedBytes == 100)
    queue.release(60)
    #expect(queue.reserve(60))
  }

  @Test func aLargeBodyPassesAlone() {
    let queue = BatchQueue(limitBytes: 100)
    #expect(queue.reserve(1))
    #expect(!queue.reserve(500))
    queue.release(1)
    #expect(queue.reserve(500))
    #expect(queue.reservedBytes == 500)
    #expect(!queue.reserve(1))
    // It grows on as long as it holds all there is.
    #expect(queue.reserve(500, holding: 500))
    #expect(!queue.reserve(1, holding: 999))
    queue.release(1000)
    #expect(queue.reserve(100))
  }

  @Test func aGrowingBodyIsHeldToTheBudgetBesideOthers() {
    let queue = BatchQueue(limitBytes: 100)
    #expect(queue.reserve(30))
    #expect(queue.reserve(30))
    #expect(queue.reserve(40, holding: 30))
    #expect(!queue.reserve(1, holding: 70))
    queue.release(30)
    #expect(queue.reserve(31, holding: 70))
    #expect(queue.reservedBytes == 101)
  }

  @Test func aSizeOutOfAllMeasureIsRefused() {
    let queue = BatchQueue(limitBytes: 100)
    #expect(queue.reserve(1))
    #expect(!queue.reserve(.max))
    #expect(queue.reservedBytes == 1)
  }

  @Test func aWaiterGetsRoomWhenItIsGivenBack() throws {
    let queue = BatchQueue(limitBytes: 100)
    #expect(queue.reserve(100))
    #expect(!queue.reserve(1, waitingMilliseconds: 0))
    let got = Lock(0)
    let waiters = try (0..<4).map { _ in
      try NamedThread("waiter") { if queue.reserve(50, waitingMilliseconds: 60_000) { got.withLock { $0 += 1 } } }
    }
    for _ in 0..<4 { queue.release(50) }
    for waiter in waiters { waiter.join() }
    #expect(got.withLock { $0 } == 4)
    #expect(queue.reservedBytes == 100)
  }

  @Test func closingEndsEveryWaitAndRefusesEverything() throws {
    let queue = BatchQueue(limitBytes: 10)
    #expect(queue.reserve(10))
    let answers = Lock([Bool]())
    let waiters = try (0..<3).map { _ in
      try NamedThread("waiter") {
        let answer = queue.reserve(5, waitingMilliseconds: 60_000)
        answers.withLock { $0.append(answer) }
      }
    }
    #expect(queue.put(Workbench.batch("a".utf8, .stream(id: 1))))
    #expect(queue.ask(.scraped(1)))
    queue.close()
    for waiter in waiters { waiter.join() }
    #expect(answers.withLock { $0 } == [false, false, false])
    #expect(!queue.put(Workbench.batch("b".utf8, .stream(id: 1))))
    #expect(!queue.ask(.scraped(2)))
    #expect(!queue.reserve(0))
    // What was in it still comes out, and then the end, again and again.
    #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "command")
    #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "batch a")
    for _ in 0..<2 { #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "end") }
  }

  @Test func workComesInOrderCommandsFirst() {
    let queue = BatchQueue(limitBytes: 10)
    #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "nothing")
    queue.wake()
    for n in 0..<200 { #expect(queue.put(Workbench.batch("\(n)".utf8, .stream(id: 1)))) }
    for n in 0..<200 {
      if n % 50 == 49 {
        #expect(queue.ask(.scraped(1)))
        #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "command")
      }
      #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "batch \(n)")
      // Some arrive while others leave.
      if n < 100 { #expect(queue.put(Workbench.batch("\(200 + n)".utf8, .stream(id: 1)))) }
    }
    for n in 200..<300 { #expect(Self.name(queue.next(waitingMilliseconds: 0)) == "batch \(n)") }
    // Being woken once ends one wait.
    #expect(Self.name(queue.next(waitingMilliseconds: 60_000)) == "nothing")
  }

  /// A batch that was counted gives its budget back, so its bytes must be gone too.
  @Test func whatWasTakenIsNotKept() {
    let queue = BatchQueue(limitBytes: 1 << 20)
    weak var first: ByteBuffer?
    do {
      let buffer = ByteBuffer([UInt8](repeating: 0x20, count: 1 << 20))
      first = buffer
      #expect(
        queue.put(
          Batch(
            input: 0, cluster: "", arrival: 0, shape: .stream(id: 1), bytes: buffer, reservedBytes: 0, sourceBytes: 0)))
    }
    for _ in 0..<10 { #expect(queue.put(Workbench.batch("x".utf8, .stream(id: 1)))) }
    #expect(first != nil)
    _ = queue.next(waitingMilliseconds: 0)
    #expect(first == nil)
  }

  /// Any program of reservations, against a number.
  @Test(arguments: 0..<20) func reservationsAgreeWithANumber(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let queue = BatchQueue(limitBytes: 1000)
    var held: [Int] = []
    for _ in 0..<2_000 {
      let reserved = held.reduce(0, +)
      #expect(queue.reservedBytes == reserved)
      let bytes = random.pick(0...1500)
      switch random.pick(0...3) {
      case 0:
        let expected = reserved == 0 || reserved + bytes <= 1000
        #expect(queue.reserve(bytes) == expected)
        if expected { held.append(bytes) }
      case 1 where !held.isEmpty:
        let index = random.pick(0...held.count - 1)
        let expected = held[index] == reserved || reserved + bytes <= 1000
        #expect(queue.reserve(bytes, holding: held[index]) == expected)
        if expected { held[index] += bytes }
      case 2 where !held.isEmpty:
        queue.release(held.remove(at: random.pick(0...held.count - 1)))
      default:
        #expect(queue.reserve(bytes, waitingMilliseconds: 0) == (reserved == 0 || reserved + bytes <= 1000))
        if reserved == 0 || reserved + bytes <= 1000 { held.append(bytes) }
      }
    }
  }

  private static func name(_ work: BatchQueue.Work) -> String {
    switch work {
    case .command: "command"
    case .batch(let batch): "batch " + batch.text
    case .nothing: "nothing"
    case .end: "end"
    }
  }
}

extension Batch {
  /// The content.
  fileprivate var text: String {
    // SAFETY: copied inside the closure, while the bytes are lent.
    unsafe bytes.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
