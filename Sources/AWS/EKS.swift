public import Transport

/// The operations of EKS that tell and change what clusters log, of one account and region.
///
/// - Source: botocore's eks/2017-11-01; docs.aws.amazon.com/eks, "Send control plane logs to CloudWatch Logs".
public struct EKS {
  /// Calls of one operation, account and region.
  public static let usualRate = Throttle.Rate(perSecond: 5, burst: 10)
  /// Clusters of one region; what comes after them is not listed.
  public static let clustersLimit = 1_000
  /// What must be allowed to ask.
  public static let readingOperations = ["ListClusters", "DescribeCluster"]

  private let session: AWSSession
  private let region: String
  private let source: CredentialSource
  private let account: String
  private let rate: Throttle.Rate

  /// - Parameter account: whose quota it is, as in `CloudWatchLogs`.
  public init(
    _ session: AWSSession, region: String, source: CredentialSource, account: String, rate: Throttle.Rate = usualRate
  ) {
    self.session = session
    self.region = region
    self.source = source
    self.account = account
    self.rate = rate
  }

  /// The names of all clusters, connected ones (which run elsewhere) among them; and whether that is all of them.
  ///
  /// A name that no cluster can have is left out, and then it is not all of them.
  public func clusters() throws(CallFailure) -> (names: [String], isWhole: Bool) {
    var names: [String] = []
    var isWhole = true
    var token: String?
    repeat {
      var query = [("include", "all"), ("maxResults", "100")]
      if let token { query.append(("nextToken", token)) }
      let page = try session.get(
        .eks, "ListClusters", region: region, source: source, path: "/clusters", query: query,
        quota: quota("ListClusters")
      ) { EKSCluster.page($0) }
      let known = page.names.filter(EKSCluster.isName)
      if known.count < page.names.count { isWhole = false }
      names += known
      // A page that names itself as the next would never end.
      if page.token == token, token != nil {
        isWhole = false
        break
      }
      token = page.token
    } while token != nil && names.count < Self.clustersLimit
    if names.count > Self.clustersLimit || token != nil && names.count == Self.clustersLimit { isWhole = false }
    return (Array(names.prefix(Self.clustersLimit)), isWhole)
  }

  /// What is known of one cluster.
  public func cluster(_ name: String) throws(CallFailure) -> EKSCluster {
    try session.get(
      .eks, "DescribeCluster", region: region, source: source, path: path(name), quota: quota("DescribeCluster")
    ) { EKSCluster($0) }
  }

  /// Has types of the control plane's log exported. Others stay as they are.
  ///
  /// - Parameter token: the same for every try of one change, so that EKS makes it once.
  /// - Errors: code `InvalidParameterException` when there is nothing to change, `ResourceInUseException` while another
  ///   update is under way.
  public func exportLogs(of name: String, types: [String], token: String) throws(CallFailure) -> EKSUpdate {
    let list = types.map(JSONObjectText.quoted).joined(separator: ",")
    let body =
      #"{"logging":{"clusterLogging":[{"types":[\#(list)],"enabled":true}]},"#
      + #""clientRequestToken":\#(JSONObjectText.quoted(token))}"#
    return try session.post(
      .eks, "UpdateClusterConfig", region: region, source: source, path: path(name) + "/update-config", body: body,
      quota: quota("UpdateClusterConfig")
    ) { EKSUpdate($0) }
  }

  /// How a change goes.
  public func update(_ id: String, of name: String) throws(CallFailure) -> EKSUpdate {
    try session.get(
      .eks, "DescribeUpdate", region: region, source: source, path: path(name) + "/updates/" + URLParts.encoded(id),
      quota: quota("DescribeUpdate")
    ) { EKSUpdate($0) }
  }

  private func path(_ name: String) -> String { "/clusters/" + URLParts.encoded(name) }

  private func quota(_ operation: String) -> (key: QuotaKey, rate: Throttle.Rate) {
    (QuotaKey(account: account, region: region, operation: operation), rate)
  }
}

/// A cluster of EKS, as far as its logs are concerned.
public struct EKSCluster: Sendable, Equatable {
  /// Types that are exported together or not at all; nil for what the answer does not say.
  public struct LogSetup: Sendable, Hashable {
    public let types: [String]?
    public let isEnabled: Bool?

    public init(types: [String]?, isEnabled: Bool?) {
      self.types = types
      self.isEnabled = isEnabled
    }
  }

  public let name: String
  /// `arn:aws:eks:eu-west-1:123456789012:cluster/prod`.
  public let arn: String
  /// `ACTIVE`, `UPDATING`, `CREATING`, `DELETING`, `FAILED`, `PENDING`.
  public let status: String
  /// Whether it runs elsewhere and is only shown by EKS, which then exports no log of it.
  public let isConnected: Bool
  /// Nil where the answer holds none.
  public let logging: [LogSetup]?

  public init(
    name: String, arn: String = "", status: String, isConnected: Bool = false, logging: [LogSetup]? = nil
  ) {
    (self.name, self.arn, self.status) = (name, arn, status)
    (self.isConnected, self.logging) = (isConnected, logging)
  }

