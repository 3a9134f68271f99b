/// One audit event: the fields that are counted, nothing more, as borrowed bytes.
///
/// Absent strings are empty: the API server omits empty fields, so the two cannot be told apart and mean the same.
/// - Source: kubernetes/apiserver `pkg/apis/audit/v1/types.go`.
public struct AuditEvent {
  public var stage = Stage.unknown
  public var level = Level.unknown
  public var verb = Verb.none
  /// `responseStatus.code`, 100 to 599; 0 when absent or outside.
  public var code: UInt16 = 0
  /// The annotation `authorization.k8s.io/decision`.
  public var decision = Decision.absent
  /// The status says that impersonating somebody was refused (its message or `details.kind`). Set for code 403 only.
  public var isImpersonationRefused = false
  /// The request carried a `dryRun` query: nothing was stored.
  public var isDryRun = false
  /// The event was cut short and its leading fields sufficed.
  public var isSalvaged = false
  /// Who wrote the event: it decides which duplicates are possible.
  public var origin = Origin.kubernetes

  /// `user.username`: who authenticated. Empty when authentication failed.
  public var user = Text.empty
  /// `impersonatedUser.username`.
  public var impersonatedUser = Text.empty
  /// What stands between the brackets of `sourceIPs`: quoted strings and commas.
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

  /// The cluster that the wrapping names (AKS resource ID, GKE resource labels, EKS log group); empty when it names none.
  public var cluster = Text.empty

  /// The whole object as JSON, for what only detections read.
  public var json = Text.empty

  public init() {}
}

/// `stage`: when in the life of a request the event was written.
public enum Stage: UInt8, CaseIterable, Sendable {
  case requestReceived, responseStarted, responseComplete, panic
  /// Absent, or a word of a later API server.
  case unknown
}

/// `level`: how much the policy recorded.
public enum Level: UInt8, CaseIterable, Sendable {
  case metadata, request, requestResponse, unknown
}

/// `annotations["authorization.k8s.io/decision"]`.
public enum Decision: UInt8, CaseIterable, Sendable {
  case absent, allow, forbid, other
}

/// The kind of log that the event came out of.
public enum Origin: UInt8, CaseIterable, Sendable {
  case kubernetes, aks, gke
}

/// A Kubernetes verb or a standard HTTP method in lower case; everything else is `other`, nothing is `none`.
/// - Source: kubernetes/apiserver `pkg/endpoints/request/requestinfo.go`; RFC 9110, section 9.
public enum Verb: UInt8, CaseIterable, Sendable {
  case get, list, watch, create, update, patch, delete, deletecollection, proxy
  case head, options, post, put, connect, trace
  /// Any other word: a client may send any method.
  case other
  /// An absent or empty verb.
  case none
}
