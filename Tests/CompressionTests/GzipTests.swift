import Compression
import TestSupport
import Testing

/// Feeds `bytes` in pieces cut by `dice`, collecting what comes out.
func inflate(_ bytes: [UInt8], limit: Int, _ dice: inout SplitMix64, longest: Int) throws(Gzip.Failure) -> [UInt8] {
  var inflater = Inflater(limit: limit)
  var result: [UInt8] = []
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + Int.random(in: 1...longest, using: &dice))
    try unsafe bytes[at..<end].span.withUnsafeBytes { raw throws(Gzip.Failure) in
      try unsafe inflater.feed(raw) { piece in
        unsafe result.append(contentsOf: piece)
        return true
      }
    }
    at = end
  }
  try inflater.finish()
  return result
}

@Suite struct GzipTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func membersInPiecesGiveTheContentBack(seed: UInt64) throws {
    var dice = SplitMix64(seed: seed)
    var content: [UInt8] = []
    var file: [UInt8] = []
    for _ in 0..<Int.random(in: 1...4, using: &dice) {
      let part = dice.bytes(dice.pick(0...200_000), in: 0...UInt8.random(in: 0...255, using: &dice))
      content += part
      file += Gzip.compress(part, level: Int.random(in: 1...9, using: &dice))
    }
    if Bool.random(using: &dice) { file += [UInt8](repeating: 0, count: Int.random(in: 1...600, using: &dice)) }
    #expect(try Gzip.decompress(file, limit: content.count) == content)
    #expect(try inflate(file, limit: content.count, &dice, longest: 1 + file.count / 3) == content)
    if !content.isEmpty {
      #expect(throws: Gzip.Failure.tooLong) { try Gzip.decompress(file, limit: content.count - 1) }
    }
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func piecesCompressToOneMember(seed: UInt64) throws {
    var dice = SplitMix64(seed: seed)
    var content: [UInt8] = []
    var deflater = Deflater(level: dice.pick(1...9))
    for _ in 0..<dice.pick(0...20) {
      let piece = dice.bytes(dice.pick(0...70_000), in: 0...UInt8.random(in: 0...255, using: &dice))
      content += piece
      deflater.feed(piece)
    }
    let packed = deflater.finish()
    #expect(try Gzip.decompress(packed, limit: content.count) == content)
    #expect(packed.count < content.count + content.count / 1_000 + 64)
  }

  @Test func byteByByte() throws {
    var dice = SplitMix64(seed: 7)
    let content = dice.bytes(5_000)
    let file = Gzip.compress(content) + Gzip.compress([]) + Gzip.compress(content, level: 9)
    #expect(try inflate(file, limit: 10_000, &dice, longest: 1) == content + content)
  }

  @Test func everyCutIsTruncated() {
    var dice = SplitMix64(seed: 9)
    let file = Gzip.compress(dice.bytes(300))
    for cut in 0..<file.count {
      #expect(throws: Gzip.Failure.truncated, "cut at \(cut)") {
        try Gzip.decompress(Array(file[..<cut]), limit: 1 << 20)
      }
    }
  }

  @Test(arguments: 1...300 as ClosedRange<UInt64>)
  func aFlippedBitNeverPassesForTheContent(seed: UInt64) {
    var dice = SplitMix64(seed: seed)
    let content = dice.bytes(2_000, in: 0...UInt8.random(in: 0...255, using: &dice))
    var file = Gzip.compress(content)
    let at = Int.random(in: 0..<file.count, using: &dice)
    file[at] ^= 1 << UInt8.random(in: 0...7, using: &dice)
    // Some bits mean nothing for the content: the time in the header, or where a run of equal bytes is copied from.
    let opened = try? Gzip.decompress(file, limit: 1 << 20)
    #expect(opened == nil || opened == content)
  }

  struct Refusal: Sendable {
    let name: String
    let bytes: [UInt8]
    let why: Gzip.Failure
  }
  static let member = Gzip.compress([1])
  static let refusals: [Refusal] = [
    Refusal(name: "plain text", bytes: Array("{\"kind\":\"EventList\"}".utf8), why: .corrupt),
    Refusal(name: "nothing", bytes: [], why: .truncated),
    Refusal(name: "half the magic", bytes: [0x1f], why: .truncated),
    Refusal(name: "one wrong byte", bytes: [7], why: .corrupt),
    Refusal(name: "zeros alone", bytes: [0, 0, 0], why: .corrupt),
    Refusal(name: "rubbish after a member", bytes: member + [7], why: .corrupt),
    Refusal(name: "rubbish after padding", bytes: member + [0, 7], why: .corrupt),
    Refusal(name: "half a second member", bytes: member + [0x1f], why: .truncated),
    Refusal(name: "a wrong second magic", bytes: member + [0x1f, 0x8c], why: .corrupt),
  ]

  @Test(arguments: refusals)
  func whatIsNotGzipIsRefused(row: Refusal) {
    #expect(throws: row.why, "\(row.name)") { try Gzip.decompress(row.bytes, limit: 100) }
  }

  @Test func aBombStopsAtTheLimit() throws {
    let zeros = [UInt8](repeating: 0, count: 64 << 20)
    let bomb = Gzip.compress(zeros, level: 9)
    #expect(bomb.count < 70_000)
    var inflater = Inflater(limit: 1 << 20)
    var written = 0
    #expect(throws: Gzip.Failure.tooLong) {
      try unsafe bomb.withUnsafeBytes { raw in
        try unsafe inflater.feed(raw) { piece in
          written += piece.count
          return true
        }
      }
    }
    #expect(written <= 1 << 20)
    #expect(throws: Gzip.Failure.corrupt) { try inflater.finish() }
    // Many small members instead of one large: the limit holds over all of them.
    let many = [[UInt8]](repeating: Gzip.compress([UInt8](repeating: 65, count: 1_000)), count: 2_000).flatMap { $0 }
    #expect(throws: Gzip.Failure.tooLong) { try Gzip.decompress(many, limit: 1_999_999) }
    #expect(try Gzip.decompress(many, limit: 2_000_000).count == 2_000_000)
  }

  @Test func theWriterCanStop() {
    let file = Gzip.compress([UInt8](repeating: 1, count: 1 << 20))
    var inflater = Inflater(limit: 1 << 30)
    var pieces = 0
    #expect(throws: Gzip.Failure.stopped) {
      try unsafe file.withUnsafeBytes { raw in
        try unsafe inflater.feed(raw) { _ in
          pieces += 1
          return pieces < 3
        }
      }
    }
    #expect(pieces == 3)
  }

  @Test func resetForgetsAnError() throws {
    var inflater = Inflater(limit: 10)
    let good = Gzip.compress(Array("hello".utf8))
    for round in 0..<3 {
      inflater.reset(limit: 10)
      #expect(throws: Gzip.Failure.corrupt) {
        try unsafe [1, 2, 3, 4].withUnsafeBytes { raw in try unsafe inflater.feed(raw) { _ in true } }
      }
      inflater.reset(limit: 5)
      var result: [UInt8] = []
      try unsafe good.withUnsafeBytes { raw in
        try unsafe inflater.feed(raw) { piece in
          unsafe result.append(contentsOf: piece)
          return true
        }
      }
      try inflater.finish()
      #expect(String(decoding: result, as: UTF8.self) == "hello", "round \(round)")
    }
  }

  @Test func theMagicIsRecognised() {
    #expect(Gzip.isGzip(Gzip.compress([])))
    #expect(!Gzip.isGzip([0x1f]))
    #expect(!Gzip.isGzip(Array("{}".utf8)))
  }
}
