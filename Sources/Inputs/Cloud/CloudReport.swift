internal import AWS
internal import Diagnostics
internal import Logging
internal import Transport

/// Says how one target of an input from a cloud goes: in the log, and in the input's status. The same complaint is made once
/// in ten minutes.
final class CloudReport {
  /// What is said of one kind of input.
  struct Words: Sendable {
    /// What is read, `CloudWatch Logs`.
    var source: String
    /// What must be allowed, `logs:FilterLogEvents`.
    var actions: String
    /// What to lower when there are too many requests, `inputs.cloudwatch.requests_per_second`.
    var pace: String
    /// The first part of the service's host.
    var host: String
  }

  /// What calls may be counted as, of errors of an input.
  static let callReasons: [Failure.Reason] =
    CallOutcome.allCases.filter { $0 != .success && $0 != .stopped }.map { Failure.Reason($0.rawValue) }
    + CredentialLink.allCases.map(\.reason)
  private static let repeatPause: Microseconds = 600_000_000

  private let place: AWSPlace
  private let words: Words
  private let index: Int
  private let context: InputContext
  private let source: CredentialSource
  /// What every line of the log names.
  private let facts: Logger.Metadata
  private var said: [String: Microseconds] = [:]

  /// - Parameters:
  ///   - index: the target's place among the scopes of the input's status.
  ///   - naming: what else names the target in the log, where a line is not of one thing in it.
  init(
    _ words: Words, _ place: AWSPlace, index: Int, _ context: InputContext, source: CredentialSource,
    naming: Logger.Metadata
  ) {
    self.words = words
    self.place = place
    self.index = index
    self.context = context
    self.source = source
    facts = naming
  }

  /// A call failed. `what` is what it was for, and `subject` of which thing in the target.
  func failed(_ what: String, _ failure: CallFailure, _ subject: Logger.Metadata? = nil) {
    let reason = Failure.Reason(failure.code.hasPrefix("credentials_") ? failure.code : failure.outcome.rawValue)
    count(reason)
    guard isWorthSaying("\(what) \(reason.label)") else { return }
    var facts = facts(subject)
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
    context.logger.error("\(words.source) cannot be read", metadata: facts)
  }

  /// Something that is no failed call, and an error of the input if it has a reason.
  func note(
    _ what: String, _ reason: Failure.Reason? = nil, _ subject: Logger.Metadata? = nil, _ more: Logger.Metadata = [:]
  ) {
    if let reason { count(reason) }
    guard isWorthSaying(what + (subject.map { "\($0)" } ?? "")) else { return }
    context.logger.warning("\(what)", metadata: facts(subject).merging(more) { $1 })
  }

  func tell(_ what: String, _ subject: Logger.Metadata? = nil, _ more: Logger.Metadata = [:]) {
    context.logger.info("\(what)", metadata: facts(subject).merging(more) { $1 })
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

  private func facts(_ subject: Logger.Metadata?) -> Logger.Metadata {
    var named: Logger.Metadata = ["region": "\(place.region)"]
    if let role = place.roleARN { named["role"] = "\(role)" }
    return named.merging(subject ?? facts) { $1 }
  }

  private func remedy(_ failure: CallFailure) -> String {
    // Who cannot get credentials was told what to do.
    if failure.code.hasPrefix("credentials_") { return "Mend the credentials of link \(source.link.rawValue)" }
    switch failure.outcome {
    case .denied:
      return "Allow \(words.actions) to these credentials (link \(source.link.rawValue)), as in docs/eks.md"
    case .throttled:
      return "Other programs spend the account's quota too: lower \(words.pace), or have the quota raised"
    case .unreachable, .timeout, .tls, .broken:
      return
        "Check the way to \(words.host).\(place.region).amazonaws.com: name server, https_proxy, VPC endpoint, "
        + "AWS_CA_BUNDLE"
    case .refused where failure.code == "ResourceNotFoundException":
      return "It is gone; the next listing will tell"
    default: return "It is tried again"
    }
  }
}
