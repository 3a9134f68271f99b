import Glibc
import TestSupport

/// Things much larger than what they come from, made without holding them.
enum Bloat {
  static func gzip(_ bytes: [UInt8]) throws -> [UInt8] { try Process.run(["gzip", "-c"], input: bytes).output }

  /// `megabytes` of one byte as gzip members of 16 MiB each, between two texts.
  static func bomb(_ megabytes: Int, of byte: UInt8, before: [UInt8] = [], after: [UInt8] = []) throws -> [UInt8] {
    let member = try gzip([UInt8](repeating: byte, count: 16 << 20))
    var bomb = before.isEmpty ? [] : try gzip(before)
    bomb.reserveCapacity(bomb.count + member.count * (megabytes / 16) + 1_000)
    for _ in 0..<max(1, megabytes / 16) { bomb += member }
    return after.isEmpty ? bomb : bomb + (try gzip(after))
  }

  /// Sends a line of so many megabytes that begins like an event.
  static func sendLine(_ megabytes: Int, _ send: ([UInt8]) throws -> Void) rethrows {
    try send(Array(#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":""#.utf8))
    let block = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    for _ in 0..<megabytes { try send(block) }
    try send(Array("\"}\n".utf8))
  }

  /// Events and bodies around something nested `depth` deep, one a line.
  static func nested(_ depth: Int) -> [[UInt8]] {
    let event = Event(user: "nested", number: 7).json
    let object = String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
    let array = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    return [
      array, object, String(repeating: "[", count: depth),
      event.dropLast() + #","requestObject":\#(object)}"#,
      #"{"requestObject":\#(array),"# + event.dropFirst(),
      #"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[\#(event),\#(array)]}"#,
      String(repeating: #"{"log":"#, count: depth) + "1" + String(repeating: "}", count: depth),
      String(repeating: #"{"kind":"EventList","items":["#, count: depth / 4)
        + String(repeating: "]}", count: depth / 4),
    ].map { Array($0.utf8) }
  }
}
