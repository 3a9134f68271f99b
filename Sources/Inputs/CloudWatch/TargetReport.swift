internal import AWS
internal import Diagnostics
internal import Logging
internal import Transport

extension Failure.Reason {
  /// A log group of a class that FilterLogEvents does not read.
  static let infrequentAccess = Failure.Reason("infrequent_access")
  /// Two targets name one log group.
  static let namedTwice = Failure.Reason("named_twice")
  /// A target has more log groups than are read.
  static let logGroupsLimit = Failure.Reason("log_groups_limit")
  /// There was no room to recognise all events of the overlap.
  static let overlapShortened = Failure.Reason("overlap_shortened")
}

/// Says how one target goes: in the log, and in the input's status. The same complaint is made once in ten minutes.
final class TargetReport {
  /// What may be counted as an error of the input.
  static let reasons: [Failure.Reason] =
    CallOutcome.allCases.filter { $0 != .success && $0 != .stopped }.map { Failure.Reason($0.rawValue) }
    + CredentialLink.allCases.map(\.reason) + [.infrequentAccess, .namedTwice, .logGroupsLimit, .overlapShortened]
  private static let repeatPause: Microseconds = 600_000_000

  private let target: CloudWatchSettings.Target
  private let index: Int
  private let context: InputContext
  private let source: CredentialSource
  private var said: [String: Microseconds] = [:]

  init(_ target: CloudWatchSettings.Target, index: Int, _ context: InputContext, source: CredentialSource) {
    self.target = target
    self.index = index
    self.context = context
    self.source = source
  }

  /// A call failed. `what` is what it was for, and `group` of which log group.
  func failed(_ what: String, _ failure: CallFailure, group: String? = nil) {
    let reason = Failure.Reason(failure.code.hasPrefix("credentials_") ? failure.code : failure.outcome.rawValue)
    count(reason)
    guard isWorthSaying("\(what) \(reason.label)") else { return }
    var facts = facts(group)
    facts["reason"] = "\(reason.label)"
    facts["error"] = "\(failure.text)"
    facts["remedy"] = "\(remedy(failure))"
    context.logger.warning("\(what)", metadata: facts)
  }

  /// The thread cannot go on.
  func failed(_ failure: Failure) {
    count(failure.reason)
    var facts = facts(nil)
    facts["error"] = "\(failure.what)"
    facts["remedy"] = "\(failure.remedy)"
    context.logger.error("CloudWatch Logs cannot be read", metadata: facts)
  }

  /// Something that is no failed call, and an error of the input if it has a reason.
  func note(_ what: String, _ reason: Failure.Reason? = nil, group: String? = nil, _ more: Logger.Metadata = [:]) {
    if let reason { count(reason) }
    guard isWorthSaying(what + (group ?? "")) else { return }
    context.logger.warning("\(what)", metadata: facts(group).merging(more) { $1 })
  }

  func tell(_ what: String, group: String? = nil, _ more: Logger.Metadata = [:]) {
    context.logger.info("\(what)", metadata: facts(group).merging(more) { $1 })
  }

  /// What was complained about is over: it is said at once when it returns.
  func forget(_ what: String) { said = said.filter { !$0.key.hasPrefix(what) } }

  /// Shows how the target is doing.
  func show(_ scope: InputStatus.CloudScope) {
    context.status.update { [index, now = context.clock.now] snapshot in
      guard snapshot.scopes.indices.contains(index) else { return }
      snapshot.scopes[index] = scope
      snapshot.isUp = snapshot.scopes.allSatisfy(\.isWorking)
      if scope.isWorking { snapshot.lastSuccess = now }
      snapshot.sources = snapshot.scopes.flatMap(\.sources)
    }
  }

  private func count(_ reason: Failure.Reason) {
    context.status.update { $0.errors[reason, default: 0] += 1 }
  }

  private func isWorthSaying(_ what: String) -> Bool {
    let now = Clock.monotonic
    if let last = said[what], now - last < Self.repeatPause { return false }
    said[what] = now
    return true
  }

  private func facts(_ group: String?) -> Logger.Metadata {
    var facts: Logger.Metadata = ["region": "\(target.region)"]
    if let role = target.roleARN { facts["role"] = "\(role)" }
    if let group { facts["log_group"] = "\(group)" } else { facts["log_group_prefix"] = "\(target.logGroupPrefix)" }
    return facts
  }

  private func remedy(_ failure: CallFailure) -> String {
    // Who cannot get credentials was told what to do.
    if failure.code.hasPrefix("credentials_") { return "Mend the credentials of link \(source.link.rawValue)" }
    switch failure.outcome {
    case .denied:
      return
        "Allow logs:DescribeLogGroups and logs:FilterLogEvents to these credentials (link \(source.link.rawValue)), "
        + "as in docs/eks.md"
    case .throttled:
      return
        "Other programs spend the account's quota too: lower inputs.cloudwatch.requests_per_second, or have the quota "
        + "raised"
    case .unreachable, .timeout, .tls, .broken:
      return
        "Check the way to logs.\(target.region).amazonaws.com: name server, https_proxy, VPC endpoint, AWS_CA_BUNDLE"
    case .refused where failure.code == "ResourceNotFoundException":
      return "The log group is gone; the next listing will tell"
    default: return "It is tried again"
    }
  }
}
