import Compression
import Concurrency
import Glibc
import Testing

@testable import Inputs

/// Which files are read: packed ones, those that a pattern finds, those that were there before, and very many.
@Suite struct ManyFilesTests {
  private func lines(_ range: ClosedRange<Int>, of name: String = "a") -> [String] {
    range.map { "\(name) line \($0)" }
  }
  private func text(_ range: ClosedRange<Int>, of name: String = "a") -> String {
    lines(range, of: name).map { $0 + "\n" }.joined()
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
    #expect(bench.basin.lines.filter { $0.hasPrefix("b") } == lines(1...3, of: "b"))
    // What came out before the damage is kept, and nothing else.
    let kept = bench.basin.lines.filter { $0.hasPrefix("a") }
    #expect(kept.count > 100 && kept.count < 3000)
    #expect(lines(1...3000).starts(with: kept.dropLast()))
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
    bench.begin()
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

  @Test func aClosedFileCostsLittle() {
    // Two thirds of a table are filled on average: about 150 bytes a file, 200 at worst.
    #expect(MemoryLayout<FileRecord>.stride <= 72)
    #expect(MemoryLayout<FileKey>.stride == 24)
  }
}
