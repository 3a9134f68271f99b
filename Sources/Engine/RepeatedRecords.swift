internal import AuditEvents
internal import Crypto
internal import Diagnostics
internal import State

/// Recognises a record of CloudTrail that comes again: two trails write it to two files, and a file may be read twice.
///
/// The key is a keyed 128-bit digest of its `eventID`, which CloudTrail chooses, and of the account whose trail it is.
struct RepeatedRecords {
  /// CloudTrail delivers within minutes, and writes late and repeated records within hours.
  static let generationSpan: Microseconds = 12 * 3_600 * 1_000_000
  /// About 8 MB for both generations, used only where records of CloudTrail are counted.
  static let generationLimit = 131_072

  private let key: SipKey
  var digests: RecentDigests
  private var scratch: [UInt8] = []

  /// - Parameters:
  ///   - limit: records of a generation; lower in tests.
  ///   - isSaved: whether what is new will be asked for, to be saved.
  init(key: SipKey, limit: Int = generationLimit, isSaved: Bool = false) {
    self.key = key
    digests = RecentDigests(.cloudRecord, limit: limit, span: Self.generationSpan, isSaved: isSaved)
  }

  /// Whether this record was here before; remembers it if not.
  mutating func contains(_ record: borrowing CloudTrailRecord, at time: Microseconds) -> Bool {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(text: record.eventID)
    scratch.append(text: record.account)
    return digests.contains(Digest(SipHash.hash24x128(scratch.span, key: key)), at: time)
  }
}
