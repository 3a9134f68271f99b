public import Transport

/// The operations of Kinesis Data Streams that reading needs, of one stream.
public struct Kinesis {
  /// Their names, and all that must be allowed.
  public static let operations = ["ListShards", "GetShardIterator", "GetRecords"]
  /// Shards of one stream; what comes after them is not listed.
  public static let shardsLimit = 10_000
  /// Of each shard: the quota is 5 a second, shared with everybody who reads it.
  private static let shardRate = Throttle.Rate(perSecond: 2, burst: 2)
  private static let listRate = Throttle.Rate(perSecond: 5, burst: 10)

  private let session: AWSSession
  private let region: String
  private let source: CredentialSource
  private let account: String
  private let stream: String

  /// - Parameters:
  ///   - account: whose quota it is: the account's number or the role's name, the same for all its readers.
  ///   - stream: its name, or its ARN where it is in another account.
  public init(_ session: AWSSession, region: String, source: CredentialSource, account: String, stream: String) {
    self.session = session
    self.region = region
    self.source = source
    self.account = account
    self.stream = stream
  }

  /// From where on a shard is read.
  public enum Start: Sendable, Equatable {
    /// All that the stream still has.
    case trimHorizon
    /// What came since then; milliseconds since the epoch.
    case time(Int64)
    /// What comes after a record.
    case after(sequence: String)
  }

  /// All shards that the stream still knows, closed ones too.
  public func shards() throws(CallFailure) -> [KinesisShard] {
    var found: [KinesisShard] = []
    var token: String?
    repeat {
      var body = JSONObjectText()
      // With a token the stream must not be named.
      if let token { body.add("NextToken", token) } else { name(&body) }
      let page = try call("ListShards", body, shard: nil, Self.listRate) { KinesisShard.page($0) }
      let isRepeated = page.token == token && token != nil
      token = isRepeated ? nil : page.token
      found += page.shards
    } while token != nil && found.count < Self.shardsLimit
    return found
  }

  /// A place in a shard to read from. It holds for five minutes.
  public func iterator(of shard: String, from start: Start) throws(CallFailure) -> String {
    var body = JSONObjectText()
    name(&body)
    body.add("ShardId", shard)
    switch start {
    case .trimHorizon: body.add("ShardIteratorType", "TRIM_HORIZON")
    case .time(let time):
      body.add("ShardIteratorType", "AT_TIMESTAMP")
      body.add("Timestamp", seconds: time)
    case .after(let sequence):
      body.add("ShardIteratorType", "AFTER_SEQUENCE_NUMBER")
      body.add("StartingSequenceNumber", sequence)
    }
    return try call("GetShardIterator", body, shard: shard, Self.shardRate) { bytes in
      try? JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) -> String? in
        var iterator: String?
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          if key == "ShardIterator" { iterator = try reader.string() } else { try reader.skip() }
        }
        return iterator
      } ?? nil
    }
  }

  /// The next records of a shard.
  public func records(of shard: String, at iterator: String, limit: Int) throws(CallFailure) -> KinesisPage {
    var body = JSONObjectText()
    body.add("ShardIterator", iterator)
    body.add("Limit", Int64(limit))
    return try call("GetRecords", body, shard: shard, Self.shardRate) { KinesisPage($0) }
  }

  private func name(_ body: inout JSONObjectText) {
    body.add(stream.hasPrefix("arn:") ? "StreamARN" : "StreamName", stream)
  }

  private func call<Value: Sendable>(
    _ operation: String, _ body: JSONObjectText, shard: String?, _ rate: Throttle.Rate, read: ([UInt8]) -> Value?
  ) throws(CallFailure) -> Value {
    let subject = "\(account) \(stream) \(shard ?? "")"
    let key = QuotaKey(account: subject, region: region, operation: operation)
    return try session.call(
      .kinesis, operation, region: region, source: source, body: body.text, quota: (key, rate), read: read)
  }
}

/// A shard of a stream.
public struct KinesisShard: Sendable, Hashable {
  public let id: String
  /// The shards that it was made of by a split or a merge; they may be gone.
  public let parents: [String]
  /// Whether nothing more is written to it.
  public let isClosed: Bool

  public init(id: String, parents: [String], isClosed: Bool) {
    self.id = id
    self.parents = parents
    self.isClosed = isClosed
  }

  static func page(_ bytes: [UInt8]) -> (shards: [KinesisShard], token: String?)? {
    var shards: [KinesisShard] = []
    var token: String?
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          switch key {
          case "Shards":
            try reader.array { (reader) throws(JSONReader.Malformed) in shards.append(try KinesisShard(&reader)) }
          case "NextToken": token = try reader.optionalString()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    return (shards, token)
  }

  private init(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (id, parents, isClosed) = ("", [String](), false)
    let start = reader.position
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "ShardId": id = try reader.string()
      case "ParentShardId", "AdjacentParentShardId":
        if let parent = try reader.optionalString(), !parent.isEmpty { parents.append(parent) }
      case "SequenceNumberRange":
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          if key == "EndingSequenceNumber" {
            isClosed = try reader.optionalString() != nil
          } else {
            try reader.skip()
          }
        }
      default: try reader.skip()
      }
    }
    guard !id.isEmpty else { throw JSONReader.Malformed(offset: start) }
    self.init(id: id, parents: parents, isClosed: isClosed)
  }
}

/// An answer of GetRecords, as it came.
public struct KinesisPage: Sendable, Equatable {
  public let bytes: [UInt8]
  /// How many records it has.
  public let count: Int
  /// Of the last one; nil when there is none.
  public let lastSequence: String?
  /// What to ask the next page with; nil when the shard is closed and read to its end.
  public let nextIterator: String?
  /// How far it is behind the newest record of the shard.
  public let behindMilliseconds: Int64

  /// Reads an answer's body; nil when it is none.
  public init?(_ bytes: [UInt8]) {
    var (count, last, next, behind) = (0, String?.none, String?.none, Int64(0))
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          switch key {
          case "Records":
            try reader.array { (reader) throws(JSONReader.Malformed) in
              last = try Self.sequence(&reader)
              count += 1
            }
          case "NextShardIterator": next = try reader.optionalString()
          case "MillisBehindLatest": behind = try reader.integer()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    self.bytes = bytes
    self.count = count
    lastSequence = last
    nextIterator = next
    behindMilliseconds = max(0, behind)
  }

  private static func sequence(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> String {
    var sequence = ""
    let start = reader.position
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      if key == "SequenceNumber" { sequence = try reader.string() } else { try reader.skip() }
    }
    // Without it nothing could be said of how far the shard is read.
    guard !sequence.isEmpty else { throw JSONReader.Malformed(offset: start) }
    return sequence
  }
}
