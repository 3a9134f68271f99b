import Concurrency
import Glibc
import TestSupport

@testable import Exporter

/// What curl says about one request.
struct CurlAnswer {
  let exit: Int32
  let status: Int
  let headers: String
  let body: [UInt8]
  var text: String { String(decoding: body, as: UTF8.self) }

  func header(_ name: String) -> String? {
    headers.split(whereSeparator: \.isNewline).first { $0.lowercased().hasPrefix(name + ":") }
      .map { $0.dropFirst(name.count + 1).drop { $0 == " " } }.map { String($0) }
  }
}

/// Runs the real curl against a port of this machine.
func curl(_ port: UInt16, _ path: String, _ arguments: [String] = [], input: [UInt8] = []) throws -> CurlAnswer {
  try Files.withTemporaryFolder { folder in
    let outcome = try Process.run(
      [
        "curl", "-s", "--noproxy", "*", "-m", "50", "--path-as-is", "-D", folder + "/head", "-o", folder + "/body",
        "-w", "%{http_code}",
      ]
        + arguments + ["http://127.0.0.1:\(port)\(path)"], input: input)
    return CurlAnswer(
      exit: outcome.status, status: Int(outcome.outputText) ?? -1,
      headers: String(decoding: (try? Files.read(folder + "/head")) ?? [], as: UTF8.self),
      body: (try? Files.read(folder + "/body")) ?? [])
  }
}

/// Waits until `condition` holds, at most a minute, however busy the machine is. Answers whether it does.
func eventually(_ condition: () -> Bool) -> Bool {
  Deadline.poll(seconds: 60) { condition() ? true : nil } ?? false
}

extension HTTPServer {
  /// On a port that the system chooses.
  static func local(
    _ routes: [Route], prefix: String = "", _ change: (inout Options) -> Void = { _ in }
  ) throws -> HTTPServer {
    ignorePipeSignal
    var options = Options()
    change(&options)
    return try HTTPServer(
      addresses: [ListenAddress("127.0.0.1:0")], options: options, router: Router(prefix: prefix, routes))
  }

  var port: UInt16 { addresses[0].port }

  func count(_ handler: String, _ code: Int) -> UInt64 {
    counters.all.first { $0.key == .init(handler: handler, code: code) }?.count ?? 0
  }
}

private let ignorePipeSignal: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
