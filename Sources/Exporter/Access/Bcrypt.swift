internal import CXcrypt

/// A bcrypt hash as `htpasswd -B` writes it.
struct BcryptHash: Sendable, Hashable {
  /// The whole hash: `$2y$10$`, 22 characters of salt, 31 of checksum.
  let text: String
  /// Two to this many rounds.
  let cost: Int

  /// A check of a higher cost would keep those who log in waiting for many seconds, each of them.
  static let costLimit = 16
  /// bcrypt looks at 72 bytes; libxcrypt takes 512.
  static let passwordBytesLimit = 512

  init(_ text: String) throws(Refusal) {
    // Never what was written: it may be the password itself.
    let refusal = Refusal(
      "the value is no bcrypt hash", "Write what `htpasswd -nBC 10 USER` prints after the colon, such as $2y$10$…")
    let bytes = Array(text.utf8)
    // libxcrypt falls back to DES for what it does not know.
    guard bytes.count == 60, ["$2a$", "$2b$", "$2y$"].contains(where: { text.hasPrefix($0) }), bytes[6] == 0x24,
      bytes[4...5].allSatisfy({ (0x30...0x39).contains($0) }),
      bytes[7...].allSatisfy(Self.isDigit)
    else { throw refusal }
    cost = Int(bytes[4] - 0x30) * 10 + Int(bytes[5] - 0x30)
    guard (4...Self.costLimit).contains(cost) else {
      throw Refusal("the hash has cost \(cost)", "Take a cost of 10 to \(Self.costLimit): `htpasswd -nBC 10 USER`")
    }
    self.text = text
  }

  /// A hash that no password has, which costs as much as one of `cost`.
  static func decoy(cost: Int) -> BcryptHash {
    BcryptHash(cost: cost, "$2b$" + (cost < 10 ? "0" : "") + "\(cost)$" + String(repeating: ".", count: 53))
  }

  private init(cost: Int, _ text: String) {
    self.cost = cost
    self.text = text
  }

  /// Whether this is the password's hash. Takes tens of milliseconds at cost 10 and twice as long for each one more.
  func matches(_ password: [UInt8]) -> Bool {
    // A zero would end the password for the library, and what precedes it might be right.
    let isWhole = !password.contains(0) && password.count <= Self.passwordBytesLimit
    let phrase = (isWhole ? password : []).map { CChar(bitPattern: $0) } + [0]
    var made = [UInt8](repeating: 0, count: 60)
    // SAFETY: `phrase` ends in a zero, and 60 bytes are written.
    guard unsafe kae_bcrypt(phrase, text, &made) == 1 else { return false }
    return SecretBytes.areEqual(made, Array(text.utf8)) && isWhole
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x2E, 0x2F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }
}
