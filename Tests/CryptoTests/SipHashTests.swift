import Crypto
import Testing

/// Vectors: 2-4 by OpenSSL 3.0 (`openssl mac … SipHash`), 1-3 by CPython 3.11's hash of bytes, whose key is zero with
/// `PYTHONHASHSEED=0`. The input of length n is the bytes 0 to n − 1.
struct SipHashTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var length: Int
    var hash24: UInt64
    var low: UInt64
    var high: UInt64
    /// Under the zero key; nil where CPython answers something of its own.
    var hash13: UInt64?
    var testDescription: String { "\(length) bytes" }
  }

  static let rows = [
    Row(length: 0, hash24: 0x310e_0edd_47db_6f72, low: 0xa381_7f04_ba25_a8e6, high: 0x6df6_7214_c755_0293, hash13: nil),
    Row(
      length: 1, hash24: 0xfd67_dc93_c539_f874, low: 0xda87_c1d8_6b99_af44, high: 0x3476_5911_9b22_fc45,
      hash13: 0x68a9_1412_8e01_e473),
    Row(
      length: 7, hash24: 0x37d1_018b_f500_02ab, low: 0xa1f1_ebbe_d8db_c153, high: 0xc0b8_4aa6_1ff0_8239,
      hash13: 0x2f09_8ab0_c751_325a),
    Row(
      length: 8, hash24: 0x6224_939a_79f5_f593, low: 0x3b62_a9ba_6258_f561, high: 0x0f83_e264_f314_97b4,
      hash13: 0xead4_11e6_7ebe_2eea),
    Row(
      length: 15, hash24: 0xe545_be49_61ca_29a1, low: 0x5493_e999_33b0_a811, high: 0x7e08_ec0f_97cf_c3d9,
      hash13: 0xf30e_b725_bb91_c9ea),
    Row(
      length: 63, hash24: 0x7245_06eb_4c32_8a95, low: 0x5150_d177_2f50_834a, high: 0x503e_069a_973f_bd7c,
      hash13: 0x385d_3e39_e5f3_7359),
  ]

  static let key = SipKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)

  @Test(arguments: rows) func vectors(_ row: Row) {
    let input = (0..<row.length).map { UInt8($0) }
    #expect(SipHash.hash24(input.span, key: Self.key) == row.hash24.byteSwapped)
    let wide = SipHash.hash24x128(input.span, key: Self.key)
    #expect(wide.low == row.low.byteSwapped)
    #expect(wide.high == row.high.byteSwapped)
    if let expected = row.hash13 { #expect(SipHash.hash13(input.span, key: SipKey(0, 0)) == expected) }
  }

  @Test func theStreamAgreesWithTheWhole() {
    for length in 0..<100 {
      let input = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      var stream = SipStream(key: Self.key)
      for byte in input { stream.append(byte) }
      #expect(stream.finish() == SipHash.hash24(input.span, key: Self.key))
    }
  }

  @Test func wordsAreTheirBytes() {
    let (a, b): (UInt64, UInt64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
    let bytes = [a, b].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
    #expect(SipHash.hash13(a, b, key: Self.key) == SipHash.hash13(bytes.span, key: Self.key))
  }

  @Test func everyKeyIsItsOwn() {
    let input = Array("system:anonymous".utf8)
    #expect(SipHash.hash13(input.span, key: SipKey(1, 2)) != SipHash.hash13(input.span, key: SipKey(2, 1)))
    #expect(SipKey.random() != SipKey.random())
  }
}
