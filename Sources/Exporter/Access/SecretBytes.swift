internal import CGnuTLS

/// Secrets compared and digested so that neither time nor memory tells about them.
enum SecretBytes {
  /// In a time that depends on the length alone.
  static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    // SAFETY: both lend `count` bytes for the call.
    return unsafe gnutls_memcmp(a, b, a.count) == 0
  }

  /// A key for `SecretDigest`, from the library's generator.
  static func randomKey() -> [UInt8] {
    var key = [UInt8](repeating: 0, count: 32)
    // SAFETY: 32 bytes are written into 32.
    let code = unsafe gnutls_rnd(GNUTLS_RND_KEY, &key, key.count)
    precondition(code == 0, "the generator of random numbers fails")
    return key
  }

  /// HMAC-SHA-256: 32 bytes.
  static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 32)
    // SAFETY: SHA-256 writes 32 bytes, which is what `out` has; the rest is read for the call.
    let code = unsafe gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key.count, message, message.count, &out)
    precondition(code == 0, "HMAC-SHA-256 is not to be had")
    return out
  }
}

/// HMAC-SHA-256 under a key of this process: stands for a secret where the secret itself should not lie about.
struct SecretDigest: Hashable, Sendable {
  private let bytes: [UInt8]

  /// Each part is told apart from the next by its length.
  init(_ parts: [[UInt8]], key: [UInt8]) {
    var message: [UInt8] = []
    for part in parts {
      unsafe withUnsafeBytes(of: UInt64(part.count).littleEndian) { unsafe message.append(contentsOf: $0) }
      message += part
    }
    bytes = SecretBytes.hmac(message, key: key)
  }
}
