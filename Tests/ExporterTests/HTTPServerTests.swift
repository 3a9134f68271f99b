import Compression
import Concurrency
import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import Exporter

private let hello = Route("/hello") { _, responder in responder.answer(.text(200, "hello")) }

@Suite struct HTTPServerTests {
  @Test func methodsPathsAndCounts() throws {
    let server = try HTTPServer.local([
      hello, Route("/", handler: { _, responder in responder.answer(.text(200, "root")) }),
      Route("/do", methods: ["POST", "PUT"]) { _, responder in responder.answer(.text(200, "done")) },
      Route("/below", .below) { request, responder in responder.answer(.text(200, request.path)) },
    ])
    defer { server.stop(graceMilliseconds: 100) }
    let port = server.port
    let get = try curl(port, "/hello")
    #expect(get.status == 200 && get.text == "hello\n")
    #expect(get.header("x-content-type-options") == "nosniff")
    #expect(try curl(port, "/hello?x=1&y=%20").text == "hello\n")
    let head = try curl(port, "/hello", ["-I"])
    #expect(head.status == 200 && head.body.isEmpty || head.text.hasPrefix("HTTP/1.1 200"))
    #expect(head.header("content-length") == "6")
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "FOO"] {
      let answer = try curl(port, "/hello", ["-X", method])
      #expect(answer.status == 405, "\(method)")
      #expect(answer.header("allow") == "GET, HEAD")
    }
    #expect(try curl(port, "/do").header("allow") == "POST, PUT")
    #expect(try curl(port, "/do", ["-X", "PUT"]).text == "done\n")
    #expect(try curl(port, "/do", ["-d", "some body that is thrown away"]).text == "done\n")
    for path in ["/nothing", "/hello/", "/helloo", "/belowx", "/../hello", "//", "/%2fhello"] {
      #expect(try curl(port, path).status == 404, "\(path)")
    }
    #expect(try curl(port, "/below/a%20b/%2F%00?c").text == "/below/a%20b/%2F%00\n", "not decoded")
    #expect(try curl(port, "/below").text == "/below\n")
    #expect(server.count("/hello", 200) == 3)
    #expect(server.count("/hello", 405) == 7)
    #expect(server.count("/below", 200) == 2)
    #expect(server.count("(unknown)", 404) == 7)
    #expect(server.count("/", 200) == 0)
    #expect(server.counters.all.contains { $0.key == .init(handler: "/", code: 200) }, "declared at 0")
    // Who has an answer may know it before the server does.
    #expect(eventually { server.activeRequests == 0 })
  }

  @Test func aPrefixIsStrippedAndLedTo() throws {
    let server = try HTTPServer.local(
      [hello, Route("/", handler: { _, responder in responder.answer(.text(200, "root")) })], prefix: "/a/b")
    defer { server.stop(graceMilliseconds: 100) }
    #expect(try curl(server.port, "/a/b/hello").status == 200)
    #expect(try curl(server.port, "/a/b/").text == "root\n")
    for path in ["/", "/a/b"] {
      let answer = try curl(server.port, path)
      #expect(answer.status == 302)
      #expect(answer.header("location") == "/a/b/")
      #expect(try curl(server.port, path, ["-X", "POST"]).status == 405)
    }
    for path in ["/hello", "/a", "/a/bhello", "/a/bb/hello"] { #expect(try curl(server.port, path).status == 404) }
    #expect(server.count("/hello", 200) == 1)
  }

  @Test func oldAndNewProtocol() throws {
    let server = try HTTPServer.local([hello])
    defer { server.stop(graceMilliseconds: 100) }
    let old = try RawConnection.exchange(server.port, "GET /hello HTTP/1.0\r\n\r\n")
    #expect(old.contains(" 200 OK\r\n") && old.hasSuffix("hello\n"), "\(old)")
    // Kept alive: three on one connection, then three at once.
    let client = try RawConnection(port: server.port)
    for _ in 0..<3 {
      client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.read { $0.hasSuffix("hello\n") }.hasPrefix("HTTP/1.1 200 OK\r\n"))
    }
    client.send(String(repeating: "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", count: 3))
    let three = client.read { $0.components(of: "hello\n") == 3 }
    #expect(three.components(of: "HTTP/1.1 200 OK") == 3)
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(client.read().hasSuffix("hello\n"))
    #expect(server.count("/hello", 200) == 8)
  }

  struct Strictness: Sendable {
    let name: String
    let request: String
    let status: String
  }
  static let strictness: [Strictness] = [
    .init(name: "no host", request: "GET /hello HTTP/1.1\r\n\r\n", status: "400"),
    .init(
      name: "two lengths that differ",
      request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", status: "400"),
    .init(
      name: "length and chunked",
      request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      status: "400"),
    .init(
      name: "chunked and length",
      request:
        "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nGET /hello HTTP/1.0\r\n\r\n",
      status: "400"),
    .init(
      name: "another coding",
      request: "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      status: "400"),
    .init(
      name: "chunked twice",
      request:
        "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      status: "400"),
    .init(
      name: "negative length", request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", status: "400"),
    .init(
      name: "word as length", request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", status: "400"),
    .init(
      name: "signed length", request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", status: "400"),
    .init(
      name: "huge length", request: "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
      status: "413"),
    .init(
      name: "long header",
      request: "GET /hello HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 40_000))\r\n\r\n",
      status: "431"),
    .init(
      name: "many headers",
      request: "GET /hello HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 8_000))\r\n", status: "431"),
    .init(
      name: "long path", request: "GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\nHost: x\r\n\r\n",
      status: "414"),
    .init(name: "a version of its own", request: "GET /hello HTTP/9.9\r\nHost: x\r\n\r\n", status: "505"),
  ]

  @Test(arguments: strictness)
  func whatCannotBeReadOneWayIsRefused(row: Strictness) throws {
    let server = try HTTPServer.local([hello])
    defer { server.stop(graceMilliseconds: 100) }
    let answer = try RawConnection.exchange(server.port, row.request)
    #expect(
      answer.hasPrefix("HTTP/1.1 \(row.status) ") || answer.hasPrefix("HTTP/1.0 \(row.status) "),
      "\(row.name): \(answer)")
    #expect(!answer.contains("hello"), "nothing after it is taken for a request")
    #expect(server.count("/hello", 200) == 0)
  }

  @Test func equalLengthsStatedTwiceAreOne() throws {
    let server = try HTTPServer.local([Route("/hello", methods: ["POST"]) { $1.answer(.text(200, "hello")) }])
    defer { server.stop(graceMilliseconds: 100) }
    let answer = try RawConnection.exchange(
      server.port,
      "POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab")
    #expect(answer.hasPrefix("HTTP/1.1 200"))
  }

  /// A path may give its senders longer than others have; then its time is up too.
  @Test func aPathMayTakeLonger() throws {
    func route(_ path: String, seconds: Int?) -> Route {
      var policy = Route.BodyPolicy(
        limitBytes: 1_000, admit: { _ in nil }, reserve: { _, _ in true }, release: { _ in })
      policy.requestSeconds = seconds
      return Route(path, methods: ["POST"], body: policy) { $1.answer(.text(200, "")) }
    }
    let server = try HTTPServer.local([route("/slow", seconds: 3), route("/usual", seconds: nil)]) {
      $0.requestSeconds = 1
    }
    defer { server.stop(graceMilliseconds: 100) }
    func send(_ path: String, letters: Int) throws -> String {
      let client = try RawConnection(port: server.port, secondsLimit: 100)
      client.send("POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(letters)\r\n\r\n")
      for _ in 0..<letters {
        guard client.send("a") else { break }
        // Not a wait: it is the pace at which this client sends.
        usleep(100_000)
      }
      return client.read()
    }
    // Two seconds; and a minute, which nobody is given.
    #expect(try send("/slow", letters: 20).hasPrefix("HTTP/1.1 200"))
    #expect(try send("/slow", letters: 600).isEmpty)
    #expect(try send("/usual", letters: 600).isEmpty)
  }

  @Test func slowClientsAreCut() throws {
    let server = try HTTPServer.local([hello, Route("/post", methods: ["POST"]) { $1.answer(.text(200, "")) }]) {
      $0.requestSeconds = 1
      $0.idleSeconds = 1
    }
    defer { server.stop(graceMilliseconds: 100) }
    // Never a word, half a head, half a body: each with a byte now and then, which keeps a mere time-out of inactivity away.
    for beginning in [
      "", "GET /hello HTTP/1.1\r\nHost: x\r\nA: ", "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    ] {
      // Before the server's clock can begin.
      let start = Clock.monotonic
      // Waits for an answer for longer than the server may take to cut it.
      let client = try RawConnection(port: server.port, secondsLimit: 100)
      client.send(beginning)
      var isOpen = true
      while isOpen, Clock.monotonic - start < 60_000_000 {
        isOpen = beginning.isEmpty ? client.read().isEmpty == false : client.send("a")
        // Not a wait: it is the pace at which this client sends.
        usleep(50_000)
      }
      let seconds = Double(Clock.monotonic - start) / 1e6
      #expect(!isOpen && seconds > 0.8 && seconds < 60, "\(beginning): \(seconds)")
    }
    #expect(eventually { server.activeRequests == 0 })
    #expect(try curl(server.port, "/hello").status == 200)
  }

  /// A page is held compressed alone: who cannot read that gets it undone, to the last byte, whatever its size.
  @Test(arguments: [0, 1, 2_047, 32 << 10, (32 << 10) + 1, 3_000_001], [2, 256])
  func packedPagesArriveWhole(count: Int, kindsOfBytes: UInt64) throws {
    var random = SplitMix64(seed: UInt64(count) + kindsOfBytes)
    let content = (0..<count).map { _ in UInt8(random.next() % kindsOfBytes) }
    let page = PackedPage { packer in
      for start in stride(from: 0, to: count, by: 50_000) {
        packer.feed(Array(content[start..<min(count, start + 50_000)]))
      }
    }
    #expect(page.count == count)
    let server = try HTTPServer.local([
      Route("/plain") { $1.answer(HTTPResponse(200, body: .unpacked(page))) },
      Route("/packed") { $1.answer(HTTPResponse(200, body: .bytes(page.gzip))) },
    ])
    defer { server.stop(graceMilliseconds: 100) }
    for _ in 0..<2 {
      let plain = try curl(server.port, "/plain")
      #expect(plain.status == 200 && plain.body == content)
      #expect(plain.header("content-length") == String(count))
    }
    #expect(try Gzip.decompress(curl(server.port, "/packed").body, limit: count) == content)
  }

  @Test func aClientThatDoesNotReadIsCut() throws {
    let page = HTTPBody([UInt8](repeating: 65, count: 64 << 20))
    let wasAsked = Lock(false)
    let server = try HTTPServer.local([
      Route("/big") { _, responder in
        wasAsked.withLock { $0 = true }
        responder.answer(HTTPResponse(200, body: page))
      }
    ]) { $0.responseSeconds = 1 }
    defer { server.stop(graceMilliseconds: 100) }
    let client = try RawConnection(port: server.port)
    client.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    // Not that the request is active: it may be over by the time at which somebody looks.
    #expect(eventually { wasAsked.withLock { $0 } && server.activeRequests == 0 })
    #expect(client.read().utf8.count < 64 << 20)
  }

  /// Connections that ask for a large page and do not read it do not take all places for as long as an answer may take.
  @Test func manyWhoDoNotReadShutNobodyOut() throws {
    let page = HTTPBody([UInt8](repeating: 65, count: 32 << 20))
    let server = try HTTPServer.local([hello, Route("/big") { $1.answer(HTTPResponse(200, body: page)) }]) {
      $0.connectionsLimit = 16
    }
    defer { server.stop(graceMilliseconds: 100) }
    var slow: [RawConnection] = []
    for _ in 0..<16 {
      let client = try RawConnection(port: server.port)
      client.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.read { !$0.isEmpty }.hasPrefix("HTTP/1.1 200"), "nobody is cut before places are scarce")
      slow.append(client)
    }
    for _ in 0..<3 { #expect(try curl(server.port, "/hello", ["-m", "50"]).status == 200) }
    #expect(try curl(server.port, "/big", ["-m", "50"]).body.count == 32 << 20)
    withExtendedLifetime(slow) {}
  }

  @Test func connectionsPerAddressAreLimited() throws {
    let server = try HTTPServer.local([hello]) { $0.connectionsPerIPLimit = 3 }
    defer { server.stop(graceMilliseconds: 100) }
    let held = try (0..<3).map { _ in
      let client = try RawConnection(port: server.port)
      client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(client.read { $0.hasSuffix("hello\n") }.hasSuffix("hello\n"))
      return client
    }
    #expect(try RawConnection.exchange(server.port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == "")
    withExtendedLifetime(held) {}
  }

  @Test func addressesThatCannotBeHadAreFailures() throws {
    let server = try HTTPServer.local([hello])
    defer { server.stop(graceMilliseconds: 100) }
    let failure = #expect(throws: Failure.self) {
      try HTTPServer(
        addresses: [ListenAddress("127.0.0.1:0"), server.addresses[0]], router: Router([hello]))
    }
    #expect(failure?.reason.label == "address")
    #expect(failure?.what == "the address is in use")
  }

  @Test func bothFamiliesOnOnePort() throws {
    let server = try HTTPServer(
      addresses: [ListenAddress(":0"), ListenAddress("[::1]:0")], router: Router([hello]))
    defer { server.stop(graceMilliseconds: 100) }
    #expect(Set(server.addresses.map(\.port)).count == 2)
    #expect(try curl(server.addresses[0].port, "/hello").status == 200)
    let six = try Process.run(["curl", "-s", "--noproxy", "*", "http://[::1]:\(server.addresses[1].port)/hello"])
    #expect(six.outputText == "hello\n")
    #expect(try curl(server.addresses[1].port, "/hello").exit == 7, "::1 alone does not answer on IPv4")
  }
}

extension String {
  /// How often `part` occurs.
  func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
