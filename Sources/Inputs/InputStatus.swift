internal import Concurrency
public import Diagnostics

/// How an input is doing, for `/metrics` and the page: written by its threads, read by a scrape at any time.
public final class InputStatus: Sendable {
  /// The values at one instant.
  public struct Snapshot: Sendable {
    /// Whether the source could be read when last tried.
    public var isUp = false
    /// When it was last read without an error.
    public var lastSuccess: Microseconds?
    /// Errors by reason.
    public var errors: [Failure.Reason: UInt64] = [:]
    /// Answers given to those who push, by HTTP status.
    public var pushAnswers: [Int: UInt64] = [:]
    /// What is being read, one line each, for the page: a path and how far, an endpoint.
    public var sources: [Source] = []
    /// What is read of clouds, one for each account and region that the input was told.
    public var scopes: [CloudScope] = []

    /// Nothing has happened yet.
    public init() {}
  }

  /// One thing that is being read.
  public struct Source: Sendable, Equatable {
    public var name: String
    /// Bytes read so far, and bytes there are when known.
    public var readBytes: UInt64
    public var totalBytes: UInt64?
    public init(name: String, readBytes: UInt64, totalBytes: UInt64?) {
      self.name = name
      self.readBytes = readBytes
      self.totalBytes = totalBytes
    }
  }

  /// Log groups of one account and region, or a stream there.
  public struct CloudScope: Sendable, Equatable {
    /// Empty while it is not known.
    public var account: String
    public var region: String
    /// The stream's name; nil for log groups.
    public var stream: String?
    /// How many log groups are in which state: `read`, `failing`, `refused`.
    public var groups: [String: Int] = [:]
    /// Until when all that should be read is read, by the time of the events; nil before the first groups were found.
    public var readUntil: Microseconds?
    /// Whether the last listing succeeded and any group can be read, or there is none.
    public var isWorking = false
    /// As in the snapshot.
    public var sources: [Source] = []

    public init(account: String, region: String) {
      self.account = account
      self.region = region
    }
  }

  /// The label `input`.
  public let name: String
  private let state = Lock(Snapshot())

  public init(name: String) { self.name = name }

  public var snapshot: Snapshot { state.withLock { $0 } }

  /// Changes the values; short.
  public func update(_ body: @Sendable (inout Snapshot) -> Void) { state.withLock { body(&$0) } }

  /// The source answered.
  public func succeeded(at time: Microseconds) {
    update {
      $0.isUp = true
      $0.lastSuccess = time
    }
  }

  /// These errors may come: their counts begin at 0, so that the first one is a rise.
  public func begin(counting reasons: [Failure.Reason]) {
    update { for reason in reasons { $0.errors[reason, default: 0] += 0 } }
  }

  /// The source could not be read.
  public func failed(_ reason: Failure.Reason, isUp: Bool = false) {
    update {
      $0.errors[reason, default: 0] += 1
      $0.isUp = isUp
    }
  }
}