  /// The account's number; empty where the ARN has none.
  public var account: String {
    let fields = arn.split(separator: ":", omittingEmptySubsequences: false)
    return fields.count > 4 ? String(fields[4]) : ""
  }

  /// Whether a cluster may be named so.
  public static func isName(_ text: String) -> Bool {
    (1...100).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        let letter = byte | 0x20
        return letter >= 0x61 && letter <= 0x7a || byte >= 0x30 && byte <= 0x39 || byte == 0x2d || byte == 0x5f
      }
  }

  fileprivate static func page(_ bytes: [UInt8]) -> (names: [String], token: String?)? {
    var names: [String]?
    var token: String?
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          switch key {
          case "clusters":
            var found: [String] = []
            try reader.array { (reader) throws(JSONReader.Malformed) in found.append(try reader.string()) }
            names = found
          case "nextToken": token = try reader.optionalString()
          default: try reader.skip()
          }
        }
      }
    } catch { return nil }
    // An answer without the list is none, and not an account without clusters.
    return names.map { ($0, token.flatMap { $0.isEmpty ? nil : $0 }) }
  }

  /// Reads an answer's body; nil when it is none.
  init?(_ bytes: [UInt8]) {
    var cluster: EKSCluster?
    do throws(JSONReader.Malformed) {
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          if key == "cluster" { cluster = try EKSCluster(&reader) } else { try reader.skip() }
        }
      }
    } catch { return nil }
    guard let cluster else { return nil }
    self = cluster
  }

  private init(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (name, arn, status) = ("", "", "")
    var isConnected = false
    var logging: [LogSetup]?
    let start = reader.position
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "name": name = try reader.string()
      case "arn": arn = try reader.optionalString() ?? ""
      case "status": status = try reader.optionalString() ?? ""
      case "connectorConfig":
        isConnected = try !reader.takesNull()
        if isConnected { try reader.skip() }
      case "logging": if try !reader.takesNull() { logging = try Self.logging(&reader) }
      default: try reader.skip()
      }
    }
    guard !name.isEmpty else { throw JSONReader.Malformed(offset: start) }
    self.init(name: name, arn: arn, status: status, isConnected: isConnected, logging: logging)
  }

  private static func logging(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> [LogSetup]? {
    var setups: [LogSetup]?
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      guard key == "clusterLogging" else {
        try reader.skip()
        return
      }
      if try reader.takesNull() { return }
      var found: [LogSetup] = []
      try reader.array { (reader) throws(JSONReader.Malformed) in found.append(try setup(&reader)) }
      setups = found
    }
    return setups
  }

  private static func setup(_ reader: inout JSONReader) throws(JSONReader.Malformed) -> LogSetup {
    var types: [String]?
    var isEnabled: Bool?
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "types":
        if try reader.takesNull() { return }
        var found: [String] = []
        try reader.array { (reader) throws(JSONReader.Malformed) in found.append(try reader.string()) }
        types = found
      case "enabled": isEnabled = try reader.takesNull() ? nil : reader.bool()
      default: try reader.skip()
      }
    }
    return LogSetup(types: types, isEnabled: isEnabled)
  }
}

/// A change of a cluster that EKS makes over minutes.
public struct EKSUpdate: Sendable, Equatable {
  /// Nil where the answer holds none, as of doubles of EKS that change at once.
  public var id: String?
  /// `InProgress`, `Successful`, `Failed`, `Cancelled`; empty where the answer does not say.
  public var status = ""
  /// What went wrong, a line each: code and sentence.
  public var errors: [String] = []

  /// Reads an answer's body; nil when it is none.
  init?(_ bytes: [UInt8]) {
    do throws(JSONReader.Malformed) {
      var update = EKSUpdate()
      try JSONReader.read(bytes) { (reader) throws(JSONReader.Malformed) in
        try reader.object { (key, reader) throws(JSONReader.Malformed) in
          if key != "update" {
            try reader.skip()
          } else if try !reader.takesNull() {
            try update.read(&reader)
          }
        }
      }
      self = update
    } catch { return nil }
  }

  private init() {}

  private mutating func read(_ reader: inout JSONReader) throws(JSONReader.Malformed) {
    var (id, status, errors) = (String?.none, "", [String]())
    try reader.object { (key, reader) throws(JSONReader.Malformed) in
      switch key {
      case "id": id = try reader.optionalString()
      case "status": status = try reader.optionalString() ?? ""
      case "errors":
        if try reader.takesNull() { return }
        try reader.array { (reader) throws(JSONReader.Malformed) in
          var parts: [String: String] = [:]
          try reader.object { (key, reader) throws(JSONReader.Malformed) in
            if ["errorCode", "errorMessage"].contains(key) {
              parts[key] = try reader.optionalString()
            } else {
              try reader.skip()
            }
          }
          errors.append([parts["errorCode"], parts["errorMessage"]].compactMap(\.self).joined(separator: ": "))
        }
      default: try reader.skip()
      }
    }
    (self.id, self.status, self.errors) = (id, status, errors)
  }
}
