public import AWS
public import Diagnostics
public import Transport

/// Has logs of one cluster exported, follows the change to its end, and looks whether it is so.
public struct LoggingChange {
  /// Time, which tests hold.
  public struct Timing {
    public let monotonic: () -> Microseconds
    /// Waits so many milliseconds.
    public let wait: (Int) -> Void

    public init(monotonic: @escaping () -> Microseconds, wait: @escaping (Int) -> Void) {
      self.monotonic = monotonic
      self.wait = wait
    }
  }

  /// How it ended.
  public enum Outcome: Sendable, Equatable {
    /// All that was asked for is on, and EKS says so. `wasNeeded` is false where it was on before.
    case verified(wasNeeded: Bool)
    /// Nothing was changed.
    case refused(String, remedy: String)
    /// The change failed, and nothing is promised.
    case failed(String)
    /// The change goes on without us.
    case timedOut(updateID: String?)
    /// The change is done and types are off nevertheless.
    case unverified([String])
  }

  private let eks: EKS
  private let name: String
  private let timing: Timing
  private let limit: Microseconds
  private let progress: (String, Microseconds) -> Void

  /// - Parameters:
  ///   - limitSeconds: how long the change is followed.
  ///   - progress: told the update's status and the time since it began, with each answer.
  public init(
    _ eks: EKS, cluster name: String, limitSeconds: Int64, timing: Timing,
    progress: @escaping (_ status: String, _ passed: Microseconds) -> Void
  ) {
    self.eks = eks
    self.name = name
    self.timing = timing
    limit = limitSeconds * 1_000_000
    self.progress = progress
  }

  /// The cluster's types of log as they are.
  public static func types(of cluster: EKSCluster) -> [LogType] { EKSLogging.read(cluster.logging) }

  /// Makes the change.
  ///
  /// - Parameter token: a random word, so that EKS makes the change once however often it is asked.
  public func run(_ types: [String], token: String) throws(CallFailure) -> Outcome {
    let begun = timing.monotonic()
    var update: EKSUpdate
    do throws(CallFailure) { update = try eks.exportLogs(of: name, types: types, token: token) } catch {
      if error.code == "InvalidParameterException", error.text.contains("No changes needed") {
        return try verify(types, wasNeeded: false)
      }
      if let remedy = Self.remedy(error) { return .refused(error.text, remedy: remedy) }
      throw error
    }
    var pause = 1_000
    while let id = update.id, !["Successful", "Failed", "Cancelled"].contains(update.status) {
      progress(update.status, timing.monotonic() - begun)
      guard timing.monotonic() - begun < limit else { return .timedOut(updateID: id) }
      timing.wait(pause)
      pause = min(5_000, pause * 2)
      // One question that fails is no failure of the change: the next one may be answered.
      do throws(CallFailure) { update = try eks.update(id, of: name) } catch {
        if error.outcome == .stopped || error.outcome == .denied { throw error }
        progress("no answer: \(error.text)", timing.monotonic() - begun)
      }
    }
    if update.id != nil { progress(update.status, timing.monotonic() - begun) }
    if update.status == "Failed" || update.status == "Cancelled" {
      let why = update.errors.isEmpty ? "EKS does not say why" : update.errors.joined(separator: "; ")
      return .failed("the update has ended as \(update.status): \(why)")
    }
    return try verify(types, wasNeeded: true, until: begun + limit)
  }

  /// Asks the cluster itself. An update that is done shows at once; a double of EKS, which has none, after a moment.
  private func verify(
    _ types: [String], wasNeeded: Bool, until deadline: Microseconds = .min
  ) throws(CallFailure) -> Outcome {
    var pause = 1_000
    while true {
      let states = Self.types(of: try eks.cluster(name))
      let missing = types.filter { type in states.first { $0.name == type }?.isExported != true }
      if missing.isEmpty { return .verified(wasNeeded: wasNeeded) }
      guard pause < 8_000, timing.monotonic() < deadline else { return .unverified(missing) }
      timing.wait(pause)
      pause *= 2
    }
  }

  /// What to do where EKS does not take the change.
  private static func remedy(_ failure: CallFailure) -> String? {
    switch failure.code {
    case "ResourceInUseException":
      "Another update of this cluster is under way, and EKS makes one at a time: wait until its status is ACTIVE, then "
        + "try again"
    case "ResourceNotFoundException": "Correct the name or the region"
    case "InvalidRequestException": "Look at the cluster's status: it must be ACTIVE"
    case _ where failure.outcome == .denied:
      "Allow eks:UpdateClusterConfig, eks:DescribeUpdate and eks:DescribeCluster to these credentials, as in "
        + "docs/posture.md"
    default: nil
    }
  }
}
