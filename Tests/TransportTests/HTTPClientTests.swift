import Concurrency
import Glibc
import TestSupport
import Testing
import Transport

/// Too long to be a name: no server of names is asked for it, which may be slow, or silent, or make an address up.
private let noName = String(repeating: "n", count: 64) + ".invalid"

/// One transfer at a time, over real sockets, against a server that misbehaves.
@Suite(.serialized) struct HTTPClientTests {
  @Test func sendsWhatItIsGivenAndNothingElse() throws {
    let server = try Server()
    let client = try HTTPClient(stop: StopSignal())
    var body: [UInt8] = Array(0...255)
    body += body
    let request = HTTPRequest(
      "POST", server.url("/a%20b/../c//d?x=%2F&y"), headers: [Header("X-Amz-Target", "T"), Header("X-Empty", "")],
      body: body)
    let answer = try client.send(request)
    #expect(answer.status == 200)
    let told = try JSON.parse(answer.body)
    #expect(told["method"]?.string == "POST")
    #expect(told["path"]?.string == "/a%20b/../c//d?x=%2F&y")
    #expect(told["body"]?.string == String(String.UnicodeScalarView(body.map { Unicode.Scalar($0) })))
    let names = try #require(told["headers"]?.array).map { ($0[0]?.string ?? "", $0[1]?.string ?? "") }
    #expect(names.contains { $0 == ("x-amz-target", "T") } && names.contains { $0 == ("x-empty", "") })
    #expect(Set(names.map(\.0)).isDisjoint(with: ["expect", "content-type", "transfer-encoding"]))
  }

  /// The next request must not inherit anything of the one before.
  @Test func connectionsAreUsedAgainAndRequestsAreNot() throws {
    let server = try Server()
    let client = try HTTPClient(stop: StopSignal())
    let first = try client.send(HTTPRequest("POST", server.url("/"), headers: [Header("X-One", "1")], body: [1]))
    let second = try client.send(HTTPRequest("GET", server.url("/")))
    #expect((first.newConnections, second.newConnections) == (1, 0))
    let (one, two) = (try JSON.parse(first.body), try JSON.parse(second.body))
    #expect(one["connection"] == two["connection"])
    #expect(two["method"]?.string == "GET" && two["body"]?.string == "")
    #expect(!(two["headers"]?.array ?? []).contains { $0[0]?.string == "x-one" })
    // A fault costs the connection, and no more.
    #expect(client.fault(HTTPRequest("GET", server.url("/reset"))) == .broken)
    #expect(try client.send(HTTPRequest("GET", server.url("/"))).status == 200)
  }

  @Test func answersAreWholeWithTheirHeads() throws {
    let server = try Server()
    let client = try HTTPClient(stop: StopSignal())
    let answer = try client.send(HTTPRequest("GET", server.url("/status?503")))
    #expect(answer.status == 503 && answer.body == Array("no".utf8))
    #expect(answer.header("retry-after") == "7")
    #expect(answer.headers.filter { $0.name == "x-twice" }.map(\.value) == ["1", "2"])
    let redirect = try client.send(HTTPRequest("GET", server.url("/redirect")))
    #expect(redirect.status == 302 && redirect.header("location") == "/elsewhere")
  }

  /// To the byte, before and after decompression; a bomb is stopped before it is whole in memory.
  @Test func limitsHoldToTheByte() throws {
    let server = try Server()
    let client = try HTTPClient(stop: StopSignal())
    func ask(_ path: String, body: Int = 1 << 20, head: Int = 64 << 10) -> TransferFault.Kind? {
      var request = HTTPRequest("GET", server.url(path))
      request.limits.bodyBytes = body
      request.limits.headBytes = head
      // A bomb takes its maker a while.
      (request.limits.silenceSeconds, request.limits.wholeMilliseconds) = (300, 300_000)
      return client.fault(request)
    }
    #expect(ask("/body?1000", body: 1000) == nil)
    #expect(ask("/body?1001", body: 1000) == .tooLarge)
    #expect(ask("/body?0", body: 0) == nil)
    #expect(ask("/bomb?1000000", body: 1_000_000) == nil)
    #expect(ask("/bomb?1000001", body: 1_000_000) == .tooLarge)
    #expect(ask("/bomb?500000000") == .tooLarge)
    #expect(ask("/head?9", head: 10_000) == nil)
    #expect(ask("/head?10", head: 10_000) == .tooLarge)
  }

