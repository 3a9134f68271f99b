import TestSupport
import Testing

/// Inputs that are much larger than they look, or than anything may be: each has its answer, memory stays bounded, and the
/// events beside them count. Sizes are in megabytes.
@Suite(.serialized) struct BloatTests {
  /// docs/limits.md: the longest event while it is read twice over, the queue, and the program itself.
  private static let residentLimit = 128 << 20
  private static let first = Event(user: "first", number: 1).line
  private static let last = Event(user: "last", number: 2).line

  private static let megabytes = Campaign.size("bloat", short: 48)
  private static let bombMegabytes = Campaign.size("bombs", short: 80)

  private static func expectNeighbours(
    _ exporter: Exporter, _ reason: String, _ what: String, _ megabytes: Int = megabytes,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let page = try exporter.page("both neighbours", secondsLimit: 300) { $0.sum("kube_audit_requests_total") == 2 }
    let lost = page.sum("kube_audit_events_rejected_total") + page.sum("kube_audit_events_ignored_total")
    #expect(lost == 1, sourceLocation: sourceLocation)
    let named = page.samples.filter { $0.labels["reason"] == reason && $0.name.hasPrefix("kube_audit_events_") }
    #expect(named.reduce(0) { $0 + $1.value } == 1, "\(reason)", sourceLocation: sourceLocation)
    expectBalance(page, sourceLocation: sourceLocation)
    let peak = try exporter.residentPeakBytes()
    #expect(peak < residentLimit, "\(peak >> 10) KiB", sourceLocation: sourceLocation)
    Campaign.report("bloat", "\(what) of \(megabytes) MB: \(peak >> 10) KiB resident at most")
  }

