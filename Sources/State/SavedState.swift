public import Counting
public import Crypto

/// Everything that was committed, as it is read back at the start.
public struct SavedState: Sendable {
  /// The secret that digests and hashes of cut labels are made with, as long as this state lives.
  public let key: SipKey
  public var counting = CountingState()
  public var accounts: [AccountRow] = []
  /// In the order in which they were committed.
  public var digests: [DigestBlob] = []
  public var positions: [StreamPosition] = []

  /// Nothing was committed yet.
  public init(key: SipKey) { self.key = key }

  /// Whether nothing was committed yet.
  public var isEmpty: Bool {
    counting.series.isEmpty && counting.records.isEmpty && accounts.isEmpty && digests.isEmpty && positions.isEmpty
  }
}