  @Test func faultsHaveTheirKinds() throws {
    let server = try Server()
    let client = try HTTPClient(stop: StopSignal())
    func ask(_ path: String, _ change: (inout TransferLimits) -> Void = { _ in }) -> TransferFault.Kind? {
      var request = HTTPRequest("GET", server.url(path))
      change(&request.limits)
      return client.fault(request)
    }
    #expect(ask("/silence") { $0.wholeMilliseconds = 100 } == .timeout)
    #expect(ask("/drip") { $0.wholeMilliseconds = 300 } == .timeout)
    // Half an answer and then nothing: the limit of silence finds it long before that of the whole.
    #expect(ask("/stall") { $0.silenceSeconds = 1 } == .timeout)
    #expect(ask("/short") == .broken)
    #expect(ask("/nonsense") == .broken)
    #expect(client.fault(HTTPRequest("GET", "http://127.0.0.1:1/")) == .unreachable)
    #expect(client.fault(HTTPRequest("GET", "http://\(noName)/")) == .unreachable)
    #expect(client.fault(HTTPRequest("GET", "file:///etc/passwd")) == .malformed)
    #expect(client.fault(HTTPRequest("GET", server.url("/a b"))) == .malformed)
    let smuggled = Header("X-A", "1\r\nX-B: 2")
    #expect(client.fault(HTTPRequest("GET", server.url("/"), headers: [smuggled])) == .malformed)
  }

  /// However silent the other side is: the thread comes back as soon as the signal is raised.
  @Test func theStopSignalEndsATransfer() throws {
    let server = try Server()
    let stop = StopSignal()
    let client = try HTTPClient(stop: stop)
    let raiser = try NamedThread("raiser") {
      _ = StopSignal().wait(milliseconds: 50)
      stop.raise()
    }
    #expect(client.fault(HTTPRequest("GET", server.url("/silence"))) == .stopped)
    raiser.join()
    #expect(client.fault(HTTPRequest("GET", server.url("/"))) == .stopped)
  }

  @Test func certificatesAreVerified() throws {
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.authority("stranger")
      try certificates.issue("server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      let server = try Server(tls: (certificates.certificate("server"), certificates.key("server")))
      var settings = ClientSettings()
      settings.authoritiesFile = certificates.certificate("ca")
      let trusting = try HTTPClient(settings, stop: StopSignal())
      #expect(try trusting.send(HTTPRequest("GET", server.url("/", scheme: "https"))).status == 200)
      // Another name than the certificate has, another authority than it comes from, the system's authorities.
      #expect(trusting.fault(HTTPRequest("GET", server.url("/", scheme: "https", host: "localhost"))) == .tls)
      settings.authoritiesFile = certificates.certificate("stranger")
      let strange = try HTTPClient(settings, stop: StopSignal())
      #expect(strange.fault(HTTPRequest("GET", server.url("/", scheme: "https"))) == .tls)
      let plain = try HTTPClient(stop: StopSignal())
      #expect(plain.fault(HTTPRequest("GET", server.url("/", scheme: "https"))) == .tls)
      settings.authoritiesFile = folder + "/nowhere.pem"
      let missing = try HTTPClient(settings, stop: StopSignal())
      #expect(missing.fault(HTTPRequest("GET", server.url("/", scheme: "https"))) == .tls)
    }
  }

  /// HTTP/2 where the other side offers it.
  @Test func speaksHTTP2() throws {
    let program = try #require(Process.find("nghttpd"), "nghttpd is missing; install the Debian package nghttp2-server")
    try Files.withTemporaryFolder { folder in
      let certificates = Certificates(folder: folder)
      try certificates.authority("ca")
      try certificates.issue("server", by: "ca", purpose: "serverAuth", names: "IP:127.0.0.1")
      try Files.write(Array("hello".utf8), to: folder + "/page")
      let port = try FreePort.next()
      let server = try RunningProcess([
        program, "-a", "127.0.0.1", "-d", folder, String(port), certificates.key("server"),
        certificates.certificate("server"),
      ])
      var settings = ClientSettings()
      settings.authoritiesFile = certificates.certificate("ca")
      let client = try HTTPClient(settings, stop: StopSignal())
      let request = HTTPRequest("GET", "https://127.0.0.1:\(port)/page")
      let answer = try server.wait(for: "an answer") { try? client.send(request) }
      #expect(answer.version == 2 && answer.body == Array("hello".utf8))
      #expect(try client.send(request).newConnections == 0)
    }
  }

  @Test func proxiesComeFromTheEnvironment() throws {
    let server = try Server()
    unsafe setenv("http_proxy", server.url("/"), 1)
    defer { unsafe unsetenv("http_proxy") }
    let client = try HTTPClient(stop: StopSignal())
    var request = HTTPRequest("GET", "http://\(noName)/x")
    #expect(try client.send(request).body == Array("proxied http://\(noName)/x".utf8))
    #expect(try client.send(HTTPRequest("GET", server.url("/direct"))).status == 200)
    request.usesProxy = false
    #expect(client.fault(request) == .unreachable)
  }
}
