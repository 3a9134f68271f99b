/// One audit event: the fields that are counted, nothing more, as borrowed bytes.
///
/// Absent strings are empty: the API server omits empty fields, so the two cannot be told apart and mean the same. It is not
/// copyable, because a copy of it for every call would be felt.
/// - Source: kubernetes/apiserver `pkg/apis/audit/v1/types.go`.
public struct AuditEvent: ~Copyable {
  public var stage = Stage.unknown
  public var level = Level.unknown
  public var verb = Verb.none
  /// `responseStatus.code`, 100 to 599; 0 when absent or outside.
  public var code: UInt16 = 0
  /// The annotation `authorization.k8s.io/decision`.
  public var decision = Decision.absent
  /// The status says that impersonating somebody was refused (its message or `details.kind`). Set for code 403 only.
  public var isImpersonationRefused = false
  /// The event was cut short and its leading fields sufficed.
  public var isSalvaged = false
  /// Who wrote the event: it decides which duplicates are possible.
  public var origin = Origin.kubernetes
  /// Every field stands where the API server writes it, so that `bodies` and `annotations` say where those are.
  public var isOrdered = false
  /// Of an ordered event: it has no annotations but the authorizer's decision and reason. False says nothing.
  public var hasUsualAnnotations = false

  /// `user.username`: who authenticated. Empty when authentication failed.
  public var user = Text.empty
  /// `impersonatedUser.username`.
  public var impersonatedUser = Text.empty
  /// What stands between the brackets of `sourceIPs`: quoted strings, commas and perhaps white space. The last element
  /// is always a string; where the event's last one is not, this is empty.
  public var sourceIPs = Text.empty
  public var userAgent = Text.empty
  public var requestURI = Text.empty
  public var auditID = Text.empty
  /// `objectRef.apiGroup`; empty for the core group.
  public var apiGroup = Text.empty
  public var resource = Text.empty
  public var subresource = Text.empty
  public var namespace = Text.empty
  public var name = Text.empty

  /// `stageTimestamp`, microseconds since the epoch; `absentTime` when absent or unreadable. The decoder fills it with
  /// the older fields where this one is missing (DESIGN.md, "Event time"): `requestReceivedTimestamp`, v1beta1's
  /// `timestamp`, then the source's own time.
  public var time: Int64 = AuditEvent.absentTime
  public static let absentTime = Int64.min

  /// The cluster that the wrapping names (AKS resource ID, GKE resource labels, EKS log group); empty when it names
  /// none.
  public var cluster = Text.empty

  /// The whole object as JSON, for what only detections read.
  public var json = Text.empty

  /// Of an ordered event, what stands between `responseStatus` and the time of receipt: the commas, keys and bodies, of which
  /// nothing was read. Empty without bodies.
  public var bodies = Text.empty

  public init() {}

  /// The request carried a `dryRun` query: nothing was stored. Looked up when asked: few requests are asked.
  public var isDryRun: Bool { requestURI.asksForDryRun }

  /// Of an ordered event, the object of its annotations; empty when it has none. Looked for when asked.
  public var annotations: Text {
    // They are its last member, and hold nothing but strings; without them a time is its last.
    guard isOrdered, json.hasSuffix("}}") else { return .empty }
    return json.beforeLastBracket(after: #","annotations":{""#)
  }
}
