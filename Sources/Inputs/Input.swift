public import AuditEvents
public import Concurrency
public import Diagnostics
public import Engine
public import Logging
public import Transport

/// A source of audit events: the one protocol. An input moves bytes and remembers positions; it neither decodes nor counts.
///
/// A pull input runs threads of its own; a push input owns no socket, it names a path and a handler.
public protocol Input: Sendable {
  /// A noun in lower snake case: the settings' key and the label `input`.
  static var name: String { get }
  /// Starts its threads or registers its endpoints, and returns.
  func start(in context: InputContext) throws(Failure)
}

/// What an input may use.
public struct InputContext: Sendable {
  /// The index of this input in accounting.
  public let index: Int
  public let queue: BatchQueue
  public let clock: Clock
  /// Raised when inputs must stop: finish what was read, hand it in, return.
  public let stop: StopSignal
  public let logger: Logger
  public let status: InputStatus
  /// The cluster of events whose source names none.
  public let cluster: String
  /// Where this input was when the exporter ran before, as far as that was committed, one for each of its streams.
  public let positions: [InputPosition]
  /// What calls to clouds share, over all inputs: retries, quotas, counts.
  public let calls: CallPolicy
  /// Whether what is pushed now can be counted and answered. If not, it is refused with 503 before it is counted.
  public let admitsPushes: @Sendable () -> Bool
  private let registerThread: @Sendable (NamedThread) -> Void
  private let registerEndpoint: @Sendable (Endpoint) -> Void

  public init(
    index: Int, queue: BatchQueue, clock: Clock, stop: StopSignal, logger: Logger, status: InputStatus, cluster: String,
    positions: [InputPosition] = [], calls: CallPolicy = CallPolicy(),
    admitsPushes: @escaping @Sendable () -> Bool = { true },
    registerThread: @escaping @Sendable (NamedThread) -> Void,
    registerEndpoint: @escaping @Sendable (Endpoint) -> Void
  ) {
    self.index = index
    self.queue = queue
    self.clock = clock
    self.stop = stop
    self.logger = logger
    self.status = status
    self.cluster = cluster
    self.positions = positions
    self.calls = calls
    self.admitsPushes = admitsPushes
    self.registerThread = registerThread
    self.registerEndpoint = registerEndpoint
  }

  /// Runs `body` on a thread that shutdown joins.
  public func thread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Failure) {
    registerThread(try NamedThread(name, body))
  }

  /// Adds a path to the listener for those who push.
  public func endpoint(_ endpoint: Endpoint) { registerEndpoint(endpoint) }
}

/// A path of the push listener.
public struct Endpoint: Sendable {
  /// `/webhook`; the handler also gets every path below it.
  public let path: String
  /// The largest body accepted as it arrives; 413 above.
  public let bodyBytesLimit: Int
  /// Judges a request by its head alone, before the body is read: nil to go on, or a refusal.
  public let admit: @Sendable (PushHead) -> PushRefusal?
  /// Takes a whole request and returns at once; `reply` is answered later, exactly once.
  public let handle: @Sendable (PushRequest, PushReply) -> PushRefusal?
  /// What is not as with the API server's webhook.
  public let manners: PushManners

  public init(
    path: String, bodyBytesLimit: Int, manners: PushManners = PushManners(),
    admit: @escaping @Sendable (PushHead) -> PushRefusal?,
    handle: @escaping @Sendable (PushRequest, PushReply) -> PushRefusal?
  ) {
    self.path = path
    self.bodyBytesLimit = bodyBytesLimit
    self.manners = manners
    self.admit = admit
    self.handle = handle
  }
}

/// How those who push to an endpoint show who they are, and what they expect of an answer.
public struct PushManners: Sendable {
  /// The header that holds an access key, which takes the place of passwords; nil where the listener asks who they are.
  public var accessKeyHeader: String?
  /// The headers that the input looks at, in lower case.
  public var headers: [String] = []
  /// How long a request may take to arrive as a whole; nil for what holds of every request.
  public var requestSeconds: Int?
  /// The answer as the sender wants it, of whoever gives it; nil for plain text.
  public var form: (@Sendable (_ head: PushHead, _ status: Int, _ text: String) -> PushForm)?

  public init() {}
}

/// An answer in the form that a sender wants.
public struct PushForm: Sendable, Equatable {
  public let status: Int
  public let contentType: String
  public let body: String

  public init(_ status: Int, contentType: String, body: String) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}

/// The head of a pushed request, names of headers in lower case.
public struct PushHead: Sendable {
  /// As it was sent, percent signs not undone; without the query.
  public let path: String
  /// `content-encoding`, lower case; empty when absent.
  public let contentEncoding: String
  /// The clusters whose events the sender may write: 403 for others. Nil where nobody is asked who they are.
  public let writableClusters: Set<String>?
  /// The headers that the endpoint looks at; what occurs several times is joined with commas.
  public let headers: [String: String]
  public init(
    path: String, contentEncoding: String, writableClusters: Set<String>? = nil, headers: [String: String] = [:]
  ) {
    self.path = path
    self.contentEncoding = contentEncoding
    self.writableClusters = writableClusters
    self.headers = headers
  }
}

/// A pushed request with its body. The bytes hold `reservedBytes` of the queue's budget, which now belong to the handler.
public struct PushRequest: Sendable {
  public let head: PushHead
  public let body: ByteBuffer
  public let reservedBytes: Int
  public init(head: PushHead, body: ByteBuffer, reservedBytes: Int) {
    self.head = head
    self.body = body
    self.reservedBytes = reservedBytes
  }
}

/// A refusal: an HTTP status and a line of text for the sender. 503 carries `Retry-After`.
public struct PushRefusal: Sendable, Equatable {
  public let status: Int
  public let text: String
  public init(_ status: Int, _ text: String) {
    self.status = status
    self.text = text
  }
}
