import Engine
import Metrics
import TestSupport
import Testing

/// However a stream is cut at line breaks, the page is the same, byte for byte.
@Suite struct ChunkingTests {
  @Test(arguments: 0..<60) func piecesCountAsTheWhole(seed: Int) {
    var text = AuditText(seed: UInt64(seed))
    var random = SplitMix64(seed: UInt64(seed) &* 77)
    var log: [UInt8] = []
    for _ in 0..<random.pick(1...60) { log += text.piece().text.utf8 }
    if random.oneIn(2) { log.removeLast(random.pick(1...min(80, log.count))) }
    let whole = Self.page(of: [log])
    for every in [1, 2, 5, 30] {
      let pieces = Self.cut(log) { _ in random.oneIn(every) }
      let page = Self.page(of: pieces)
      #expect(page == whole, "seed \(seed), a cut in \(every) lines: \(String(decoding: log, as: UTF8.self))")
    }
  }

  /// A document over many lines, cut at each of its line breaks in turn, whole or broken at any place.
  @Test(arguments: 0..<4) func everyCutOfADocument(seed: Int) {
    var text = AuditText(seed: UInt64(seed))
    let document = Array(text.event(\.printed).text.utf8)
    let next = Array(text.event().text.utf8)
    var logs = [document + next]
    // Cut short, and without one byte in the middle.
    for place in stride(from: 1, to: document.count, by: 13) {
      logs.append(document.prefix(place) + next)
      logs.append(document.prefix(place) + document.dropFirst(place + 1) + next)
    }
    for log in logs {
      let whole = Self.page(of: [log])
      let lines = log.count { $0 == UInt8(ascii: "\n") }
      for cut in 1...lines {
        let pieces = Self.cut(log) { $0 == cut }
        let page = Self.page(of: pieces)
        #expect(page == whole, "cut after line \(cut) of \(String(decoding: log, as: UTF8.self))")
      }
    }
  }

  @Test func streamsDoNotMix() {
    var text = AuditText(seed: 1)
    let document = Array(text.event(\.printed).text.utf8)
    let pieces = Self.cut(document) { _ in true }
    var bench = Workbench()
    for piece in pieces {
      for id in 0..<UInt64(3) { bench.count(piece, .stream(id: id)) }
    }
    for id in 0..<UInt64(3) { bench.count([UInt8](), .endOfStream(id: id)) }
    #expect(bench.readings().sum(.eventsReceived) == 3)
    #expect(bench.readings().sum(.eventsRejected) == 0)
  }

  @Test func anEndedStreamLeavesNothingBehind() {
    var bench = Workbench()
    bench.count("{\n  \"kind\": \"Event\",\n".utf8, .stream(id: 1))
    bench.count([UInt8](), .endOfStream(id: 1))
    #expect(bench.outcome(input: 0) == Outcome(rejected: 1))
    var text = AuditText(seed: 2)
    let next = text.event()
    bench.count(next.text.utf8, .stream(id: 1))
    var expected = Outcome(rejected: 1)
    expected += next.outcome
    #expect(bench.outcome(input: 0) == expected)
  }

  /// The pieces of `log`, cut behind the n-th line where `isCut(n)` holds.
  private static func cut(_ log: [UInt8], _ isCut: (Int) -> Bool) -> [[UInt8]] {
    var pieces: [[UInt8]] = [[]]
    var line = 0
    for byte in log {
      pieces[pieces.count - 1].append(byte)
      guard byte == UInt8(ascii: "\n") else { continue }
      line += 1
      if isCut(line) { pieces.append([]) }
    }
    return pieces
  }

  private static func page(of pieces: [[UInt8]]) -> String {
    var bench = Workbench()
    for piece in pieces.dropLast() { bench.count(piece, .stream(id: 7)) }
    bench.count(pieces[pieces.count - 1], .endOfStream(id: 7))
    return bench.page()
  }
}
