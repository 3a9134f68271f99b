import Concurrency
import Diagnostics
import Glibc
import TestSupport
import Testing
import Transport

@testable import AWS

/// Tests/Tools/aws_server.py, running, and a session that asks it.
private final class Scene {
  let process: RunningProcess
  let url: String
  let clock = Lock<Microseconds>(0)
  let policy = CallPolicy()
  private(set) var session: AWSSession

  init(_ arguments: [String] = [], _ variables: [String: String] = [:], files: [String: String] = [:]) throws {
    process = try RunningProcess([Tool.python, Tool.path("aws_server.py")] + arguments)
    let port = try process.wait(for: "a port") { [process] in
      process.outputText.split(separator: "\n").first.flatMap { Int($0) }
    }
    url = "http://127.0.0.1:\(port)"
    let own = ["AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url + "/"]
    let environment = ProcessEnvironment(own.merging(variables) { $1 }) { (path) throws(Concurrency.SystemError) in
      guard let text = files[path] else { throw Concurrency.SystemError(code: ENOENT) }
      return Array(text.utf8)
    }
    let timing = CallTiming(
      monotonic: { Clock.monotonic }, clock: Clock { [clock] in Clock.system.now + clock.withLock { $0 } },
      wait: { stop, _ in stop.isRaised }, random: { 0.5 })
    session = try AWSSession(
      environment, Caller(try HTTPClient(stop: StopSignal()), policy: policy, timing: timing))
    // The server is a process that has to come to its turn.
    (session.containerMilliseconds, session.instanceMilliseconds) = (60_000, 60_000)
  }

  static let long = CredentialSource.keys(
    Credentials(accessKeyID: "AKIDLONG", secretKey: "long-secret"), link: .environment)

  /// Who signed a call; or why there was no answer.
  func call(_ act: String = "", _ source: CredentialSource = long) -> Result<String, CallFailure> {
    do throws(CallFailure) {
      return .success(
        try session.call(
          .cloudWatchLogs, "FilterLogEvents", region: "eu-west-1", source: source, body: #"{"act":"\#(act)"}"#
        ) { (try? JSON.parse($0))?["signer"]?.string })
    } catch { return .failure(error) }
  }

  /// Later, by this machine's clock; the server's stays.
  func pass(minutes: Int64) { clock.withLock { $0 += minutes * 60_000_000 } }

  func log() throws -> [String] {
    let answer = try HTTPClient(stop: StopSignal()).send(HTTPRequest("GET", url + "/log"))
    return try #require(try JSON.parse(answer.body).array).compactMap(\.string)
  }

  func count(_ operation: String, _ outcome: CallOutcome) -> UInt64 {
    policy.counts.all.filter { $0.key.name.operation == operation && $0.key.outcome == outcome }.values.reduce(0, +)
  }
}

/// Over real sockets, signatures checked by botocore.
@Suite(.serialized) struct AWSSessionTests {
  @Test func callsAreSignedCountedAndTriedAgain() throws {
    let scene = try Scene()
    #expect(scene.call() == .success("AKIDLONG"))
    #expect(scene.call("throttle") == .success("AKIDLONG"))
    #expect(scene.call("broken") == .success("AKIDLONG"))
    let missing = CallFailure(
      .refused, code: "ResourceNotFoundException", #"ResourceNotFoundException: no such group \u{1b}[31m"#)
    #expect(scene.call("missing") == .failure(missing))
    guard case .failure(let nonsense) = scene.call("nonsense") else { return #expect(Bool(false)) }
    #expect(nonsense.outcome == .unreadable)
    let counts = [CallOutcome.success, .throttled, .serverError, .refused, .unreadable].map {
      scene.count("FilterLogEvents", $0)
    }
    #expect(counts == [3, 2, 1, 1, 3])
    let path = try scene.session.get(
      .eks, "DescribeCluster", region: "eu-west-1", source: Scene.long, path: "/clusters/my%20cluster",
      query: [("nextToken", "a/b==+ é"), ("maxResults", "100")]
    ) { (try? JSON.parse($0))?["signer"]?.string }
    #expect(path == "AKIDLONG")
  }

  @Test func wrongKeysAreNotTriedAgainAndTellNothing() throws {
    let scene = try Scene()
    let keys = Credentials(accessKeyID: "AKIDLONG", secretKey: "wrong", sessionToken: "hidden-token")
    guard case .failure(let failure) = scene.call("", .keys(keys, link: .environment)) else {
      return #expect(Bool(false))
    }
    #expect(failure == CallFailure(.denied, code: "SignatureDoesNotMatch", "SignatureDoesNotMatch"))
    #expect(try scene.log().count == 1)
  }

  /// A machine whose clock is an hour off: the first answer says so, and the rest goes through.
  @Test(arguments: [3600, -3600]) func aWrongClockIsCorrectedOnce(ahead: Int) throws {
    let scene = try Scene(["--clock-ahead", String(ahead)])
    for _ in 0..<3 { #expect(scene.call() == .success("AKIDLONG")) }
    #expect(scene.count("FilterLogEvents", .denied) == 1 && scene.count("FilterLogEvents", .success) == 3)
  }

  /// The token file is read at each refresh, roles are kept until they age, and an expired token is renewed at once.
  @Test func webIdentityIsRefreshed() throws {
    let identity = WebIdentity(roleARN: "arn:aws:iam::1:role/flaky", tokenFile: "/token", sessionName: "pod-1")
    let scene = try Scene([], [:], files: ["/token": "eyJhbGciOi.eyJzdWIi.c2ln"])
    let source = CredentialSource.webIdentity(identity)
    for _ in 0..<3 { #expect(scene.call("", source) == .success("ASIAROLE1")) }
    #expect(scene.count("AssumeRoleWithWebIdentity", .success) == 1)
    #expect(scene.count("AssumeRoleWithWebIdentity", .serverError) == 1)
    #expect(try scene.log()[0].contains("flaky None None pod-1 by None eyJhbGciOi.eyJzdWIi.c2ln"))
    scene.pass(minutes: 44)
    #expect(scene.call("", source) == .success("ASIAROLE1"))
    scene.pass(minutes: 2)
    #expect(scene.call("", source) == .success("ASIAROLE2"))
    #expect(scene.call("expire", source) == .success("ASIAROLE3"))
  }

  /// Fresh ones are wanted from a quarter of an hour before the end, but the old ones serve while there are none.
  @Test func ageingCredentialsServeOn() {
    var cache = CredentialCache()
    let minute: Microseconds = 60_000_000
    let failure = Failure(.init("x"), "x", at: .process, remedy: "x")
    var asked = 0
    func ask(_ now: Microseconds, _ end: Microseconds?) -> Bool {
      do throws(Failure) {
        _ = try cache.credentials(at: now) { () throws(Failure) -> Credentials in
          asked += 1
          guard let end else { throw failure }
          return Credentials(accessKeyID: "a", secretKey: "b", expiration: end)
        }
        return true
      } catch { return false }
    }
    #expect(ask(0, 60 * minute) && asked == 1)
    #expect(ask(44 * minute, nil) && asked == 1)
    #expect(ask(45 * minute, nil) && asked == 2)
    #expect(ask(45 * minute + minute / 2, nil) && asked == 2, "not again at once")
    #expect(ask(49 * minute, nil) && asked == 3)
    #expect(!ask(50 * minute, nil) && asked == 4)
    #expect(ask(50 * minute, 66 * minute) && asked == 5)
    // Sixteen minutes to live: the last half and the last quarter count.
    #expect(ask(57 * minute, nil) && asked == 5)
    #expect(ask(58 * minute, nil) && asked == 6)
    #expect(!ask(62 * minute, nil) && asked == 7)
  }

  /// A role of another account, assumed with a role: at most an hour, with the external ID.
  @Test func rolesAreAssumedInChains() throws {
    let scene = try Scene()
    var other = AssumedRole(roleARN: "arn:aws:iam::2:role/other-account", durationSeconds: 7200)
    let first = CredentialSource.role(
      AssumedRole(roleARN: "arn:aws:iam::1:role/a", durationSeconds: 7200), base: Scene.long)
    guard case .failure(let failure) = scene.call("", .role(other, base: first)) else { return #expect(Bool(false)) }
    #expect(failure.code == "credentials_assume_role" && failure.text.contains("external ID"))
    other.externalID = "shared word"
    #expect(scene.call("", .role(other, base: first)) == .success("ASIAROLE2"))
    let log = try scene.log().filter { $0.hasPrefix("AssumeRole ") }
    #expect(log[0].contains("role/a None 7200 kube-audit-exporter by AKIDLONG"))
    #expect(log.last?.contains("other-account shared word 3600 kube-audit-exporter by ASIAROLE1") == true)
  }

  @Test func containersAndInstancesAreAsked() throws {
    let scene = try Scene([], [:], files: ["/pod-token": "eyJ.pod"])
    let flaky = ContainerEndpoint(url: scene.url + "/container/flaky", authorization: .file("/pod-token"))
    #expect(scene.call("", .container(flaky)) == .success("ASIACONTAINER1"))
    #expect(try scene.log()[0] == "container /container/flaky eyJ.pod")
    #expect(scene.call("", .instance) == .success("ASIAINSTANCE2"))
    let metadata = try scene.log().filter { $0.contains("/latest/") }
    #expect(
      metadata.map { String($0.split(separator: "/").last ?? "") } == ["token", "security-credentials", "node%20role"])
    #expect(metadata[0].hasPrefix("PUT"))
  }

  /// Each error names its link, where it was, and what to do; none holds a token or a key.
  @Test func errorsNameTheLinkThatFailed() throws {
    let scene = try Scene([], [:], files: ["/broken": "hidden-token\n", "/fine": "hidden-token"])
    func container(_ path: String) -> CredentialSource {
      .container(ContainerEndpoint(url: scene.url + path, authorization: .value("hidden-token")))
    }
    func identity(_ file: String) -> CredentialSource {
      .webIdentity(WebIdentity(roleARN: "arn:denied", tokenFile: file, sessionName: "s"))
    }
    let nowhere = CredentialSource.container(ContainerEndpoint(url: "http://127.0.0.1:1/x", authorization: .none))
    let wrong = Credentials(accessKeyID: "AKIDWRONG", secretKey: "hidden-token")
    let rows: [(CredentialSource, String, String)] = [
      (
        identity("/fine"), "credentials_web_identity", "not authorized to perform: sts:AssumeRoleWithWebIdentity & more"
      ),
      (identity("/nowhere"), "credentials_web_identity", "No such file"),
      (identity("/broken"), "credentials_web_identity", "line break"),
      (.role(AssumedRole(roleARN: "arn:denied"), base: Scene.long), "credentials_assume_role", "sts:AssumeRole"),
      (
        .role(AssumedRole(roleARN: "arn:x"), base: .keys(wrong, link: .profile)), "credentials_assume_role",
        "UnrecognizedClientException"
      ),
      (.role(AssumedRole(roleARN: "arn:x"), base: identity("/nowhere")), "credentials_web_identity", "No such file"),
      (container("/container/denied"), "credentials_container", "status 403"),
      (container("/container/failed"), "credentials_container", "Failed"),
      (container("/container/nonsense"), "credentials_container", "no credentials"),
      (nowhere, "credentials_container", "connect"),
    ]
    for (source, reason, word) in rows {
      guard case .failure(let failure) = scene.call("", source) else {
        Issue.record("\(source) leads to credentials")
        continue
      }
      #expect(failure.outcome == .denied && failure.code == reason, "\(failure)")
      #expect(failure.text.contains(word) && !failure.text.contains("hidden"), "\(failure)")
    }
  }
}
