import Concurrency
import Glibc
import TestSupport

@testable import Exporter

/// A client that says exactly what it is told to, byte by byte.
final class RawClient {
  private let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if code != 0 { throw Refused() }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  struct Refused: Error {}

  deinit { close(descriptor) }

  /// False when the other side has gone.
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var at = 0
    while at < bytes.count {
      let count = unsafe bytes[at...].withUnsafeBytes { raw in
        unsafe Glibc.send(descriptor, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      at += count
    }
    return true
  }

  /// Reads until `isEnough` of the text so far, or until the other side closes.
  func read(until isEnough: (String) -> Bool = { _ in false }) -> String {
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 << 10)
    while !isEnough(String(decoding: text, as: UTF8.self)) {
      let count = unsafe recv(descriptor, &block, block.count, 0)
      if count <= 0 { break }
      text += block[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Sends everything and reads until the other side closes.
  static func exchange(_ port: UInt16, _ text: String) throws -> String {
    let client = try RawClient(port: port)
    client.send(text)
    return client.read()
  }
}

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
      ["curl", "-s", "-m", "50", "--path-as-is", "-D", folder + "/head", "-o", folder + "/body", "-w", "%{http_code}"]
        + arguments + ["http://127.0.0.1:\(port)\(path)"], input: input)
    return CurlAnswer(
      exit: outcome.status, status: Int(outcome.outputText) ?? -1,
      headers: String(decoding: (try? Files.read(folder + "/head")) ?? [], as: UTF8.self),
      body: (try? Files.read(folder + "/body")) ?? [])
  }
}

/// Waits until `condition` holds, at most ten seconds. Answers whether it does.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<2_000 {
    if condition() { return true }
    usleep(5_000)
  }
  return condition()
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
