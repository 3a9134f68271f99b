public import Transport

/// The operations of CloudWatch Logs that reading needs, of one account and region.
public struct CloudWatchLogs {
  /// Calls of one operation, account and region: other programs of the account share the quota, which is 5 a second in the
  /// smaller regions.
  public static let usualRate = Throttle.Rate(perSecond: 2, burst: 4)
  /// Groups of one prefix; what comes after them is not listed.
  public static let groupsLimit = 10_000

  /// Their names, and all that must be allowed.
  public static let operations = ["DescribeLogGroups", "FilterLogEvents"]

  private let session: AWSSession
  private let region: String
  private let source: CredentialSource
  private let account: String
  private let rate: Throttle.Rate

  /// - Parameter account: whose quota it is: the account's number or the role's name, the same for all its readers.
  public init(
    _ session: AWSSession, region: String, source: CredentialSource, account: String, rate: Throttle.Rate = usualRate
  ) {
    self.session = session
    self.region = region
    self.source = source
    self.account = account
    self.rate = rate
  }

  /// One page of the events of a group. The last page is the one without a token; pages before it may be empty.
  ///
  /// - Parameters:
  ///   - streamPrefix: what the names of the streams begin with; empty for all.
  ///   - times: milliseconds since the epoch, both ends included.
  ///   - token: of the page before; all else must be the same then. It holds for 24 hours.
  public func events(
    of group: String, streamPrefix: String, times: ClosedRange<Int64>, token: String?
  ) throws(CallFailure) -> LogPage {
    var body = JSONObjectText()
    body.add("logGroupName", group)
    if !streamPrefix.isEmpty { body.add("logStreamNamePrefix", streamPrefix) }
    body.add("startTime", times.lowerBound)
    body.add("endTime", times.upperBound)
    if let token { body.add("nextToken", token) }
    return try call("FilterLogEvents", body) { LogPage($0) }
  }

  /// The groups whose names begin so, in the order of their names.
  public func groups(prefix: String) throws(CallFailure) -> [LogGroup] {
    var found: [LogGroup] = []
    var token: String?
    repeat {
      var body = JSONObjectText()
      body.add("logGroupNamePrefix", prefix)
      if let token { body.add("nextToken", token) }
      let page = try call("DescribeLogGroups", body) { LogGroup.page($0) }
      // A page that names itself as the next would never end.
      let isRepeated = page.token == token && token != nil
      token = isRepeated ? nil : page.token
      found += page.groups
    } while token != nil && found.count < Self.groupsLimit
    return found
  }

  private func call<Value: Sendable>(
    _ operation: String, _ body: JSONObjectText, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let key = QuotaKey(account: account, region: region, operation: operation)
    return try session.call(
      .cloudWatchLogs, operation, region: region, source: source, body: body.text, quota: (key, rate), read: read)
  }
}

/// A page of FilterLogEvents: the answer as it came, and where in it each event stands.
public struct LogPage: Sendable, Equatable {
  /// One event of the page.
  public struct Event: Sendable, Hashable {
    /// CloudWatch's own name for it: the same however often it is read.
    public let id: String
    public let stream: String
    /// When it happened, and when CloudWatch took it in; milliseconds since the epoch.
    public let timestamp: Int64
    public let ingestionTime: Int64
    /// Where in the page's bytes it stands, a JSON object.
    public let extent: Range<Int>
  }

  public let bytes: [UInt8]
  public let events: [Event]
  /// What to ask for the next page with; nil on the last one.
  public let nextToken: String?

  /// Reads an answer's body; nil when it is none.
  public init?(_ bytes: [UInt8]) {
    var events: [Event] = []
    var token: String?
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          switch key {
          case "events":
            try reader.array { (reader) throws(JSONReader.Malformed) in events.append(try Event(&reader)) }
          case "nextToken": token = try reader.optionalString()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    self.bytes = bytes
    self.events = events
    nextToken = token
  }
}

extension LogPage.Event {
  fileprivate init(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (id, stream) = ("", "")
    var (timestamp, ingestionTime) = (Int64?.none, Int64?.none)
    let start = reader.position
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "eventId": id = try reader.string()
      case "logStreamName": stream = try reader.string()
      case "timestamp": timestamp = try reader.integer()
      case "ingestionTime": ingestionTime = try reader.integer()
      default: try reader.skip()
      }
    }
    // Without its name an event could not be told from its repetition.
    guard !id.isEmpty, let timestamp, let ingestionTime else { throw JSONReader.Malformed(offset: start) }
    self.init(
      id: id, stream: stream, timestamp: timestamp, ingestionTime: ingestionTime, extent: start..<reader.position)
  }
}

/// A log group.
public struct LogGroup: Sendable, Hashable {
  public let name: String
  /// Its account, region and name, `arn:aws:logs:eu-west-1:123456789012:log-group:/aws/eks/prod/cluster`; empty where the
  /// answer does not say.
  public let arn: String
  /// `STANDARD`, `INFREQUENT_ACCESS`, `DELIVERY`; empty where the answer does not say.
  public let storageClass: String
  /// Nil where events are kept for ever.
  public let retentionDays: Int?

  fileprivate static func page(_ bytes: [UInt8]) -> (groups: [LogGroup], token: String?)? {
    var groups: [LogGroup] = []
    var token: String?
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          switch key {
          case "logGroups":
            try reader.array { (reader) throws(JSONReader.Malformed) in groups.append(try LogGroup(&reader)) }
          case "nextToken": token = try reader.optionalString()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    return (groups, token)
  }

  private init(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (name, storageClass, arn) = ("", "", "")
    var days: Int64?
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "logGroupName": name = try reader.string()
      case "logGroupClass": storageClass = try reader.optionalString() ?? ""
      // Both are there; the older one ends with `:*`, which stands for its streams.
      case "logGroupArn", "arn":
        let text = try reader.optionalString() ?? ""
        if arn.isEmpty { arn = text.hasSuffix(":*") ? String(text.dropLast(2)) : text }
      case "retentionInDays": days = try reader.integer()
      default: try reader.skip()
      }
    }
    self.name = name
    self.storageClass = storageClass
    self.arn = arn
    retentionDays = days.map { Int(clamping: $0) }
  }
}

/// Writes the parameters of an operation: an object.
struct JSONObjectText {
  private var members: [String] = []

  var text: String { "{" + members.joined(separator: ",") + "}" }

  mutating func add(_ key: String, _ value: String) { members.append("\"\(key)\":\(Self.quoted(value))") }

  mutating func add(_ key: String, _ value: Int64) { members.append("\"\(key)\":\(value)") }

  mutating func add(_ key: String, objects: [JSONObjectText]) {
    members.append("\"\(key)\":[\(objects.map(\.text).joined(separator: ","))]")
  }

  /// A time in seconds since the epoch with its milliseconds.
  mutating func add(_ key: String, seconds milliseconds: Int64) {
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    members.append("\"\(key)\":\(milliseconds / 1000).\(fraction)")
  }

  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        out.unicodeScalars.append("\\")
        out.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
