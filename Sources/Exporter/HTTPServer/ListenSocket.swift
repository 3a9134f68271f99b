internal import Diagnostics
import Glibc

extension ListenAddress {
  /// Opens the listening socket.
  ///
  /// - Returns: the descriptor, the caller's to close, and the port, chosen by the system where 0 was asked for.
  /// - Errors: reason `address`: in use, not ours, not allowed.
  func open() throws(Failure) -> (descriptor: Int32, port: UInt16) {
    if !isEveryAddress {
      return try listen(family: isIPv6 ? AF_INET6 : AF_INET, host == "localhost" ? "127.0.0.1" : host)
    }
    // Where IPv6 is switched off, IPv4 alone must do.
    let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    if probe < 0 { return try listen(family: AF_INET, "0.0.0.0") }
    close(probe)
    do {
      return try listen(family: AF_INET6, "::")
    } catch {
      guard errno == EADDRNOTAVAIL else { throw error }
      return try listen(family: AF_INET, "0.0.0.0")
    }
  }

  private var isEveryAddress: Bool { host.isEmpty }
  private var isIPv6: Bool { host.contains(":") }

  private func listen(family: Int32, _ text: String) throws(Failure) -> (descriptor: Int32, port: UInt16) {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(family, kind, 0)
    guard descriptor >= 0 else { throw failure(errno) }
    var yes: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
    // Both families on `:PORT`, whatever the system's default; a stated IPv6 address means that one only.
    if family == AF_INET6 {
      var only: Int32 = isEveryAddress ? 0 : 1
      _ = unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, size)
    }
    guard bind(descriptor, family, text) == 0, Glibc.listen(descriptor, 511) == 0,
      let chosen = boundPort(descriptor)
    else {
      let code = errno
      close(descriptor)
      errno = code
      throw failure(code)
    }
    return (descriptor, chosen)
  }

  private func bind(_ descriptor: Int32, _ family: Int32, _ text: String) -> Int32 {
    if family == AF_INET6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET6, text, &address.sin6_addr)
      return bind(descriptor, to: address)
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    _ = unsafe inet_pton(AF_INET, text, &address.sin_addr)
    return bind(descriptor, to: address)
  }

  private func bind<Address>(_ descriptor: Int32, to address: Address) -> Int32 {
    var address = address
    // SAFETY: a whole socket address of the stated length, alive during the call.
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  private func boundPort(_ descriptor: Int32) -> UInt16? {
    // Large enough for both families; the port stands at the same place in both.
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &size)
      }
    }
    return code == 0 ? UInt16(bigEndian: address.sin6_port) : nil
  }

  private func failure(_ code: Int32) -> Failure {
    let what: String
    let remedy: String
    switch code {
    case EADDRINUSE: (what, remedy) = ("the address is in use", "Stop the other program, or choose another port")
    case EACCES: (what, remedy) = ("no permission to listen there", "Choose a port of 1024 or more")
    case EADDRNOTAVAIL: (what, remedy) = ("this machine has no such address", "Choose one of its addresses, or :PORT")
    default: (what, remedy) = ("cannot listen there: error \(code)", "Choose another address")
    }
    return Failure(.address, what, at: .address(description), remedy: remedy)
  }
}

extension Failure.Reason {
  /// An address that cannot be listened on.
  static let address = Failure.Reason("address")
}