  @Test func aLongLineOfAFile() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log"
      try Files.write(Self.first, to: path)
      try Bloat.sendLine(Self.megabytes) { try Files.write($0, to: path, append: true) }
      try Files.write(Self.last, to: path, append: true)
      try Self.expectNeighbours(try Exporter(["--input.file", path]), "too_long", "a line of a file")
    }
  }

  @Test func aLongLineOfStandardInput() throws {
    let exporter = try Exporter(["--input.stdin"], input: .pipe)
    try exporter.process.send(Self.first)
    try Bloat.sendLine(Self.megabytes) { try exporter.process.send($0) }
    // The scrape goes on meanwhile: nobody waits for the line's end.
    #expect(try exporter.scrape().sum("kube_audit_requests_total") >= 1)
    try exporter.process.send(Self.last)
    try Self.expectNeighbours(exporter, "too_long", "a line of standard input")
  }

  /// A bomb in a file, in one that is replayed, and on standard input; of zeros, which are holes, and of a letter.
  @Test func bombsInFiles() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/audit.log.gz"
      let bomb = try Bloat.bomb(Self.bombMegabytes, of: 0x61, before: Self.first, after: [0x0A] + Self.last)
      try Files.write(bomb, to: path)
      let megabytes = Self.bombMegabytes
      try Self.expectNeighbours(try Exporter(["--input.file", path]), "other_text", "a bomb in a file", megabytes)
      let stdin = try Exporter(["--input.stdin"], input: .bytes(bomb))
      try Self.expectNeighbours(stdin, "other_text", "a bomb on standard input", megabytes)
      #expect(try Program.replay([path]).sum("kube_audit_requests_total") == 2)
      try Files.write(try Bloat.bomb(Self.bombMegabytes, of: 0, before: Self.first, after: Self.last), to: path)
      let zeros = try Exporter(["--input.file", path])
      try zeros.page("both neighbours", secondsLimit: 600) { $0.sum("kube_audit_requests_total") == 2 }
      #expect(try zeros.residentPeakBytes() < Self.residentLimit)
    }
  }

  /// The same pushed: with a length, in chunks, compressed, compressed twice.
  @Test func longBodies() throws {
    let exporter = try Exporter(webhook: true)
    let port = try #require(exporter.pushPort)
    let block = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    let head = "POST /webhook HTTP/1.1\r\nHost: x\r\n"
    let megabytes = max(Self.megabytes, 80)
    let long = try RawConnection(port: port)
    long.send(head + "Content-Length: \(megabytes << 20)\r\n\r\n")
    #expect(long.answer()?.status == 413, "before a byte of it")
    let chunked = try RawConnection(port: port)
    chunked.send(head + "Transfer-Encoding: chunked\r\n\r\n")
    // Refused at the end, or cut on the way where there is none in sight.
    for _ in 0..<megabytes where chunked.send("100000\r\n") { if !chunked.send(block + [13, 10]) { break } }
    chunked.send("0\r\n\r\n")
    let refused = chunked.read()
    #expect(refused.isEmpty || refused.hasPrefix("HTTP/1.1 413 "), "\(refused)")
    let packed = ["-H", "Content-Encoding: gzip"]
    #expect(try exporter.push(try Bloat.bomb(Self.bombMegabytes, of: 0), packed).status == 413)
    // What is inside another one's gzip is no audit event.
    let twice = try Bloat.gzip(try Bloat.gzip(Self.first))
    #expect(try exporter.push(twice, packed).status == 200)
    #expect(try exporter.push(twice, ["-H", "Content-Encoding: gzip, gzip"]).status == 415)
    #expect(try exporter.push(Self.first).status == 200)
    let page = try exporter.page("the event") { $0.sum("kube_audit_requests_total") == 1 }
    #expect(page.sum("kube_audit_queue_bytes") == 0)
    expectBalance(page)
    let peak = try exporter.residentPeakBytes()
    #expect(peak < 256 << 20, "\(peak >> 10) KiB")
    Campaign.report("bloat", "pushed bodies of \(megabytes) MB: \(peak >> 10) KiB resident at most")
  }

  @Test func nestingWithoutEnd() throws {
    let exporter = try Exporter(["--input.stdin"], webhook: true, input: .pipe)
    let nested = Bloat.nested(Campaign.size("nesting", short: 100_000))
    for line in nested { try exporter.process.send(line + [0x0A]) }
    try exporter.process.send(Self.last)
    let page = try exporter.page("the last one") { $0.sum("kube_audit_requests_total") >= 1 }
    #expect(page.sum("kube_audit_events_rejected_total", ["reason": "too_deep"]) == nested.count)
    for body in nested { #expect(try exporter.push(body).status == 400) }
    #expect(try exporter.push(Event.list([Event(user: "good", number: 3).json])).status == 200)
    let end = try exporter.page("both") { $0.sum("kube_audit_requests_total") == 2 }
    #expect(end.sum("kube_audit_events_rejected_total", ["input": "webhook"]) == nested.count)
    expectBalance(end)
    #expect(try exporter.residentPeakBytes() < Self.residentLimit)
  }

  /// Files without number below one pattern: each is read once, few are open at a time, and each that is known costs little.
  @Test func manyFiles() throws {
    let count = Campaign.size("tiny_files", short: 1_500)
    try Files.withTemporaryFolder { folder in
      for number in 0..<count { try Files.write(Event(number: number).line, to: folder + "/\(number).log") }
      let exporter = try Exporter(["--input.file", folder + "/*.log"], storage: folder + "/state")
      let page = try exporter.page("every file", secondsLimit: 600) { $0.sum("kube_audit_requests_total") >= count }
      #expect(page.sum("kube_audit_requests_total") == count)
      expectBalance(page)
      #expect(page.sum("process_open_fds") < 128 + 64)
      let peak = try exporter.residentPeakBytes()
      #expect(peak < 64 << 20 + count << 10, "\(peak >> 10) KiB")
      Campaign.report("tiny_files", "\(count) files, \(peak >> 10) KiB resident at most")
    }
  }
}
