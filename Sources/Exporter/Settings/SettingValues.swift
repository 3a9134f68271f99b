import Glibc

/// Why a text is not the value it should be, and what to write instead.
struct Refusal: Error, Equatable {
  let what: String
  let remedy: String
  init(_ what: String, _ remedy: String) {
    self.what = what
    self.remedy = remedy
  }
}

/// An address to listen on: `:10403` (every address of the machine), `127.0.0.1:80`, `[::1]:80`, `localhost:80`. Names other
/// than `localhost` are refused, so that no name server decides where we listen.
struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IP address without brackets, `localhost`, or empty for every address.
  let host: String
  /// 0 for any free port.
  let port: UInt16

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  init(_ text: String) throws(Refusal) {
    let refusal = Refusal(
      "\(text) is not an address to listen on", "Write :PORT, IPV4:PORT, [IPV6]:PORT or localhost:PORT")
    guard let colon = text.lastIndex(of: ":") else { throw refusal }
    let digits = text[text.index(after: colon)...]
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(digits)
    else { throw refusal }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard IPBytes(host)?.bytes.count == 16 else { throw refusal }
    } else if !host.isEmpty, host != "localhost" {
      guard IPBytes(host)?.bytes.count == 4 else { throw refusal }
    }
    self.init(host: host, port: port)
  }

  /// Whether only this machine can reach it.
  var isLoopback: Bool {
    if host == "localhost" { return true }
    guard let address = IPBytes(host)?.bytes else { return false }
    return address.count == 4 ? address[0] == 127 : address == [UInt8](repeating: 0, count: 15) + [1]
  }

  var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

/// The bytes of an IP address in network order, 4 or 16.
struct IPBytes {
  let bytes: [UInt8]

  init?(_ text: String) {
    var storage = [UInt8](repeating: 0, count: 16)
    guard text.utf8.count <= 45 else { return nil }
    if unsafe inet_pton(AF_INET, text, &storage) == 1 {
      bytes = Array(storage[..<4])
    } else if unsafe inet_pton(AF_INET6, text, &storage) == 1 {
      bytes = storage
    } else {
      return nil
    }
  }

  /// In canonical notation.
  static func text(_ bytes: [UInt8]) -> String {
    var out = [CChar](repeating: 0, count: 46)
    _ = unsafe inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &out, 46)
    return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// `10.0.0.0/8`, `2001:db8::/32` or a single address.
enum Network {
  /// The canonical notation of what was written.
  static func canonical(_ text: String) throws(Refusal) -> String {
    let refusal = Refusal("\(text) is not a network", "Write an address, or ADDRESS/BITS such as 10.0.0.0/8")
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPBytes(String(first)) else { throw refusal }
    let most = address.bytes.count * 8
    guard parts.count == 2 else { return IPBytes.text(address.bytes) + "/\(most)" }
    guard let bits = Int(parts[1]), (0...most).contains(bits), String(bits) == parts[1] else { throw refusal }
    let masked = address.bytes.enumerated().map { at, byte in
      let kept = min(8, max(0, bits - 8 * at))
      return kept == 0 ? 0 : byte & (0xFF << UInt8(8 - kept))
    }
    let canonical = IPBytes.text(masked) + "/\(bits)"
    guard masked == address.bytes else {
      throw Refusal(
        "\(text) has bits behind its prefix", "Write \(canonical), or \(IPBytes.text(address.bytes))/\(most)")
    }
    return canonical
  }
}

/// Whole seconds as `30s`, `5m`, `1h30m`, `1d`.
enum DurationText {
  private static let units: [(letter: Character, seconds: Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

  static func seconds(_ text: String) throws(Refusal) -> Int64 {
    let refusal = Refusal("\(text) is not a duration", "Write whole numbers with units, such as 30s, 5m, 1h30m or 1d")
    var total: Int64 = 0
    var digits = ""
    var left = units[...]
    guard text.utf8.count <= 32, !text.isEmpty else { throw refusal }
    for letter in text {
      if ("0"..."9").contains(letter), digits.count < 10 {
        digits.append(letter)
        continue
      }
      // Units in falling order, each once.
      guard let number = Int64(digits), let at = left.firstIndex(where: { $0.letter == letter }) else { throw refusal }
      total += number * left[at].seconds
      left = left[(at + 1)...]
      digits = ""
    }
    guard digits.isEmpty else { throw refusal }
    return total
  }

  /// In hours, minutes and seconds, zeros left out: `24h`, `1h30m`.
  static func text(_ seconds: Int64) -> String {
    guard seconds > 0 else { return "0s" }
    var (out, rest) = ("", seconds)
    for unit in units where unit.letter != "d" && rest >= unit.seconds {
      out += "\(rest / unit.seconds)\(unit.letter)"
      rest %= unit.seconds
    }
    return out
  }
}

/// Bytes as `512`, `64KiB`, `16MiB`, `4GiB`.
enum BytesText {
  private static let units: [(name: String, bytes: Int)] = [
    ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
  ]

  static func bytes(_ text: String) throws(Refusal) -> Int {
    let refusal = Refusal(
      "\(text) is not a number of bytes", "Write a whole number with KiB, MiB or GiB, such as 16MiB")
    let digits = text.prefix { ("0"..."9").contains($0) }
    let name = text.dropFirst(digits.count)
    guard (1...15).contains(digits.utf8.count), let number = Int(digits) else { throw refusal }
    if name.isEmpty { return number }
    guard let unit = units.first(where: { $0.name == name }) else { throw refusal }
    let (product, isOverflow) = number.multipliedReportingOverflow(by: unit.bytes)
    guard !isOverflow else { throw refusal }
    return product
  }

  static func text(_ bytes: Int) -> String {
    for unit in units where bytes >= unit.bytes && bytes % unit.bytes == 0 {
      return "\(bytes / unit.bytes)\(unit.name)"
    }
    return "\(bytes)"
  }
}

/// A directory of the file system, or nothing.
enum StoragePath {
  static func checked(_ text: String) throws(Refusal) -> String {
    guard !text.isEmpty else { return text }
    var path = try Shape<String>.plain(text, limit: 1024)
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}

/// The little that is needed of URLs.
enum URLText {
  /// `http://host[:port][/path]`, without the slashes at its end.
  static func external(_ text: String) throws(Refusal) -> String {
    guard let start = ["http://", "https://"].first(where: { text.hasPrefix($0) }), !text.contains("?"),
      !text.contains("#"),
      isVisible(text), text.dropFirst(start.count).first.map({ $0 != "/" }) == true
    else {
      throw Refusal("\(text) is not an external URL", "Write http://HOST/PATH or https://HOST/PATH, without ? and #")
    }
    return trimmed(text)
  }

  /// `/path`, without the slashes at its end; empty for `/` and for nothing.
  static func prefix(_ text: String) throws(Refusal) -> String {
    guard text.isEmpty || text.hasPrefix("/"), isVisible(text), !text.contains("//"), !text.contains("?"),
      !text.contains("#")
    else { throw Refusal("\(text) is not a path prefix", "Write a path that begins with a slash, such as /audit") }
    return trimmed(text)
  }

  /// The path of an external URL: empty, or `/path`.
  static func path(of url: String) -> String {
    guard let scheme = url.firstRange(of: "://"), let slash = url[scheme.upperBound...].firstIndex(of: "/") else {
      return ""
    }
    return String(url[slash...])
  }

  static func isVisible(_ text: String) -> Bool {
    text.utf8.count <= 1024 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.hasSuffix("/") { text.removeLast() }
    return text
  }
}
