import Glibc

/// A connection that says exactly what it is told to, when it is told to.
public final class RawConnection {
  private let descriptor: Int32
  /// Nobody listens.
  public struct Refused: Error {}

  /// Connects to a port of this machine, by one of its own addresses (`127.x.y.z`).
  ///
  /// - Parameter secondsLimit: how long an answer is waited for.
  public init(address: String = "127.0.0.1", port: UInt16, secondsLimit: Double = 30) throws {
    _ = Self.manyDescriptors
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    target.sin_addr.s_addr = unsafe inet_addr(address)
    let code = unsafe withUnsafePointer(to: &target) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if code != 0 { throw Refused() }
    var limit = timeval(
      tv_sec: Int(secondsLimit), tv_usec: Int((secondsLimit - secondsLimit.rounded(.down)) * 1_000_000))
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// Several tests hold a thousand connections at once; a process may often have no more than that, unless it asks.
  private static let manyDescriptors: Void = {
    var limit = rlimit()
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }()

  /// False when the other side has gone.
  @discardableResult
  public func send(_ bytes: some Sequence<UInt8>) -> Bool {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// The same.
  @discardableResult
  public func send(_ text: String) -> Bool { send(text.utf8) }

  /// Says that nothing more will be sent; what is answered can still be read.
  public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Makes the end of this connection a reset.
  public func resetAtEnd() {
    var now = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  }

  /// Takes as few bytes at a time from the other side as the system allows.
  public func narrow() {
    var bytes: Int32 = 1
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Reads until `isEnough` of the text so far, or until the other side closes.
  public func read(until isEnough: (String) -> Bool = { _ in false }) -> String {
    var text: [UInt8] = []
    while !isEnough(String(decoding: text, as: UTF8.self)), let block = receive() { text += block }
    return String(decoding: text, as: UTF8.self)
  }

  /// Sends everything and reads until the other side closes.
  public static func exchange(_ port: UInt16, _ text: String) throws -> String {
    let connection = try RawConnection(port: port)
    connection.send(text)
    return connection.read()
  }

  /// The next answer: its status and body by `Content-Length`. Nil when the other side closed before it was whole.
  public func answer() -> (status: Int, body: String)? {
    var bytes: [UInt8] = []
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let at = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) {
        let head = String(decoding: bytes[..<at], as: UTF8.self)
        let length = head.split(whereSeparator: \.isNewline).first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) }
        if let length, bytes.count >= at + end.count + length {
          let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
          return (status, String(decoding: bytes[(at + end.count)...].prefix(length), as: UTF8.self))
        }
      }
      guard let block = receive() else { return nil }
      bytes += block
    }
  }

  /// What has arrived, at least a byte; nil when the other side has closed, or nothing came for long.
  private func receive() -> ArraySlice<UInt8>? {
    var block = [UInt8](repeating: 0, count: 64 << 10)
    let count = unsafe recv(descriptor, &block, block.count, 0)
    return count > 0 ? block[..<count] : nil
  }
}
