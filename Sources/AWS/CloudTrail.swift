public import Transport

/// The operation of CloudTrail that reading needs, of one account and region.
public struct CloudTrail {
  /// The quota is 2 a second of an account and region, and everybody in the account shares it.
  public static let usualRate = Throttle.Rate(perSecond: 1, burst: 2)

  /// All that must be allowed.
  public static let operations = ["LookupEvents"]

  private let session: AWSSession
  private let region: String
  private let source: CredentialSource
  private let account: String

  /// - Parameter account: whose quota it is: the account's number or the role's name, the same for all its readers.
  public init(_ session: AWSSession, region: String, source: CredentialSource, account: String) {
    self.session = session
    self.region = region
    self.source = source
    self.account = account
  }

  /// One page of the management events of a service, the newest first. The last page is the one without a token.
  ///
  /// - Parameters:
  ///   - service: `eks.amazonaws.com`.
  ///   - times: seconds since the epoch, both ends included.
  ///   - token: of the page before; all else must be the same then.
  public func events(of service: String, times: ClosedRange<Int64>, token: String?) throws(CallFailure) -> TrailPage {
    var attribute = JSONObjectText()
    attribute.add("AttributeKey", "EventSource")
    attribute.add("AttributeValue", service)
    var body = JSONObjectText()
    body.add("LookupAttributes", objects: [attribute])
    body.add("StartTime", times.lowerBound)
    body.add("EndTime", times.upperBound)
    body.add("MaxResults", 50)
    if let token { body.add("NextToken", token) }
    let key = QuotaKey(account: account, region: region, operation: "LookupEvents")
    return try session.call(
      .cloudTrail, "LookupEvents", region: region, source: source, body: body.text, quota: (key, Self.usualRate)
    ) { TrailPage($0) }
  }
}

/// A page of LookupEvents.
public struct TrailPage: Sendable, Equatable {
  /// One event of the page.
  public struct Event: Sendable, Hashable {
    public let id: String
    /// The whole record, JSON.
    public let record: String

    public init(id: String, record: String) {
      self.id = id
      self.record = record
    }
  }

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
          case "Events":
            try reader.array { (reader) throws(JSONReader.Malformed) in
              // One without a name or a record tells nothing: the others count.
              if let event = try Event(&reader) { events.append(event) }
            }
          case "NextToken": token = try reader.optionalString()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    self.events = events
    nextToken = token
  }
}

extension TrailPage.Event {
  fileprivate init?(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (id, record) = ("", "")
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "EventId": id = try reader.optionalString() ?? ""
      case "CloudTrailEvent": record = try reader.optionalString() ?? ""
      default: try reader.skip()
      }
    }
    guard !id.isEmpty, !record.isEmpty else { return nil }
    self.init(id: id, record: record)
  }
}
