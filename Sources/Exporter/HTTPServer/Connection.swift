internal import CMicroHTTPD

/// A connection of the library while it serves one request: what our side may do with it.
///
/// Valid on its own thread inside a callback, and while it is suspended; the library ends it only after `Exchange.end`.
// Unchecked: the functions below state from where they may be called.
@safe struct Connection: @unchecked Sendable {
  // SAFETY: the library's connection, used within the bounds above.
  private let raw: OpaquePointer

  @unsafe init(_ raw: OpaquePointer) { unsafe self.raw = raw }

  /// Parks the connection until `resume`. Only from its own thread, inside the callback of a request.
  func suspend() { unsafe MHD_suspend_connection(raw) }

  /// Ends the parking; from any thread, once for each `suspend`.
  func resume() { unsafe MHD_resume_connection(raw) }

  /// Whom it is with. Only from its own thread.
  func clientAddress() -> ClientAddress {
    var bytes = [UInt8](repeating: 0, count: 16)
    // SAFETY: 16 bytes are written into 16.
    unsafe kae_mhd_client_address(raw, &bytes)
    return ClientAddress(bytes)
  }

  /// The head of the request as the library leaves it in its memory, for `HeadForm`. Nil where the library is strict
  /// itself. Only in the first call of a request.
  // SAFETY: until 0.9.77 the library parses a head where it has read it, and gives as its size the distance from the method
  // to the end of the head: two places of one allocation, which holds `limit` bytes.
  @unsafe func head(from method: UnsafePointer<CChar>, limit: Int) -> [UInt8]? {
    let count = unsafe kae_mhd_head_size(raw)
    guard count > 0 else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: method, count: min(count, limit)))
  }

  /// The headers in the order they came, names in lower case. Only from its own thread.
  func headers() -> [HTTPRequest.Header] {
    let collector = HeaderCollector()
    // SAFETY: the callback runs only inside this call, during which `collector` lives.
    let context = unsafe Unmanaged.passUnretained(collector).toOpaque()
    unsafe MHD_get_connection_values(raw, .HEADER_KIND, collectHeader, context)
    return collector.headers
  }

  /// Hands the answer to the library, on the connection's own thread. False when it refuses: then close the connection.
  ///
  /// - Parameters:
  ///   - extra: headers of the configuration; they win over the answer's own.
  ///   - closing: whether the connection ends with this answer.
  func queue(_ response: HTTPResponse, extra: [(name: String, value: String)] = [], closing: Bool) -> Bool {
    guard let made = unsafe response.body.response() else { return false }
    defer { unsafe MHD_destroy_response(made) }
    let names = Set(extra.map { $0.name.lowercased() })
    let own = response.headers + [("X-Content-Type-Options", "nosniff")]
    for header in own.filter({ !names.contains($0.name.lowercased()) }) + extra {
      _ = unsafe MHD_add_response_header(made, header.name, header.value)
    }
    if closing { _ = unsafe MHD_add_response_header(made, "Connection", "close") }
    return unsafe MHD_queue_response(raw, UInt32(response.status), made) == .YES
  }
}

private final class HeaderCollector {
  var headers: [HTTPRequest.Header] = []
}

private func collectHeader(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
  _ value: UnsafePointer<CChar>?
) -> MHD_Result {
  guard let context = unsafe context, let name = unsafe name else { return .YES }
  // SAFETY: alive during `Connection.headers`, which is the only caller. Both strings are the library's for this call.
  let collector = unsafe Unmanaged<HeaderCollector>.fromOpaque(context).takeUnretainedValue()
  let text = if let value = unsafe value { unsafe String(cString: value) } else { "" }
  unsafe collector.headers.append(.init(name: String(cString: name).lowercased(), value: text))
  return .YES
}
