import AuditEvents
import Concurrency
import Diagnostics
import Engine
import TestSupport
import Testing

@testable import Engine
@testable import Inputs

/// The thread around the follower, on the real clock: what it takes of the queue, and how it stops.
@Suite struct FileInputTests {
  private func lines(_ surroundings: Surroundings) -> [String] {
    let bytes = surroundings.queue.handedIn.flatMap { batch in unsafe batch.bytes.withBytes { unsafe Array($0) } }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func wait(_ surroundings: Surroundings, for count: Int) {
    _ = Deadline.poll(seconds: 60) { lines(surroundings).count >= count ? true : nil }
  }

  @Test(arguments: [500, 600_000]) func followsUntilItIsStopped(pollMilliseconds: Int) throws {
    // With the longer time only announced changes are seen.
    let shop = Workshop()
    let surroundings = Surroundings(budget: 64 << 20)
    var settings = FileSettings()
    settings.sources = [.init(pattern: shop("*.log"), cluster: "c")]
    settings.pollMilliseconds = pollMilliseconds
    shop.write("a.log", "1\n")
    try FileInput(settings).start(in: surroundings.context)
    wait(surroundings, for: 1)
    shop.append("a.log", "2\n")
    shop.write("b.log", "3\n")
    wait(surroundings, for: 3)
    shop.rename("a.log", "a.log.1")
    shop.write("a.log", "4\n")
    wait(surroundings, for: 4)
    surroundings.stop.raise()
    surroundings.join()
    #expect(lines(surroundings).sorted() == ["1", "2", "3", "4"])
    #expect(surroundings.queue.handedIn.allSatisfy { $0.cluster == "c" && $0.input == 3 && $0.arrival == 77 })
    #expect(surroundings.queue.handedIn.map(\.reservedBytes).reduce(0, +) == surroundings.queue.reservedBytes)
  }

  @Test func waitsForRoomAndStopsWhileWaiting() throws {
    let shop = Workshop()
    let surroundings = Surroundings(budget: 10)
    #expect(surroundings.queue.reserve(10))
    var settings = FileSettings()
    settings.sources = [.init(pattern: shop("a.log"))]
    shop.write("a.log", "1\n")
    try FileInput(settings).start(in: surroundings.context)
    let wasLookedAt = Deadline.poll(seconds: 60) { surroundings.status.snapshot.isUp ? true : nil }
    #expect(wasLookedAt == true && lines(surroundings).isEmpty)
    surroundings.queue.release(10)
    wait(surroundings, for: 1)
    #expect(surroundings.queue.reserve(1) || surroundings.queue.reservedBytes > 0)
    shop.append("a.log", "2\n3\n4\n5\n6\n7\n8\n9\n")
    surroundings.stop.raise()
    surroundings.join()
    #expect(lines(surroundings).first == "1")
  }

  @Test func readsOnceAndEnds() throws {
    let shop = Workshop()
    let surroundings = Surroundings(budget: 64 << 20)
    var settings = FileSettings()
    settings.sources = [.init(pattern: shop("*.log"))]
    settings.isFollowing = false
    shop.write("a.log", "1\n2")
    try FileInput(settings).start(in: surroundings.context)
    surroundings.join()
    #expect(lines(surroundings) == ["1", "2"])
    guard case .endOfStream = surroundings.queue.handedIn.last?.shape else {
      Issue.record("the stream did not end")
      return
    }
  }

  @Test func theListNamesEveryInput() {
    #expect(
      InputList.all.map(\.name) == ["file", "stdin", "webhook", "firehose", "kinesis", "cloudwatch", "cloudtrail"])
    #expect(InputList.all.compactMap { $0.make(InputSettings()) }.isEmpty)
    var settings = InputSettings()
    settings.file.sources = [.init(pattern: "a")]
    settings.stdin.isEnabled = true
    settings.webhook.isEnabled = true
    #expect(InputList.all.compactMap { $0.make(settings) }.count == 3)
  }
}
