internal import CMicroHTTPD
internal import Concurrency
internal import Diagnostics
import Glibc

/// One listening address: owns one libmicrohttpd daemon. The callbacks below only hand over to `Exchange`.
// Unchecked: `raw` is set once in `init`; the library's functions used here are safe from any thread.
@safe final class Daemon: @unchecked Sendable {
  let port: UInt16
  // SAFETY: a running daemon from `init` to `stop`, which the server calls exactly once; `core` outlives it.
  private let raw: OpaquePointer
  private let core: ServerCore
  private let listener: Int32
  private let host: Host

  init(_ address: ListenAddress, _ core: ServerCore) throws(Failure) {
    let options = core.options
    (listener, port) = try address.open()
    self.core = core
    host = Host(core)
    // poll, not epoll: the library uses epoll edge-triggered and, after a short read, waits for an edge that never comes when
    // the client's end had arrived together with its last bytes (0.9.75). Such a request would hold its memory until its
    // deadline.
    var flags = MHD_USE_POLL_INTERNAL_THREAD.rawValue | MHD_USE_ITC.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
    if address.host.isEmpty || address.host.contains(":") { flags |= MHD_USE_IPv6.rawValue }
    if core.gate?.isTLS == true { flags |= MHD_USE_TLS.rawValue }
    // SAFETY: the callbacks run between start and stop of the daemon; `host` is held by this object for longer.
    let context = unsafe Unmanaged.passUnretained(host).toOpaque()
    func number(_ option: MHD_OPTION, _ value: Int) -> MHD_OptionItem {
      unsafe MHD_OptionItem(option: option, value: value, ptr_value: nil)
    }
    var items: [MHD_OptionItem] = unsafe [
      number(.LISTEN_SOCKET, Int(listener)),
      number(.CONNECTION_LIMIT, max(options.connectionsLimit, options.threads)),
      number(.PER_IP_CONNECTION_LIMIT, options.connectionsPerIPLimit),
      number(.CONNECTION_TIMEOUT, options.idleSeconds),
      number(.CONNECTION_MEMORY_LIMIT, options.headBytesLimit),
      number(.STRICT_FOR_CLIENT, 1),
      number(.SIGPIPE_HANDLED_BY_APP, 1),
      MHD_OptionItem(option: .NOTIFY_COMPLETED, value: kae_mhd_completed_fn(requestEnded), ptr_value: context),
      MHD_OptionItem(
        option: .NOTIFY_CONNECTION, value: kae_mhd_notify_connection_fn(connectionChanged), ptr_value: context),
      MHD_OptionItem(option: .UNESCAPE_CALLBACK, value: kae_mhd_unescape_fn(leaveEscaped), ptr_value: nil),
      MHD_OptionItem(option: .URI_LOG_CALLBACK, value: kae_mhd_uri_fn(requestBegan), ptr_value: context),
    ]
    // The library takes a pool of two or more; without one it runs a single thread.
    if options.threads > 1 { unsafe items.append(number(.THREAD_POOL_SIZE, options.threads)) }
    if core.gate?.isTLS == true {
      // Every connection gets certificates and priorities of its own, `TLSPeer.prepare`; one without them gets nowhere.
      unsafe items.append(
        MHD_OptionItem(option: .HTTPS_CERT_CALLBACK, value: 0, ptr_value: kae_mhd_no_certificate_fn()))
    }
    unsafe items.append(number(.END, 0))
    guard let started = unsafe kae_mhd_start(flags, 0, requestStepped, context, &items) else {
      close(listener)
      throw Failure(
        .address, "the HTTP server does not start", at: .address(address.description),
        remedy: "Raise the limits of open files and threads")
    }
    unsafe raw = started
  }

  /// Closes the connections that were served and idle.
  func cutIdle() { host.crowd.cutIdle() }

  /// New connections are refused from here on; what is connected goes on.
  func quiesce() {
    let descriptor = unsafe MHD_quiesce_daemon(raw)
    if descriptor >= 0 { close(descriptor) }
  }

  /// Ends the threads and closes every connection. No connection may be suspended, and nothing may be called afterwards.
  func stop() { unsafe MHD_stop_daemon(raw) }
}

