/// `stage`: when in the life of a request the event was written.
public enum Stage: UInt8, CaseIterable, Sendable {
  case requestReceived, responseStarted, responseComplete, panic
  /// Absent, or a word of a later API server.
  case unknown

  /// The word of the event, or `unknown`.
  public var label: String {
    switch self {
    case .requestReceived: "RequestReceived"
    case .responseStarted: "ResponseStarted"
    case .responseComplete: "ResponseComplete"
    case .panic: "Panic"
    case .unknown: "unknown"
    }
  }

  /// The stage that `place`, `count` bytes of it, spells.
  init(_ place: BytePointer, count: Int) {
    switch count {
    case 5 where place.matches("Panic"): self = .panic
    case 15 where place.matches("RequestReceived"): self = .requestReceived
    case 15 where place.matches("ResponseStarted"): self = .responseStarted
    case 16 where place.matches("ResponseComplete"): self = .responseComplete
    default: self = .unknown
    }
  }
}

/// `level`: how much the policy recorded.
public enum Level: UInt8, CaseIterable, Sendable {
  case metadata, request, requestResponse, unknown

  /// The word of the event, or `unknown`.
  public var label: String {
    switch self {
    case .metadata: "Metadata"
    case .request: "Request"
    case .requestResponse: "RequestResponse"
    case .unknown: "unknown"
    }
  }

  /// The level that `place`, `count` bytes of it, spells.
  init(_ place: BytePointer, count: Int) {
    switch count {
    case 8 where place.matches("Metadata"): self = .metadata
    case 7 where place.matches("Request"): self = .request
    case 15 where place.matches("RequestResponse"): self = .requestResponse
    default: self = .unknown
    }
  }
}

/// `annotations["authorization.k8s.io/decision"]`.
public enum Decision: UInt8, CaseIterable, Sendable {
  case absent, allow, forbid, other

  /// The decision that `place`, `count` bytes of it, spells.
  @inline(__always) init(_ place: BytePointer, count: Int) {
    switch count {
    case 5 where place.matches("allow"): self = .allow
    case 6 where place.matches("forbid"): self = .forbid
    default: self = .other
    }
  }
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

  /// The word of the event, `(other)` or `(none)`.
  public var label: StaticString {
    switch self {
    case .get: "get"
    case .list: "list"
    case .watch: "watch"
    case .create: "create"
    case .update: "update"
    case .patch: "patch"
    case .delete: "delete"
    case .deletecollection: "deletecollection"
    case .proxy: "proxy"
    case .head: "head"
    case .options: "options"
    case .post: "post"
    case .put: "put"
    case .connect: "connect"
    case .trace: "trace"
    case .other: "(other)"
    case .none: "(none)"
    }
  }

  /// The verb that `place`, `count` bytes of it, spells.
  init(_ place: BytePointer, count: Int) {
    switch count {
    case 0: self = .none
    case 3 where place.matches("get"): self = .get
    case 3 where place.matches("put"): self = .put
    case 4 where place.matches("list"): self = .list
    case 4 where place.matches("post"): self = .post
    case 4 where place.matches("head"): self = .head
    case 5 where place.matches("watch"): self = .watch
    case 5 where place.matches("patch"): self = .patch
    case 5 where place.matches("proxy"): self = .proxy
    case 5 where place.matches("trace"): self = .trace
    case 6 where place.matches("update"): self = .update
    case 6 where place.matches("create"): self = .create
    case 6 where place.matches("delete"): self = .delete
    case 7 where place.matches("options"): self = .options
    case 7 where place.matches("connect"): self = .connect
    case 16 where place.matches("deletecollection"): self = .deletecollection
    default: self = .other
    }
  }
}
