internal import AuditEvents

/// What streams have left unfinished: the beginnings of records whose ends have not arrived, by their streams.
///
/// The decoder bounds one of them; here all of them are bounded together, however many files there are. They are outside of
/// the queue's budget, because what would finish them has to come through the queue.
struct UnfinishedRecords {
  /// A stream: each input numbers its own.
  struct Stream: Hashable {
    let input: Int
    let id: UInt64
  }

  private struct Record {
    let bytes: ByteBuffer
    /// Whether its input will read it again after a restart.
    let canReturn: Bool
  }

  private let limitBytes: Int
  private var records: [Stream: Record] = [:]
  /// Bytes of all of them.
  private(set) var count = 0

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  /// The beginning that a stream left, no longer kept here.
  mutating func take(_ stream: Stream) -> ByteBuffer? {
    guard let record = records.removeValue(forKey: stream) else { return nil }
    count -= record.bytes.count
    return record.bytes
  }

  /// Bytes that a stream has left.
  func count(of stream: Stream) -> Int { records[stream]?.bytes.count ?? 0 }

  /// Keeps a beginning until its stream goes on. Answers the input of each that had to go: the longest first, because it is
  /// the least likely to be a record at all. Their ends will be read as what they look like.
  mutating func keep(_ bytes: ByteBuffer, of stream: Stream, canReturn: Bool) -> [Int] {
    records[stream] = Record(bytes: bytes, canReturn: canReturn)
    count += bytes.count
    var dropped: [Int] = []
    while count > limitBytes, let longest = records.max(by: { $0.value.bytes.count < $1.value.bytes.count }) {
      records[longest.key] = nil
      count -= longest.value.bytes.count
      dropped.append(longest.key.input)
    }
    return dropped
  }

  /// Forgets all; answers the input of each that will not be read again.
  mutating func removeAll() -> [Int] {
    defer {
      records = [:]
      count = 0
    }
    return records.filter { !$0.value.canReturn }.map(\.key.input)
  }
}
