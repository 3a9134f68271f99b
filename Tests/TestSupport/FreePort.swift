import Glibc

/// Ports that nobody listens at.
public enum FreePort {
  /// One of the loopback interface; whoever binds it first has it.
  /// - Throws: `Unavailable` when the system gives none.
  public static func next() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        unsafe bind(descriptor, raw, size) == 0 ? getsockname(descriptor, raw, &size) : -1
      }
    }
    guard code == 0 else { throw Unavailable(code: errno) }
    return UInt16(bigEndian: address.sin_port)
  }

  /// The system's error number.
  public struct Unavailable: Error { let code: Int32 }
}