/// Percent signs are not undone: `/a%2Fb` and `/a/b` are different paths, and only the route's owner knows what they mean.
private func leaveEscaped(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?
) -> Int {
  guard let text = unsafe text else { return 0 }
  // SAFETY: the library's own string, ended by a zero.
  return unsafe strlen(text)
}

/// What the callbacks of one daemon get.
private final class Host: Sendable {
  let core: ServerCore
  let crowd: ConnectionCrowd

  init(_ core: ServerCore) {
    self.core = core
    crowd = ConnectionCrowd(limit: max(1, core.options.connectionsLimit * 3 / 4))
  }
}

private func hostOf(_ context: UnsafeMutableRawPointer) -> Host {
  // SAFETY: what `Daemon.init` passed; the daemon holds it until after its last callback.
  unsafe Unmanaged<Host>.fromOpaque(context).takeUnretainedValue()
}

private func connectionChanged(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ change: MHD_ConnectionNotificationCode
) {
  guard let context = unsafe context, let connection = unsafe connection, let slot = unsafe slot else { return }
  switch change {
  case .CONNECTION_NOTIFY_STARTED:
    let host = unsafe hostOf(context)
    let core = host.core
    let watch = unsafe ConnectionWatch(
      descriptor: kae_mhd_connection_fd(connection), timers: core.timers, lingerer: core.lingerer, crowd: host.crowd,
      peer: core.gate?.newPeer())
    watch.arm(seconds: core.options.requestSeconds)
    // SAFETY: released below; the library calls both exactly once for a connection.
    unsafe slot.pointee = Unmanaged.passRetained(watch).toOpaque()
    if let peer = watch.peer {
      // SAFETY: the session ends before `CONNECTION_NOTIFY_CLOSED`, so the watch and its peer outlive it.
      let isPrepared = unsafe kae_mhd_tls_session(connection).map { unsafe peer.prepare($0) } ?? false
      if !isPrepared { watch.cut() }
    }
    host.crowd.join(watch)
  case .CONNECTION_NOTIFY_CLOSED:
    guard let raw = unsafe slot.pointee else { return }
    unsafe slot.pointee = nil
    // SAFETY: the +1 from above.
    unsafe Unmanaged<ConnectionWatch>.fromOpaque(raw).takeRetainedValue().end()
  @unknown default: break
  }
}

/// The first line of a request has been read. What it answers is the request's slot in the later callbacks.
private func requestBegan(
  _ context: UnsafeMutableRawPointer?, _ uri: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let context = unsafe context, let connection = unsafe connection else { return nil }
  // SAFETY: the watch is held by its connection until the library has ended this request.
  let watch = unsafe kae_mhd_socket_context(connection).map {
    unsafe Unmanaged<ConnectionWatch>.fromOpaque($0).takeUnretainedValue()
  }
  // SAFETY: the library's own string, ended by a zero.
  let target = unsafe uri.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
  let exchange = unsafe Exchange(core: hostOf(context).core, watch: watch, target: target)
  // SAFETY: released by `requestEnded`, which the library calls exactly once for each of these.
  return unsafe Unmanaged.passRetained(exchange).toOpaque()
}

private func requestStepped(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
  _ uploadSize: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let connection = unsafe connection, let url = unsafe url, let method = unsafe method,
    let uploadSize = unsafe uploadSize, let raw = unsafe slot?.pointee
  else { return .NO }
  // SAFETY: the +1 of `requestBegan`, held until `requestEnded`. The piece is the library's for this call.
  let exchange = unsafe Unmanaged<Exchange>.fromOpaque(raw).takeUnretainedValue()
  if exchange.isAtHead, let head = unsafe Connection(connection).head(from: method, limit: exchange.headBytesLimit) {
    exchange.judge(head)
  }
  let piece = unsafe UnsafeRawBufferPointer(start: upload, count: upload == nil ? 0 : uploadSize.pointee)
  unsafe uploadSize.pointee = 0
  return unsafe exchange.step(
    Connection(connection), method: String(cString: method), url: String(cString: url), piece: piece)
}

private func requestEnded(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ why: MHD_RequestTerminationCode
) {
  guard let slot = unsafe slot, let raw = unsafe slot.pointee else { return }
  unsafe slot.pointee = nil
  // SAFETY: the +1 of `requestBegan`.
  unsafe Unmanaged<Exchange>.fromOpaque(raw).takeRetainedValue().end()
}
