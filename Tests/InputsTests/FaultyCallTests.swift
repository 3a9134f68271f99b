import FaultyCalls
import Glibc
import TestSupport
import Testing

@testable import Inputs

/// A log that is written, rotated, copied and truncated under a follower, one of whose system calls fails: every one in turn.
@Suite struct FaultyCallTests {
  /// Every call fails once, or brings less than was asked for. All lines are counted once; an interrupted call is nothing that
  /// anybody sees.
  @Test(arguments: [EIO, EMFILE, EACCES, EINTR, 0]) func everyCallMayFailOnce(error: Int32) {
    let calls = run(failingAt: .max, CALLS_ONCE, error)
    #expect(calls > 200, "\(calls) calls")
    for n in 1...calls { run(failingAt: n, CALLS_ONCE, error) }
  }

  /// Nothing works from some call on, then everything does again.
  @Test(arguments: [EIO, EMFILE]) func everythingMayFailForAWhile(error: Int32) {
    let calls = run(failingAt: .max, CALLS_FROM_THEN_ON, error)
    for n in stride(from: 1, through: calls, by: 3) { run(failingAt: n, CALLS_FROM_THEN_ON, error) }
  }

  /// A file that cannot be read is told, and so is that it can be read again; waiting for it costs nothing.
  @Test func failuresAreCounted() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", "1\n")
    faulty_calls_arm(1, CALLS_FROM_THEN_ON, EIO)
    #expect(bench.poll(stepsLimit: 10) == .idle)
    faulty_calls_disarm()
    #expect(!bench.status.snapshot.isUp && bench.status.snapshot.errors.values.reduce(0, +) > 0)
    bench.poll()
    bench.poll()
    #expect(bench.status.snapshot.isUp && bench.basin.lines == ["1"])
  }

  /// Answers how many calls there were.
  @discardableResult
  private func run(failingAt n: Int, _ mode: faulty_calls_mode, _ error: Int32) -> Int {
    let bench = Bench(["a.log"], { $0.chunkBytes = 64 })
    var number = 0
    func write(_ count: Int) {
      for _ in 0..<count {
        bench.shop.append("a.log", "line \(number) of a log that is rotated in every way\n")
        number += 1
      }
    }
    func look() {
      faulty_calls_resume()
      let outcome = bench.poll(stepsLimit: 1_000)
      faulty_calls_pause()
      #expect(outcome != .busy, "call \(n): it turns in circles")
    }
    // A backup that was there before us, and long before: none of its lines is ours.
    let old = unsafe symlink(#filePath, bench.shop("a.log.1"))
    #expect(old == 0)
    faulty_calls_arm(n, mode, error)
    faulty_calls_pause()
    write(5)
    look()
    write(3)
    bench.shop.rename("a.log.1", "a.log.2")
    bench.shop.rename("a.log", "a.log.1")
    write(4)
    look()
    look()
    let copied = bench.shop.read("a.log")
    bench.shop.write("a.log.0", copied)
    bench.shop.truncate("a.log")
    write(2)
    look()
    bench.restart(from: bench.basin.now)
    write(2)
    look()
    let calls = faulty_calls_disarm()
    for _ in 0..<4 { bench.poll(after: 60) }
    #expect(bench.basin.lines.sorted() == (0..<number).map(Self.line).sorted(), "call \(n) of mode \(mode.rawValue)")
    let errors = bench.status.snapshot.errors.values.reduce(0, +)
    if error == EINTR || error == 0 { #expect(errors == 0, "call \(n) was seen") }
    #expect(bench.status.snapshot.isUp)
    return calls
  }

  private static func line(_ number: Int) -> String { "line \(number) of a log that is rotated in every way" }
}
