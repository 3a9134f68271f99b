/// What the decoder reports, event by event, in the order of the bytes.
///
/// Every piece of input is reported exactly once: as an event, as ignored, or as rejected. So
/// `received = events + records + ignored + rejected`.
public protocol EventSink: ~Copyable {
  /// A decoded event. It and its texts are borrowed: valid until this returns.
  mutating func receive(_ event: borrowing AuditEvent)
  /// A record of CloudTrail, borrowed like an event.
  mutating func receive(_ record: borrowing CloudTrailRecord)
  /// Something that is no audit event and is not meant to be one.
  mutating func ignore(_ reason: IgnoreReason)
  /// Something that should have been an event and could not be read; `offset` is where it begins in the decoded bytes.
  mutating func reject(_ reason: RejectReason, at offset: Int)
}

extension EventSink where Self: ~Copyable {
  /// Whoever asks for audit events alone takes the records of CloudTrail for another log.
  public mutating func receive(_ record: borrowing CloudTrailRecord) { ignore(.otherCategory) }
}

/// Why something was passed over: label `reason` of `events_ignored_total`.
public enum IgnoreReason: UInt8, CaseIterable, Sendable {
  /// A log category or API other than the audit log (AKS `guard`, an AdmissionReview, another Google service).
  case otherCategory
  /// A control or keep-alive message of a delivery service.
  case controlMessage
  /// A line of text of another log in the same stream (klog and the like).
  case otherText

  public var label: String {
    switch self {
    case .otherCategory: "other_category"
    case .controlMessage: "control_message"
    case .otherText: "other_text"
    }
  }
}

/// Why something could not be decoded: label `reason` of `events_rejected_total`.
public enum RejectReason: UInt8, CaseIterable, Sendable {
  /// Not JSON.
  case malformed
  /// Cut short, and what is left does not suffice to count it.
  case truncated
  /// JSON, meant as an audit event by its place, but not one.
  case notAnEvent
  /// Nested deeper than the limit.
  case tooDeep
  /// Longer than the limit of one event.
  case tooLong
  /// A wrapping whose base64 or gzip cannot be undone.
  case badEncoding

  public var label: String {
    switch self {
    case .malformed: "malformed"
    case .truncated: "truncated"
    case .notAnEvent: "not_an_event"
    case .tooDeep: "too_deep"
    case .tooLong: "too_long"
    case .badEncoding: "bad_encoding"
    }
  }
}
