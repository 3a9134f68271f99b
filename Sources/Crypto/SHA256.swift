internal import COpenSSL

/// SHA-256 and HMAC-SHA-256 of OpenSSL's libcrypto, which is loaded at the first use: who signs nothing pays nothing for it.
///
/// - Errors: nil from `load` when the library is not on this machine.
/// - Source: FIPS 180-4, RFC 2104.
@safe public struct SHA256: Sendable {
  /// Bytes of a digest.
  public static let count = 32

  // Constant: what the table points to belongs to a library that is never unloaded.
  private nonisolated(unsafe) static let table: kae_crypto? = {
    var table = unsafe kae_crypto()
    return unsafe kae_crypto_load(&table) == nil ? table : nil
  }()
  // SAFETY: points into a library that is never unloaded, and is only read.
  private nonisolated(unsafe) let api: kae_crypto

  /// The functions, or nil where there is no libcrypto.so.3.
  public static func load() -> SHA256? { unsafe table.map { unsafe SHA256(api: $0) } }

  private init(api: kae_crypto) { unsafe self.api = api }

  /// The digest of `bytes`, 32 bytes.
  public func digest(_ bytes: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.count)
    // SAFETY: the table and the bytes are lent for the call, and 32 bytes are written into 32.
    let isDone = unsafe withUnsafePointer(to: api) { unsafe kae_sha256($0, bytes, bytes.count, &out) }
    precondition(isDone == 1, "SHA-256 is not to be had")
    return out
  }

  /// HMAC-SHA-256 of `bytes` under `key`, 32 bytes.
  public func authenticate(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.count)
    // SAFETY: as above; no key is longer than an Int32.
    let isDone = unsafe withUnsafePointer(to: api) {
      unsafe kae_hmac_sha256($0, key, Int32(clamping: key.count), bytes, bytes.count, &out)
    }
    precondition(isDone == 1, "HMAC-SHA-256 is not to be had")
    return out
  }

  /// The digest of `bytes` as 64 lower-case hexadecimal digits.
  public func hexDigest(_ bytes: [UInt8]) -> String { Self.hex(digest(bytes)) }

  /// `bytes` as lower-case hexadecimal digits.
  public static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
