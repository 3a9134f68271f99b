internal import Concurrency
import Glibc

/// Ports that nobody listens at.
public enum FreePort {
  /// Where the next search begins. Elsewhere in each process: others may test at the same time.
  private static let start = Lock(Int.random(in: 0..<65_536))

  /// One of the loopback interface. It is given once in a process, and from below those that the system gives to whoever asks
  /// for any and to whoever connects: neither can have it before a program is started that binds it.
  /// - Throws: `Unavailable` when there is none.
  public static func next() throws -> UInt16 {
    let range = range
    for _ in range {
      let turn = start.withLock { turn in
        turn += 1
        return turn
      }
      let port = range.lowerBound + UInt16(turn % range.count)
      if try isFree(port) { return port }
    }
    throw Unavailable(code: EADDRINUSE)
  }

  /// The system's error number.
  public struct Unavailable: Error { let code: Int32 }

  /// Where the system gives out nearly all of them, its own are among these: better than none.
  private static let range: Range<UInt16> = {
    let text = (try? Files.read("/proc/sys/net/ipv4/ip_local_port_range")) ?? []
    let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    let end = min(words.first.flatMap { UInt16($0) } ?? 32_768, 32_768)
    return end > 16_000 ? 12_000..<end : 33_000..<60_000
  }()

  private static func isFree(_ port: UInt16) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Unavailable(code: errno) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code != 0 else { return true }
    guard errno == EADDRINUSE || errno == EACCES else { throw Unavailable(code: errno) }
    return false
  }
}
