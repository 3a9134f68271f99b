import Concurrency
import TestSupport
import Testing

@testable import Exporter

/// Heads of requests in the one plain form and out of it, random in all that is free, sent in pieces of random sizes.
@Suite struct HeadFormTests {
  private static let nameBytes = Array("abcXYZ019!#$%&'*+-.^_`|~".utf8)
  private static let targetBytes = Array("abcXYZ019/&=+%.;:@,~!$'()*-_?#[]{}|\\^`\"<>".utf8) + [0x80, 0xFF]
  private static let valueBytes = Array<UInt8>(0x20...0x7E) + [0x09, 0x80, 0xC3, 0xFF]
  /// What has no place in a head, wherever it stands.
  private static let badBytes: [UInt8] =
    Array<UInt8>(0...8) + [0x0A, 0x0B, 0x0C, 0x0D] + Array<UInt8>(0x0E...0x1F) + [0x7F]

  /// A server that counts what reaches its handler.
  private final class Target {
    let hits: Lock<Int>
    let server: HTTPServer

    init() throws {
      let hits = Lock(0)
      self.hits = hits
      server = try HTTPServer.local([
        Route("/p") { _, responder in
          hits.withLock { $0 += 1 }
          responder.answer(.text(200, "hit"))
        }
      ])
    }

    deinit { server.stop(graceMilliseconds: 100) }

    var taken: Int {
      hits.withLock { hits in
        defer { hits = 0 }
        return hits
      }
    }
  }

  private static func text(_ bytes: [UInt8], upTo limit: Int, _ random: inout SplitMix64) -> [UInt8] {
    (0..<Int(random.next() % UInt64(limit + 1))).map { _ in bytes[Int(random.next() % UInt64(bytes.count))] }
  }

  /// The lines of a good head, without their ends.
  private static func lines(_ random: inout SplitMix64) -> [[UInt8]] {
    let query = random.next() % 2 == 0 ? [] : Array("?".utf8) + text(targetBytes, upTo: 40, &random)
    let target: [UInt8] = Array("/p".utf8) + query
    var lines: [[UInt8]] = [Array("GET ".utf8) + target + Array(" HTTP/1.1".utf8), Array("Host: x".utf8)]
    for _ in 0..<random.next() % 5 {
      let name = Array("X-".utf8) + text(nameBytes, upTo: 12, &random)
      let colon = Array(random.pick([":", ": ", ":\t  "]).utf8)
      lines.append(name + colon + text(valueBytes, upTo: 60, &random))
    }
    return lines
  }

  private static func head(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [0x0D, 0x0A] } + [0x0D, 0x0A] }

  private static func send(_ bytes: [UInt8], to connection: RawConnection, _ random: inout SplitMix64) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = random.next() % 3 == 0 ? rest.count : Int(random.next() % 30) + 1
      connection.send(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
  }

  @Test func plainHeadsAreTaken() throws {
    let target = try Target()
    for seed in 0..<Campaign.size("heads", short: 150) {
      var random = SplitMix64(seed: UInt64(Campaign.seed + seed))
      let connection = try RawConnection(port: target.server.port)
      let count = Int(random.next() % 4) + 1
      let sent = (0..<count).flatMap { _ in Self.head(Self.lines(&random)) }
      Self.send(sent, to: connection, &random)
      let answers = connection.read { $0.components(of: "\r\n\r\nhit\n") == count }
      #expect(answers.components(of: "HTTP/1.1 200 OK") == count, "seed \(seed): \(answers)")
      #expect(target.taken == count, "seed \(seed)")
    }
  }

  /// One way to bend a good head.
  private static func bend(_ lines: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
    var lines = lines
    let at = Int(random.next() % UInt64(lines.count))
    let (blank, choice): (UInt8, UInt64) = (random.next() % 2 == 0 ? 0x20 : 0x09, random.next() % 8)
    switch choice {
    case 0:  // a line folded into the one before
      let place = Int(random.next() % UInt64(lines[at].count + 1))
      lines.insert([blank] + lines[at][place...], at: at + 1)
      lines[at] = Array(lines[at][..<place])
    case 1:  // a blank behind a name
      lines.append(Array("Content-Length".utf8) + [blank] + Array(": 3".utf8))
    case 2: lines.insert([blank] + Array("Content-Length: 3".utf8), at: 1)
    case 3: lines.append(Array("HOST: y".utf8))
    case 4: lines.append(Array(": nameless".utf8))
    default:
      var head = head(lines)
      let byte = badBytes[Int(random.next() % UInt64(badBytes.count))]
      head.insert(byte, at: Int(random.next() % UInt64(head.count - 1)) + 1)
      return head
    }
    return head(lines)
  }

  /// Whatever follows such a head is no request.
  @Test func bentHeadsAreRefused() throws {
    let target = try Target()
    let rounds = Campaign.size("heads", short: 150)
    for seed in 0..<rounds {
      var random = SplitMix64(seed: UInt64(Campaign.seed + seed) ^ 0x5EED)
      let connection = try RawConnection(port: target.server.port)
      let bent = Self.bend(Self.lines(&random), &random)
      Self.send(bent + Self.head(Self.lines(&random)), to: connection, &random)
      let answer = connection.read()
      let isRefused = answer.isEmpty || ["400 ", "505 "].contains { answer.hasPrefix("HTTP/1.1 " + $0) }
      #expect(isRefused, "seed \(seed): \(answer)")
      #expect(target.taken == 0, "seed \(seed): \(String(decoding: bent, as: UTF8.self).debugDescription)")
    }
    Campaign.report("heads", "\(rounds) plain, \(rounds) bent: every one known for what it is")
  }

  @Test func pathsOfTargets() {
    let rows = [
      ("/a", "/a"), ("http://x/a", "/a"), ("HTTPS://x:1/a/b", "/a/b"), ("http://x", "/"), ("http:/x", "http:/x"),
      ("x:80", "x:80"), ("*", "*"), ("", ""), ("/http://x/a", "/http://x/a"),
    ]
    for (target, path) in rows { #expect(HeadForm.path(of: target) == path) }
  }
}
