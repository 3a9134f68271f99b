import Glibc
import TestSupport
import Testing

/// A log that grows, is rotated in every usual way, vanishes and comes back: nothing is lost, nothing counted twice.
@Suite struct FollowingTests {
  private static let requests = "kube_audit_requests_total"

  private func expectCount(
    _ exporter: Exporter, _ count: Int, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let page = try exporter.page("\(what): \(count) requests") { $0.sum(Self.requests) >= count }
    #expect(page.sum(Self.requests) == count, "\(what)", sourceLocation: sourceLocation)
    #expect(page.sum("kube_audit_events_rejected_total") == 0, "\(what)", sourceLocation: sourceLocation)
    expectBalance(page, sourceLocation: sourceLocation)
  }

  @Test func appendedLinesAppear() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Event.lines(0..<10), to: path)
      let exporter = try Exporter(["--input.file", path])
      try expectCount(exporter, 10, "what was there")
      try Files.write(Event.lines(10..<25), to: path, append: true)
      try expectCount(exporter, 25, "appended")
      // Half a line is nothing yet; the next full line shows that the file was read that far.
      let line = Event(number: 25).line
      try Files.write(Event.lines(26..<27) + line.prefix(100), to: path, append: true)
      try expectCount(exporter, 26, "half a line")
      try Files.write(Array(line.dropFirst(100)), to: path, append: true)
      try expectCount(exporter, 27, "the other half")
    }
  }

  @Test func theEndIsWhereToStartIfSaid() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Event.lines(0..<10), to: path)
      let exporter = try Exporter(["--input.file", path, "--input.file.start", "end"])
      try exporter.page("the file's input") { $0.sum("kube_audit_input_up") == 1 }
      try Files.write(Event.lines(10..<13), to: path, append: true)
      try expectCount(exporter, 3, "appended after the start")
    }
  }

  /// The writer keeps the old file open for a while, as the API server does.
  @Test func aRenamedLogIsReadToItsEnd() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Event.lines(0..<10), to: path)
      let exporter = try Exporter(["--input.file", path])
      try expectCount(exporter, 10, "before")
      var next = 10
      for round in 1...3 {
        let rotated = folder + "/audit-2026-01-05T08-0\(round)-00.000.log"
        try Files.write(Event.lines(next..<next + 5), to: path, append: true)
        #expect(unsafe rename(path, rotated) == 0)
        try Files.write(Event.lines(next + 5..<next + 8), to: rotated, append: true)
        try Files.write(Event.lines(next + 8..<next + 20), to: path)
        try Files.write(Event.lines(next + 20..<next + 22), to: rotated, append: true)
        next += 22
        try expectCount(exporter, next, "rotation \(round)")
      }
    }
  }

  /// A pattern that covers the rotated files too, which the API server compresses: the same events, not new ones.
  @Test func whatIsCompressedAfterwardsIsNotReadAgain() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Event.lines(0..<10), to: path)
      // Named once by itself and covered by the pattern: read once.
      let exporter = try Exporter(["--input.file", path, "--input.file", folder + "/audit*"])
      try expectCount(exporter, 10, "before")
      for round in 1...2 {
        let rotated = folder + "/audit-2026-01-05T08-0\(round)-00.000.log"
        try #require(unsafe rename(path, rotated) == 0)
        try Files.write(Event.lines(20 * round..<20 * round + 10), to: path)
        try expectCount(exporter, 12 * round + 8, "rotation \(round)")
        #expect(try Process.run(["gzip", rotated]).status == 0)
        try Files.write(Event.lines(100 + round..<101 + round), to: folder + "/audit-marker-\(round).log")
        try exporter.page("a new file after the compressed one") {
          $0.sum(Self.requests) >= 12 * round + 9
        }
        unsafe unlink(folder + "/audit-marker-\(round).log")
        try Files.write(Event.lines(200 + round..<201 + round), to: path, append: true)
      }
      try expectCount(exporter, 34, "in the end")
    }
  }

  @Test func aTruncatedLogIsReadAnew() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Event.lines(0..<20), to: path)
      let exporter = try Exporter(["--input.file", path])
      try expectCount(exporter, 20, "before")
      for round in 1...3 {
        #expect(unsafe truncate(path, 0) == 0)
        try Files.write(Event.lines(20 * round..<20 * round + 20), to: path, append: true)
        try expectCount(exporter, 20 * round + 20, "truncation \(round)")
      }
    }
  }

  @Test func aRecreatedLogIsReadFromItsBeginning() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      let exporter = try Exporter(["--input.file", path])
      try Files.write(Event.lines(0..<10), to: path)
      try expectCount(exporter, 10, "a log that appears later")
      for round in 1...2 {
        unsafe unlink(path)
        try Files.write(Event.lines(10 * round..<10 * round + 10), to: path)
        try expectCount(exporter, 10 * round + 10, "recreated")
      }
    }
  }

  @Test func filesAndPatternsHaveTheirClusters() throws {
    try Files.withTemporaryFolder { folder in
      let configuration = """
        cluster:
          name: fallback
        inputs:
          file:
            - path: \(folder)/one.log
              cluster: one
            - path: "\(folder)/nodes/*/audit*.log"
              cluster: many
            - \(folder)/rest.log
        """
      for node in ["a", "b"] { #expect(mkdirs("\(folder)/nodes/\(node)")) }
      try Files.write(Event.lines(0..<1), to: folder + "/one.log")
      try Files.write(Event.lines(0..<2), to: folder + "/nodes/a/audit.log")
      try Files.write(Event.lines(0..<4), to: folder + "/nodes/b/audit-2.log")
      try Files.write(Event.lines(0..<8), to: folder + "/rest.log")
      let exporter = try Exporter(configuration: configuration, folder: folder)
      try expectCount(exporter, 15, "what was there")
      // A new node's file, in a new folder that the pattern covers.
      #expect(mkdirs("\(folder)/nodes/c"))
      try Files.write(Event.lines(0..<16), to: folder + "/nodes/c/audit.log")
      try Files.write(Event.lines(100..<132), to: folder + "/one.log", append: true)
      try expectCount(exporter, 63, "a new folder and more lines")
      let page = try exporter.scrape()
      #expect(page.sums(Self.requests, by: ["k8s_cluster"]) == ["one": 33, "many": 22, "fallback": 8])
    }
  }

  private func mkdirs(_ path: String) -> Bool { (try? Process.run(["mkdir", "-p", path]).status) == 0 }
}
