import CLinux
import Compression
import Concurrency
import Diagnostics
import Glibc
import Testing

@testable import Inputs

/// Everything that happens to logs, one by one, on the real file system.
@Suite struct FollowerTests {
  private func lines(_ range: ClosedRange<Int>, of name: String = "a") -> [String] {
    range.map { "\(name) line \($0)" }
  }
  private func text(_ range: ClosedRange<Int>, of name: String = "a") -> String {
    lines(range, of: name).map { $0 + "\n" }.joined()
  }

  @Test func growing() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...3))
    bench.poll()
    #expect(bench.basin.lines == lines(1...3))
    bench.shop.append("a.log", text(4...5))
    bench.poll()
    bench.poll()
    #expect(bench.basin.lines == lines(1...5))
    #expect(bench.basin.now.sourceBytes == bench.shop.read("a.log").count)
    #expect(bench.basin.now.reserved == 0)
    #expect(bench.basin.now.faults == [])
    #expect(bench.status.snapshot.isUp)
  }

  @Test func rotatedByRename() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...2))
    bench.poll()
    bench.shop.rename("a.log", "a.log.1")
    bench.shop.append("a.log.1", text(3...3))
    bench.shop.write("a.log", text(4...5))
    bench.poll()
    bench.shop.append("a.log.1", text(6...6))  // the writer had it open still
    bench.poll()
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...6))
    #expect(bench.basin.now.ended.count == 1)
  }

  @Test(arguments: [2, 3, 5]) func rotatedSeveralTimesBetweenTwoLooks(times: Int) {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log.7", "from before us\n")
    bench.begin()
    bench.shop.write("a.log", text(1...2))
    bench.poll()
    for turn in 1...times {
      bench.shop.append("a.log", "late \(turn)\n")
      for old in stride(from: turn - 1, through: 1, by: -1) { bench.shop.rename("a.log.\(old)", "a.log.\(old + 1)") }
      bench.shop.rename("a.log", "a.log.1")
      bench.shop.write("a.log", "new \(turn)\n")
    }
    bench.settle()
    let expected = lines(1...2) + (1...times).flatMap { ["late \($0)", "new \($0)"] }
    #expect(bench.basin.lines.sorted() == expected.sorted())
  }

  @Test func rotatedByTheAPIServerAndCompressed() {
    let bench = Bench(["audit.log"])
    bench.shop.write("audit-2026-01-01T00-00-00.000.log.gz", Gzip.compress(Array("old\n".utf8)))
    bench.shop.write(
      "audit-2026-01-02T00-00-00.000.log", "old too, compressed later \(String(repeating: "x", count: 2000))\n")
    bench.begin()
    bench.shop.write("audit.log", text(1...2))
    bench.poll()
    bench.shop.append("audit.log", text(3...3))
    bench.shop.rename("audit.log", "audit-2026-01-03T00-00-00.000.log")
    bench.shop.write("audit.log", text(4...4))
    // Came, went and was compressed between two looks.
    bench.shop.rename("audit.log", "audit-2026-01-03T00-00-00.500.log")
    bench.shop.gzip("audit-2026-01-03T00-00-00.500.log")
    bench.shop.write("audit.log", text(5...5))
    bench.poll()
    bench.shop.gzip("audit-2026-01-03T00-00-00.000.log")
    bench.shop.gzip("audit-2026-01-02T00-00-00.000.log")
    bench.shop.rename("audit.log", "audit-2026-01-04T00-00-00.000.log")
    bench.shop.write("audit.log", text(6...6))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...6))
  }

  @Test func copyTruncated() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...3))
    bench.poll()
    bench.shop.append("a.log", text(4...5))  // not yet read when it happens: found in the copy
    bench.shop.copyTruncate("a.log", to: "a.log.1")
    bench.shop.append("a.log", text(6...6))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...6))
    #expect(bench.basin.now.gapBytes == 0)
  }

  @Test func copyTruncatedAndTheCopyMatchesThePattern() {
    let bench = Bench(["a.log*"])
    bench.shop.write("a.log", text(1...3))
    bench.poll()
    bench.shop.write("a.log.1", Array(bench.shop.read("a.log").prefix(12)))  // half of the copy
    bench.poll()
    bench.shop.copyTruncate("a.log", to: "a.log.1")
    bench.poll()
    bench.shop.append("a.log", text(4...4))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...4))
  }

  @Test func truncatedWithoutACopyIsCountedAsAGap() {
    let bench = Bench(["a.log"], budget: 1)
    bench.shop.write("a.log", text(1...1))
    bench.poll()
    #expect(bench.basin.reserve(1))
    bench.shop.append("a.log", text(2...3))
    #expect(bench.poll() == .noRoom)
    bench.shop.truncate("a.log")
    bench.basin.release(1)
    bench.poll()
    bench.shop.append("a.log", text(4...4))
    bench.settle()
    #expect(bench.basin.lines == lines(1...1) + lines(4...4))
    #expect(bench.basin.now.gapBytes == text(2...3).utf8.count)
  }

  @Test func regrownPastTheOffset() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...3))
    bench.poll()
    bench.shop.write("a.log", text(10...90))  // truncated and written between two looks
    bench.settle()
    #expect(bench.basin.lines == lines(1...3) + lines(10...90))
  }

  @Test func writtenAnewAtTheSameLength() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...3))
    bench.poll()
    bench.shop.write("a.log", text(4...6))
    bench.settle()
    #expect(bench.basin.lines == lines(1...6))
  }

  @Test func recreatedWithTheSameInode() {
    // The number of a deleted inode is free once nobody holds it: grace 0 lets it go at once.
    let bench = Bench(["a.log"]) { $0.graceSeconds = 0 }
    var expected: [String] = []
    var inodes: Set<UInt64> = []
    for turn in 1...8 {
      bench.shop.write("a.log", text(turn...turn))
      if let facts = try? FileFacts(path: bench.shop("a.log")) { inodes.insert(facts.key.inode) }
      expected += lines(turn...turn)
      bench.poll()
      bench.shop.delete("a.log")
      bench.poll()
    }
    #expect(bench.basin.lines == expected)
    #expect(bench.basin.now.ended.count == 8)
    if inodes.count == 8 { print("no inode was used twice on this file system") }
  }

  @Test func deletedWhileUnread() {
    let bench = Bench(["a.log"], budget: 1)
    #expect(bench.basin.reserve(1))
    bench.shop.write("a.log", text(1...3) + "half")
    #expect(bench.poll() == .noRoom)
    bench.shop.delete("a.log")
    #expect(bench.poll() == .noRoom)
    bench.basin.release(1)
    bench.settle()
    #expect(bench.basin.lines == lines(1...3))
    #expect(bench.basin.fragments == ["half"])
    #expect(bench.follower.open.isEmpty)
  }

  @Test func symbolicLinkSwitched() {
    let bench = Bench(["current"])
    bench.shop.write("one", text(1...2))
    bench.shop.write("two", text(3...4))
    bench.shop.link("current", to: "one")
    bench.poll()
    bench.shop.link("current", to: "two")
    bench.poll()
    bench.shop.append("one", text(5...5))  // still within its grace
    bench.poll()
    bench.settle()
    bench.shop.link("current", to: "one")  // and back: nothing of it is new
    bench.shop.append("one", text(6...6))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...6))
  }

  @Test func halfALine() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", "a line 1\na li")
    bench.poll()
    bench.settle()
    #expect(bench.basin.lines == lines(1...1))
    bench.shop.append("a.log", "ne 2\n")
    bench.poll()
    #expect(bench.basin.lines == lines(1...2))
    bench.shop.append("a.log", "cut off")
    bench.poll()
    bench.shop.rename("a.log", "a.log.1")
    bench.settle()
    #expect(bench.basin.fragments == ["cut off"])
  }

  @Test(arguments: [1, 7, 100, 4096]) func hugeLine(chunk: Int) {
    let bench = Bench(["a.log"]) {
      $0.chunkBytes = chunk
      $0.lineBytesLimit = 1000
    }
    bench.shop.write("a.log", "a line 1\n" + String(repeating: "x", count: 50_000))
    bench.poll()
    bench.shop.append("a.log", String(repeating: "x", count: 50_000) + "\na line 2\n")
    bench.poll()
    let delivered = bench.basin.lines
    #expect(delivered.first == "a line 1" && delivered.last == "a line 2")
    #expect(delivered.count == 3)
    #expect(delivered.dropFirst().first?.utf8.allSatisfy { $0 == UInt8(ascii: "x") } == true)
    #expect((delivered.dropFirst().first?.utf8.count ?? 0) > 1000)
    #expect(bench.basin.now.largestReserved <= 2 * (1000 + chunk) + 2 * chunk)
    #expect(bench.basin.now.sourceBytes == bench.shop.read("a.log").count)
  }

  @Test(arguments: [64, 4096, 256 << 10]) func holeOfZeros(chunk: Int) {
    let bench = Bench(["a.log"]) {
      $0.chunkBytes = chunk
      $0.lineBytesLimit = 1 << 16
    }
    bench.shop.write("a.log", text(1...2))
    bench.poll()
    bench.shop.truncate("a.log")
    bench.shop.write("a.log", at: 40_000_000, text(3...4))
    bench.poll()
    bench.shop.append("a.log", text(5...5))
    bench.poll()
    #expect(bench.basin.lines == lines(1...5))
  }

  @Test func unreadableThenReadable() {
    let bench = Bench(["a.log", "b.log"])
    bench.shop.write("a.log", text(1...1))
    bench.shop.write("b.log", text(1...1, of: "b"))
    bench.shop.mode("a.log", 0)
    _ = unsafe chmod(bench.shop.path, 0o755)
    asNobody {
      bench.poll()
      bench.poll()
    }
    #expect(bench.basin.lines == lines(1...1, of: "b"))
    #expect(bench.status.snapshot.errors == [.permissionDenied: 1])
    #expect(!bench.status.snapshot.isUp)
    bench.shop.mode("a.log", 0o644)
    asNobody { bench.poll() }
    #expect(bench.basin.lines.sorted() == lines(1...1) + lines(1...1, of: "b"))
    #expect(bench.status.snapshot.errors == [.permissionDenied: 1])
    #expect(bench.status.snapshot.isUp)
  }

  @Test func missingThenThere() {
    let bench = Bench(["a.log"])
    bench.poll()
    bench.poll()
    #expect(bench.status.snapshot.errors == [.fileMissing: 1])
    #expect(!bench.status.snapshot.isUp)
    bench.shop.write("a.log", text(1...1))
    bench.poll()
    #expect(bench.basin.lines == lines(1...1))
    #expect(bench.status.snapshot.isUp)
    bench.shop.delete("a.log")
    bench.poll(after: 1)
    #expect(bench.status.snapshot.isUp)  // for a moment that is what rotation looks like
    bench.poll(after: 10)
    bench.poll(after: 10)
    #expect(bench.status.snapshot.errors == [.fileMissing: 2])
  }

  @Test func aDirectoryIsNoFile() {
    let bench = Bench(["a.log"])
    bench.shop.directory("a.log")
    bench.poll()
    bench.poll()
    #expect(bench.status.snapshot.errors == [.notAFile: 1])
  }

  @Test func aClosedQueueEndsIt() {
    let bench = Bench(["a.log"])
    bench.shop.write("a.log", text(1...2))
    bench.basin.state.withLock { $0.isClosed = true }
    #expect(bench.poll() == .ended)
    #expect(bench.basin.now.reserved == 0)
  }

  /// Runs without root's right to read everything. The change is this thread's alone.
  private func asNobody(_ body: () -> Void) {
    guard geteuid() == 0 else { return body() }
    _ = setfsuid(65534)
    defer { _ = setfsuid(0) }
    body()
  }
}
