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
    #expect(bench.status.snapshot.gapBytes == 0)
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
    #expect(bench.status.snapshot.gapBytes == UInt64(text(2...3).utf8.count))
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

  @Test(arguments: [7, 4096, 256 << 10]) func gzipFiles(chunk: Int) {
    let bench = Bench(["*"]) {
      $0.chunkBytes = chunk
      $0.lineBytesLimit = 1 << 16
    }
    let content = Array(text(1...3000).utf8)
    let packed = Gzip.compress(content)
    bench.shop.write("whole.gz", packed)
    bench.shop.write("named otherwise", Gzip.compress(Array(text(1...5, of: "b").utf8)))
    bench.shop.write("in two members", packed + Gzip.compress(Array(text(3001...3010).utf8)))
    bench.shop.write("growing.gz", Array(packed.prefix(1000)))
    bench.poll()
    bench.shop.write("growing.gz", Array(packed.prefix(1000)))
    let raw = unsafe open(bench.shop("growing.gz"), O_WRONLY | O_APPEND)
    let rest = Array(packed.dropFirst(1000))
    _ = unsafe write(raw, rest, rest.count)
    close(raw)
    bench.poll()
    let expected =
      Array(repeating: lines(1...3000), count: 3).flatMap { $0 } + lines(1...5, of: "b") + lines(3001...3010)
    #expect(bench.basin.lines.sorted() == expected.sorted())
    #expect(bench.status.snapshot.errors == [:])
  }

  @Test func damagedGzipIsReportedOnce() {
    let bench = Bench(["*.gz"])
    var packed = Gzip.compress(Array(text(1...3000).utf8))
    packed.replaceSubrange(5000..<5100, with: repeatElement(0xFF, count: 100))
    bench.shop.write("a.gz", packed)
    bench.shop.write("b.gz", Gzip.compress(Array(text(1...3, of: "b").utf8)))
    bench.poll()
    bench.poll()
    #expect(bench.status.snapshot.errors == [.badGzip: 1])
    #expect(bench.basin.lines.suffix(3) == lines(1...3, of: "b")[...] || bench.basin.lines.contains("b line 3"))
    #expect(bench.basin.lines.starts(with: lines(1...50)) || bench.basin.lines.contains("a line 50"))
  }

  @Test func patternFindsNewFiles() {
    let bench = Bench(["logs-*/[ab]*.log"])
    bench.shop.directory("logs-1")
    bench.shop.write("logs-1/a.log", text(1...1))
    bench.shop.write("logs-1/c.log", "not this\n")
    bench.shop.write("logs-1/.a.log", "nor this\n")
    bench.poll()
    bench.shop.directory("logs-2")
    bench.shop.write("logs-2/b1.log", text(2...2))
    bench.shop.write("logs-1/b2.log", text(3...3))
    bench.settle()
    bench.shop.rename("logs-1/a.log", "logs-2/a.log")  // the same file elsewhere
    bench.shop.append("logs-2/a.log", text(4...4))
    bench.settle()
    bench.shop.append("logs-2/a.log", text(5...5))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(1...5))
  }

  @Test func startAtTheEnd() {
    let bench = Bench(["a.log", "b*"]) { $0.start = .end }
    bench.shop.write("a.log", text(1...2) + "the rest of this li")
    bench.shop.write("b.log", text(1...2, of: "b"))
    bench.poll()
    bench.shop.append("a.log", "ne is not wanted\n" + text(3...3))
    bench.shop.append("b.log", text(3...3, of: "b"))
    bench.shop.write("b.new", text(4...4, of: "b"))
    bench.poll()
    bench.shop.rename("a.log", "a.log.1")
    bench.shop.write("a.log", text(4...4))
    bench.settle()
    #expect(bench.basin.lines.sorted() == lines(3...4) + lines(3...4, of: "b"))
  }

  @Test func twoNamesOfOneFileAreReadOnce() {
    let bench = Bench(["*.log"])
    bench.shop.write("a.log", text(1...2))
    _ = unsafe Glibc.link(bench.shop("a.log"), bench.shop("b.log"))
    bench.shop.link("c.log", to: "a.log")
    bench.settle()
    #expect(bench.basin.lines == lines(1...2))
  }

  @Test func equalFilesAreBothRead() {
    let bench = Bench(["*.log"])
    bench.shop.write("a.log", text(1...2))
    bench.shop.write("b.log", text(1...2))
    bench.poll()
    bench.shop.write("c.log", text(1...2))
    bench.settle()
    #expect(bench.basin.lines.sorted() == (lines(1...2) + lines(1...2) + lines(1...2)).sorted())
  }

  @Test func clustersByPattern() {
    let bench = Bench([])
    bench.shop.write("a.log", text(1...1))
    bench.shop.write("b.log", text(1...1))
    let other = Bench([]) {
      $0.sources = [.init(pattern: bench.shop("a.log"), cluster: "one"), .init(pattern: bench.shop("b*"))]
    }
    other.poll()
    #expect(other.basin.now.clusters == ["one", "default"])
  }

  @Test func readOnceEnds() {
    let bench = Bench(["*.log"]) { $0.isFollowing = false }
    bench.shop.write("a.log", text(1...2) + "unfinished")
    bench.shop.write("b.log", text(1...2, of: "b"))
    #expect(bench.poll() == .ended)
    #expect(bench.basin.lines.sorted() == lines(1...2) + lines(1...2, of: "b"))
    #expect(bench.basin.fragments == ["unfinished"])
    #expect(bench.basin.now.ended.count == 2)
  }

  @Test func manyFilesFewOpen() {
    let bench = Bench(["*.log"]) { $0.openFilesLimit = 4 }
    var expected: [String] = []
    for file in 0..<300 {
      bench.shop.write("\(file).log", "file \(file) line 1\nfile \(file)")
      expected += ["file \(file) line 1", "file \(file) line 2", "file \(file) line 3"]
    }
    bench.poll()
    for file in 0..<300 { bench.shop.append("\(file).log", " line 2\nfile \(file) line 3\n") }
    for _ in 0..<3 {
      bench.poll()
      #expect(bench.follower.open.count <= 4)
    }
    #expect(bench.basin.lines.sorted() == expected.sorted())
    #expect(bench.basin.now.faults == [])
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
