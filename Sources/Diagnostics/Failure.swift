/// What went wrong, where, and what to do about it: the one error type of this project.
///
/// The reason is a closed, bounded word and may serve as a metric label, so it never carries a value. `what`, `place` and
/// `remedy` are for people; only `FailureReport` (module Exporter) makes sentences of them. No secret and no content of an
/// event ever enters a `Failure`.
public struct Failure: Error, Sendable, Hashable {
  /// A bounded word, lower snake case. Declared by the module that has it: `extension Failure.Reason { static let … }`.
  public struct Reason: Sendable, Hashable {
    /// The label value on metrics.
    public let label: String
    public init(_ label: String) { self.label = label }
  }

  /// Where it happened.
  public enum Place: Sendable, Hashable {
    /// A byte of a file.
    case file(path: String, byteOffset: UInt64)
    /// A path as a whole: missing, unreadable, of the wrong kind.
    case path(String)
    /// A setting, with the file and line that set it; a flag or a default has neither.
    case setting(key: String, file: String?, line: Int?)
    /// A line and column of a text file that could not be parsed.
    case text(file: String, line: Int, column: Int)
    /// A request that somebody sent to us or we sent to somebody.
    case request(method: String, host: String, path: String)
    /// An address to listen on.
    case address(String)
    /// The process itself: signals, threads, memory.
    case process
  }

  public let reason: Reason
  /// What is wrong, without a final full stop.
  public let what: String
  public let place: Place
  /// What the reader can do, a sentence without a final full stop; empty when nothing can be done.
  public let remedy: String

  public init(_ reason: Reason, _ what: String, at place: Place, remedy: String) {
    self.reason = reason
    self.what = what
    self.place = place
    self.remedy = remedy
  }
}

/// Several failures at once: configuration shows all of them, not the first.
public struct Failures: Error, Sendable, Equatable {
  public let all: [Failure]
  public init(_ all: [Failure]) { self.all = all }
}
