import AuditEvents
import TestSupport
import Testing

@testable import Inputs

/// Gives bytes in pieces of any size, now and then none.
private struct Drip: ByteSource {
  var rest: ArraySlice<UInt8>
  var random: SplitMix64

  @unsafe mutating func read(into room: UnsafeMutableRawBufferPointer) throws(SourceProblem) -> Int {
    let count = min(rest.count, room.count, Int.random(in: 0...40, using: &random))
    unsafe room.copyBytes(from: rest.prefix(count))
    rest = rest.dropFirst(count)
    return count
  }
}

@Suite struct LineCutterTests {
  /// What comes out, by the definition: lines, without zeros at their beginning, longer ones cut one byte after the
  /// limit.
  private func model(_ bytes: [UInt8], limit: Int) -> (lines: [[UInt8]], rest: [UInt8]) {
    var parts = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0.drop { $0 == 0 }) }
    let rest = parts.removeLast()
    return (parts.map { $0.count > limit ? Array($0.prefix(limit + 1)) : $0 }, rest)
  }

  @Test(arguments: 0..<400 as Range<UInt64>) func cutsAsTheModelDoes(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let limit = Int.random(in: 1...60, using: &random)
    let chunk = Int.random(in: 1...50, using: &random)
    let alphabet: [UInt8] =
      [0x61, 0x62, 0x0A] + (Bool.random(using: &random) ? [0] : []) + Array(repeating: 0x63, count: 8)
    let bytes = (0..<Int.random(in: 0...600, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
    let basin = Basin(budget: 1 << 20)
    var source = Drip(rest: bytes[...], random: random)
    var cutter = LineCutter(chunkBytes: chunk, lineBytesLimit: limit, keepsRoom: seed % 2 == 0)
    var lines: [[UInt8]] = []
    while !source.rest.isEmpty {
      guard case .lines(let buffer, let reserved) = try cutter.next(from: &source, expecting: chunk, to: basin) else {
        #expect(basin.now.reserved == 0)
        continue
      }
      #expect(reserved >= buffer.count && basin.now.reserved == reserved)
      basin.release(reserved)
      let content = unsafe buffer.withBytes { unsafe Array($0) }
      #expect(content.last == 0x0A)
      lines += content.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false).map {
        Array($0.drop { $0 == 0 })
      }
      #expect(cutter.carriedBytes <= max(limit, chunk))
    }
    let expected = model(bytes, limit: limit)
    // A line that is too long may arrive whole when its end is seen in time; the decoder refuses both forms.
    #expect(lines.map { Array($0.prefix(limit + 1)) } == expected.lines || cutter.isSkipping)
    if cutter.isSkipping {
      #expect(lines.map { Array($0.prefix(limit + 1)) } == expected.lines + [Array(expected.rest.prefix(limit + 1))])
    } else {
      let carry = cutter.takeCarry()
      #expect(unsafe carry.withBytes { unsafe Array($0) } == expected.rest)
    }
  }

  @Test func aFullBudgetReadsNothing() throws {
    let basin = Basin(budget: 10)
    #expect(basin.reserve(10))
    var source = Drip(rest: Array("abc\n".utf8)[...], random: SplitMix64(seed: 1))
    var cutter = LineCutter(chunkBytes: 8, lineBytesLimit: 8)
    guard case .noRoom = try cutter.next(from: &source, expecting: 8, to: basin) else {
      Issue.record("it read")
      return
    }
    #expect(source.rest.count == 4)
  }
}
