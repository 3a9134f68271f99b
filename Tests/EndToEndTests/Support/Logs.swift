import Glibc
import TestSupport

/// Logs of the generator, with what it says must be counted.
struct GeneratedLog: Sendable {
  let bytes: [UInt8]
  let expected: JSON
  /// One event each, without its line feed.
  var lines: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "\n")) }

  init(events: Int, profile: String, seed: Int = 1) throws {
    let (log, counts) = try Files.withTemporaryFolder { folder in
      let python = try Program.tool("python3", package: "python3")
      let outcome = try Process.run(
        [
          python, Files.beside("../../Tools/generate_audit_log.py"), "--events", "\(events)", "--profile", profile,
          "--seed", "\(seed)", "--out", folder + "/log", "--expect", folder + "/expect",
        ], secondsLimit: 120)
      guard outcome.status == 0 else { throw Program.MissingTool(description: outcome.errorText) }
      return (try Files.read(folder + "/log"), try Files.read(folder + "/expect"))
    }
    bytes = log
    expected = try JSON.parse(counts)
  }

  /// A log that several tests read: bodies of every size, about 7 MB.
  static let shared = Result { try GeneratedLog(events: 3_000, profile: "mixed", seed: 7) }
}

/// Events as a test writes them: who, from where, how it ended.
struct Event {
  var user = "alice"
  var sourceIP = "203.0.113.7"
  var verb = "get"
  var code = 200
  /// The annotation of the authorizer: `allow` or `forbid`.
  var decision = "allow"
  /// What was asked for, as the members of `objectRef`.
  var object = #""resource":"pods","namespace":"default","apiVersion":"v1""#
  /// Makes the event's `auditID` its own.
  var number = 0
  /// When it ended: `stageTimestamp`.
  var time = "2026-01-05T08:00:00.100000Z"

  /// One line, with its line feed.
  var line: [UInt8] { Array((json + "\n").utf8) }

  var json: String {
    let id = String(number)
    return #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000000-0000-4000-8000-"#
      + String(repeating: "0", count: max(0, 12 - id.count)) + id
      + #"","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/pods","verb":"\#(verb)","user":"#
      + #"{"username":"\#(user)","groups":["system:authenticated"]},"sourceIPs":["\#(sourceIP)"],"userAgent":"test","#
      + #""objectRef":{\#(object)},"responseStatus":{"metadata":{},"#
      + #""code":\#(code)},"requestReceivedTimestamp":"2026-01-05T08:00:00.000000Z","#
      + #""stageTimestamp":"\#(time)","annotations":{"authorization.k8s.io/decision":"\#(decision)","#
      + #""authorization.k8s.io/reason":""}}"#
  }

  /// The host's clock as the API server would write it.
  static var now: String { time(secondsAgo: 0) }

  /// The same, so many seconds ago.
  static func time(secondsAgo: Double) -> String {
    var seconds = time_t(clock - secondsAgo)
    var parts = unsafe tm()
    unsafe gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S.000000Z", &parts)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The host's clock: seconds since 1970.
  static var clock: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// So many events, each of its own, one a line.
  static func lines(_ numbers: Range<Int>, user: String = "alice", code: Int = 200) -> [UInt8] {
    numbers.flatMap { Event(user: user, code: code, number: $0).line }
  }

  /// The API server's webhook body.
  static func list(_ items: [String]) -> [UInt8] {
    Array(
      #"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[\#(items.joined(separator: ","))]}"#
        .utf8)
  }
}
