import Metrics
import TestSupport
import Testing

/// How numbers are written.
@Suite struct NumberTests {
  static let edges: [Double] = [
    0, 1, -1, 9, 10, 99, 100, 0.5, -0.25, 0.1, 1e-5, 1e15, 1e16, 1e22, 0x1p53 - 1, 0x1p53, 0x1p53 + 2, 0x1p54 - 2,
    0x1p54,
    0x1p63, 0x1p64, -0x1p53, -0x1p53 - 2, 1_795_000_000.123456, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    .leastNormalMagnitude, .infinity, -.infinity, .nan, 1 / 3,
  ]

  private func written(_ value: Double) throws -> String {
    var readings = Readings()
    readings[.queueBytes] = SampleSet(value)
    let page = String(decoding: Exposition.render(readings, as: .text), as: UTF8.self)
    let sample = try #require(page.split(separator: "\n").last)
    return String(try #require(sample.split(separator: " ").last))
  }

  @Test(arguments: [
    (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (10, "10"), (26_000, "26000"), (0.1, "0.1"), (1e-5, "1e-05"),
    (0x1p53, "9007199254740992"), (-0x1p53, "-9007199254740992"), (0x1p53 + 2, "9.007199254740994e+15"),
    (0x1p64, "1.8446744073709552e+19"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    (1_795_000_000.25, "1795000000.25"),
  ])
  func isWrittenAs(value: Double, text: String) throws {
    #expect(try written(value) == text)
  }

  @Test(arguments: UInt64(1)...20)
  func readsBackAndIsShort(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let bits = Double(bitPattern: random.next())
      let value = random.oneIn(2) ? bits : Double(random.pick(-(1 << 55)...(1 << 55)) >> random.pick(0...54))
      let text = try written(value)
      let read = try #require(Double(text))
      #expect(read == value || (read.isNaN && value.isNaN), "\(value) is written as \(text)")
      #expect(text.utf8.count <= 24 && !text.hasSuffix(".0"))
      if value.magnitude <= 0x1p53, value == value.rounded() { #expect(Int64(text) == Int64(value)) }
    }
  }
}
