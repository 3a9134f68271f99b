internal import AuditEvents
internal import Crypto
internal import Metrics

/// What stands for people and their addresses in every label, where their names are not to be told.
///
/// - Shape: a word for the kind, and `digitCount` hex digits of a keyed hash (HMAC-SHA-256) of the kind, a colon and the name:
///   `user-3f2a…`, `ip-…`, `net-…` (a folded /64). The same key makes the same pseudonym of the same name, wherever it is.
/// - Clear: users that begin with `system:`, which Kubernetes keeps for its own parts and for service accounts. Of nodes
///   (`system:node:NAME`) only the beginning stays, since their names tell addresses. Reserved words are never replaced.
/// - Name: of a user what the event says, escapes undone and UTF-8 repaired, however long it is; of an address the one
///   spelling that would be shown.
/// - Source: DESIGN.md, section 7.
public struct Pseudonyms: Sendable {
  /// Whose name it is.
  public enum Kind: String, Sendable {
    case user
    case address = "ip"
    case network = "net"
  }

  /// 80 bits: among ten million names, two share a pseudonym with a probability of 1 in 20 billion.
  public static let digitCount = 20
  /// What of a longer name is not held on to.
  private static let scratchBytesLimit = 64 << 10
  private static let open = Array("system:".utf8)
  private static let node = Array("system:node:".utf8)

  private let hash: @Sendable (_ message: [UInt8]) -> [UInt8]
  /// Names the key without telling it, and without telling anything of a name.
  let fingerprint: [UInt8]

  /// - Parameter hash: HMAC-SHA-256 of a message under the key; at least 16 bytes, the same for the same message.
  public init(hash: @escaping @Sendable (_ message: [UInt8]) -> [UInt8]) {
    self.hash = hash
    fingerprint = Array(hash(Array("fingerprint:".utf8)).prefix(16))
  }

  /// The key of digests of names that the state keeps: one that the state does not hold, since who has that could try names.
  var key: SipKey {
    let bytes = hash(Array("windows:".utf8))
    func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    return SipKey(word(bytes.prefix(8)), word(bytes.dropFirst(8).prefix(8)))
  }

  /// What a user of this name is shown as.
  public func user(_ name: String) -> String {
    let content = Array(name.utf8)
    guard Self.isHidden(content) else { return name }
    return Self.beginning(content) + text(.user, content)
  }

  /// What a source IP is shown as: itself, and where it is of IPv6 the /64 that may be shown in its place. A text that is no
  /// address has a pseudonym too.
  public func sourceIP(_ name: String) -> [String] {
    let content = Array(name.utf8)
    guard let address = IPAddress(content.span) else { return [text(.address, content)] }
    var spelling = LabelBuffer()
    address.write(to: &spelling)
    let own = text(.address, spelling.bytes)
    return address.isIPv4 ? [own] : [own, text(.network, Self.spelling(address.network64))]
  }

  /// Whether a name is an IP address, which `sourceIP` brings into its one spelling.
  public static func isAddress(_ name: String) -> Bool { IPAddress(Array(name.utf8).span) != nil }

  private func text(_ kind: Kind, _ name: [UInt8]) -> String {
    var out = LabelBuffer()
    append(kind, name, to: &out)
    return String(decoding: out.bytes, as: UTF8.self)
  }

  /// Fills `content` with a user's name; false when it is to be shown as it is.
  func hides(_ user: borrowing Text, _ content: inout [UInt8]) -> Bool {
    guard !user.isEmpty else { return false }
    read(user, part: 0..<user.count, to: &content)
    return Self.isHidden(content)
  }

  /// Fills `content` with a part of a text.
  func read(_ text: borrowing Text, part: Range<Int>, to content: inout [UInt8]) {
    content.removeAll(keepingCapacity: content.capacity <= Self.scratchBytesLimit)
    LabelValue.appendContent(of: text, part: part, to: &content)
  }

  /// Appends the label value of a user that `hides` has read.
  func append(user content: [UInt8], to out: inout LabelBuffer) {
    if content.starts(with: Self.node) { out.append(Self.node) }
    append(.user, content, to: &out)
  }

  /// Appends the pseudonym of a name.
  func append(_ kind: Kind, _ name: [UInt8], to out: inout LabelBuffer) {
    out.append(Array(kind.rawValue.utf8))
    out.append(UInt8(ascii: "-"))
    let bytes = digest(kind, name)
    for i in 0..<Self.digitCount {
      let digit = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15
      out.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// A number that stands for a /64 where its own would tell it.
  func number(ofNetwork network: UInt64) -> UInt64 {
    digest(.network, Self.spelling(network)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func digest(_ kind: Kind, _ name: [UInt8]) -> [UInt8] {
    hash(Array(kind.rawValue.utf8) + [UInt8(ascii: ":")] + name)
  }

  private static func spelling(_ network: UInt64) -> [UInt8] {
    var out = LabelBuffer()
    IPAddress.writeNetwork(network, to: &out)
    return out.bytes
  }

  private static func isHidden(_ user: [UInt8]) -> Bool { !user.starts(with: open) || user.starts(with: node) }

  private static func beginning(_ user: [UInt8]) -> String { user.starts(with: node) ? "system:node:" : "" }
}
