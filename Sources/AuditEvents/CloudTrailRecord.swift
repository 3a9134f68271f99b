/// One record of AWS CloudTrail: a call of an AWS API, or what CloudTrail Insights noticed. The fields that are counted,
/// nothing more, as borrowed bytes.
///
/// Absent strings are empty. What has members of its own is read further only when asked.
/// - Source: AWS CloudTrail User Guide, "CloudTrail record contents for management, data, and network activity events" and
///   "CloudTrail record contents for Insights events".
public struct CloudTrailRecord: ~Copyable {
  /// What tells two records apart; never empty.
  public internal(set) var eventID = Text.empty
  /// Microseconds since the epoch.
  public internal(set) var time: Int64 = AuditEvent.absentTime
  /// The service that was called, such as `eks.amazonaws.com`. Empty in a record of Insights.
  public internal(set) var eventSource = Text.empty
  /// The operation, such as `UpdateClusterConfig`. Empty in a record of Insights.
  public internal(set) var eventName = Text.empty
  /// `awsRegion`.
  public internal(set) var region = Text.empty
  /// `recipientAccountId`: whose trail it is.
  public internal(set) var account = Text.empty
  /// `sourceIPAddress`: an address, or the name of the service that called in somebody's place.
  public internal(set) var sourceAddress = Text.empty
  /// Empty when the call succeeded.
  public internal(set) var errorCode = Text.empty
  /// What the two records of one insight share.
  public internal(set) var sharedEventID = Text.empty
  /// `userIdentity`.
  public internal(set) var identity: JSONValue?
  public internal(set) var requestParameters: JSONValue?
  public internal(set) var responseElements: JSONValue?
  /// `insightDetails`: of a record of Insights alone.
  public internal(set) var insight: JSONValue?

  init() {}

  /// Whether it names itself, its time, and what it is about.
  var isWhole: Bool {
    !eventID.isEmpty && time != AuditEvent.absentTime && (insight != nil || !eventSource.isEmpty && !eventName.isEmpty)
  }

  /// Takes a member of the record; of duplicate keys the last wins.
  mutating func take(_ key: Key, _ value: JSONValue) {
    if key.equals("eventID") { eventID = value.string }
    if key.equals("eventSource") { eventSource = value.string }
    if key.equals("eventName") { eventName = value.string }
    if key.equals("awsRegion") { region = value.string }
    if key.equals("recipientAccountId") { account = value.string }
    if key.equals("sourceIPAddress") { sourceAddress = value.string }
    if key.equals("errorCode") { errorCode = value.string }
    if key.equals("sharedEventID") { sharedEventID = value.string }
    if key.equals("userIdentity") { identity = value.object }
    if key.equals("requestParameters") { requestParameters = value.object }
    if key.equals("responseElements") { responseElements = value.object }
    if key.equals("insightDetails") { insight = value.object }
  }
}

extension JSONValue {
  fileprivate var string: Text { kind == .string ? text : .empty }
  fileprivate var object: JSONValue? { kind == .object ? self : nil }
}
