/// Several records that Amazon's producer library has put into one record of Kinesis, taken out one after another.
///
/// - Shape: four magic bytes, a message of Protocol Buffers whose field 3 is a record whose field 3 is its data, and an MD5 of
///   the message, which is not verified: what Kinesis keeps and TLS carries needs no other guard.
/// - Source: awslabs/amazon-kinesis-producer, `aggregation-format.md`.
@safe struct AggregatedRecord {
  private static let magic: [UInt8] = [0xF3, 0x89, 0x9A, 0xC2]
  private static let digestBytes = 16

  // SAFETY: lent by whoever made this, for as long as it is used.
  private let bytes: UnsafeBufferPointer<UInt8>
  private var at: Int
  private let end: Int
  /// Whether something was no such message; then nothing more comes.
  private(set) var isMalformed = false

  @unsafe static func isOne(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    unsafe bytes.count >= magic.count + digestBytes && bytes.starts(with: magic)
  }

  @unsafe init(_ bytes: UnsafeBufferPointer<UInt8>) {
    unsafe self.bytes = bytes
    at = Self.magic.count
    end = bytes.count - Self.digestBytes
  }

  /// Where the data of the next record stands among the bytes, or nil at the end.
  mutating func next() -> Range<Int>? {
    while at < end {
      var next = at
      guard let field = field(&next, end) else { return nil }
      at = next
      guard field.number == 3, let record = field.content else { continue }
      var place = record.lowerBound
      var data: Range<Int>?
      while place < record.upperBound, let inner = self.field(&place, record.upperBound) {
        if inner.number == 3 { data = inner.content }
      }
      if isMalformed { return nil }
      if let data { return data }
    }
    return nil
  }

  /// Reads the field at `place`, before `limit`; nil and malformed when there is none.
  private mutating func field(_ place: inout Int, _ limit: Int) -> (number: UInt64, content: Range<Int>?)? {
    guard let key = varint(&place, limit) else { return fail() }
    switch key & 7 {
    case 0:
      guard varint(&place, limit) != nil else { return fail() }
      return (key >> 3, nil)
    case 2:
      guard let count = varint(&place, limit), count <= UInt64(limit - place) else { return fail() }
      defer { place += Int(count) }
      return (key >> 3, place..<place + Int(count))
    default: return fail()
    }
  }

  private mutating func fail() -> (number: UInt64, content: Range<Int>?)? {
    isMalformed = true
    at = end
    return nil
  }

  private func varint(_ place: inout Int, _ limit: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while place < limit, shift < 63 {
      let byte = unsafe bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }
}
