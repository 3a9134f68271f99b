import Testing

@testable import AuditEvents

/// Base64 and gzip around wrappings.
@Suite struct EncodedTests {
  /// A subscription of two log events, an audit event and klog text; made with Python's gzip.
  static let subscription = """
    H4sIAAAAAAACA4VRS2+CQBD+K2bPArs0WsPNVGs8eBHaQ4tpVpmSjcBSdkEbwn/vMPjopSnhsDvzvXamZTkYI1OIvktgAVvMo/nHZhmG89WSjZ\
    k+FVBhWeA50+mq0nWJV0+ejAdH45WVThzfO2S1sQgkUGgrkDmijvUeHFkqA1UDlSPrRFmnVzL13hwqVVqli2eVIdOw4J19sh0JLBsobF9pmUou\
    5lZhTitzdBeTx8fZw3TG+298zY+4NmZHVSQxC2JGGjEbxwwDvKIBWlGDUrjHmXGV9hpBkAwayKi7ASsTaeXA7KHrBTVU4gxYDJEClbZgSl0YeN\
    J5mYEFalfwVWPQl+2aMB4V8fV7uqYwZKpxJFhoh1Mh80FRFpixI5VBOrTS1mZA5rdoQdtjDjrpWT7n3d13CwdQDSTRdVyk63N/6nDh8EnEZwHn\
    +Ls0PfF2f9N/FOFOiIOUDkNeduP/vRvxezdrLrgYkfXNnY/E6OymOhC7kYWzZd2u+wGILKaOkAIAAA==
    """

  /// 1.2 million brackets.
  static let bomb = """
    H4sIAAAAAAACA+3BgQAAAADDIND5e1zhAFUBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK8B2BTQroBPEgA=
    """

  @Test func lambda() throws {
    let seen = decode(#"{"awslogs":{"data":"\#(Self.subscription)"}}"#)
    #expect(seen.summary == [1, 1, 0])
    let event = try #require(seen.events.first)
    #expect(event.cluster == "prod-2" && event.user == "ann" && event.time == 1_767_600_001_500_000)
  }

  @Test func kinesis() {
    let record = #"{"kinesis":{"data":"\#(Self.subscription)"}}"#
    #expect(decode(#"{"Records":[\#(record),\#(record)]}"#).summary == [2, 2, 0])
  }

  @Test func escapedSlashes() {
    let text = Self.subscription.replacing("/", with: #"\/"#)
    #expect(decode(#"{"awslogs":{"data":"\#(text)"}}"#).summary == [1, 1, 0])
  }

  /// Cut anywhere, it is rejected once.
  @Test func cut() {
    for length in stride(from: 12, to: Self.subscription.utf8.count - 4, by: 4) {
      let seen = decode(#"{"awslogs":{"data":"\#(Self.subscription.prefix(length))"}}"#)
      #expect(seen.rejected == [.badEncoding] && seen.events.isEmpty)
    }
  }

  @Test func bombs() {
    let text = #"{"awslogs":{"data":"\#(Self.bomb)"}}"#
    #expect(decode(text) { $0.unwrappedBytes = 1 << 20 }.rejected == [.tooLong])
    #expect(decode(text).rejected == [.tooDeep])
  }

  @Test(arguments: [
    ("", ""), ("TQ==", "M"), ("TWE=", "Ma"), ("TWFu", "Man"), ("TWFuTQ", "ManM"), ("TW Fu", "Man"),
  ])
  func base64(_ text: String, _ plain: String) { #expect(decoded(text) == Array(plain.utf8)) }

  @Test(arguments: ["T", "TQ===", "T=Q=", "TW-u", "TWFu!"])
  func notBase64(_ text: String) { #expect(decoded(text) == nil) }

  private func decoded(_ text: String) -> [UInt8]? {
    let source = ByteBuffer(Array(text.utf8))
    let target = ByteBuffer(capacity: 0)
    // SAFETY: both buffers outlive the call.
    let isValid = unsafe source.withBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      return Base64.decode(unsafe Text(base, count: bytes.count, isEscaped: false), into: target)
    }
    // SAFETY: copied before the buffer goes.
    return isValid ? unsafe target.withBytes { unsafe Array($0) } : nil
  }
}
