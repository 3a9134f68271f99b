internal import AWS
internal import Concurrency
internal import Diagnostics
internal import Posture
internal import Transport

/// `posture enable`: shows a change, asks, makes it, follows it, verifies it.
struct PostureEnable {
  private let cluster: String
  private let place: AWSPlace
  private let types: [String]
  private let isAgreed: Bool
  private let limitSeconds: Int64
  private let console: Console

  init(
    cluster: String, place: AWSPlace, types: [String], isAgreed: Bool, limitSeconds: Int64, _ console: Console
  ) {
    self.cluster = cluster
    self.place = place
    self.types = types
    self.isAgreed = isAgreed
    self.limitSeconds = limitSeconds
    self.console = console
  }

  /// The exit code.
  func run() -> Int32 {
    do throws(Failure) {
      let environment = ProcessEnvironment.current()
      let source = place.source(try CredentialChain(environment).source())
      let stop = StopSignal()
      let session = try AWSSession.make(environment, policy: CallPolicy(), stop: stop)
      let eks = EKS(session, region: place.region, source: source, account: place.account)
      do throws(CallFailure) { return try change(eks, stop) } catch {
        console.error(Self.safe("\(cluster) in \(place.region): \(error.text)") + "\n")
        console.error(Self.remedy(error) + "\n")
        return 1
      }
    } catch {
      console.error(FailureReport.lines([error]))
      return 2
    }
  }

  private func change(_ eks: EKS, _ stop: StopSignal) throws(CallFailure) -> Int32 {
    let known = try eks.cluster(cluster)
    guard !known.isConnected else {
      console.error("\(cluster) runs elsewhere and is only shown by EKS, which exports no log of it.\n")
      return 2
    }
    let states = LoggingChange.types(of: known)
    let account = known.account.isEmpty ? "" : ", account \(known.account)"
    console.out(Self.safe("Cluster \(cluster) in \(place.region)\(account)") + "\n" + plan(states))
    let missing = types.filter { type in states.first { $0.name == type }?.isExported != true }
    guard !missing.isEmpty else {
      console.out("Nothing to change.\n")
      return 0
    }
    guard try agrees() else { return isAsking ? 1 : 2 }
    let timing = LoggingChange.Timing(
      monotonic: { Clock.monotonic }, wait: { _ = stop.wait(milliseconds: Int32(clamping: $0)) })
    let change = LoggingChange(eks, cluster: cluster, limitSeconds: limitSeconds, timing: timing) { status, passed in
      console.error(Self.safe("\(status.isEmpty ? "asked" : status), \(passed / 1_000_000) s") + "\n")
    }
    return tell(try change.run(missing, token: Self.token()))
  }

  /// What is, and what will be.
  private func plan(_ states: [LogType]) -> String {
    let width = EKSLogging.types.map(\.count).max() ?? 0
    return states.map { type in
      let now = type.isExported.map { $0 ? "on" : "off" } ?? "not known"
      let change = types.contains(type.name) && type.isExported != true ? " -> on" : ""
      return "  " + type.name + String(repeating: " ", count: width - type.name.count + 2) + now + change + "\n"
    }.joined()
  }

  private var isAsking: Bool { Terminal.isTerminal(0) }

  private func agrees() throws(CallFailure) -> Bool {
    if isAgreed { return true }
    guard isAsking else {
      console.error("Nothing was changed: there is no terminal to ask at. Give --yes to go ahead.\n")
      return false
    }
    console.out("CloudWatch charges for what comes in. Turn these logs on? [y/N] ")
    if ["y", "yes"].contains((readLine() ?? "").lowercased()) { return true }
    console.error("Nothing was changed.\n")
    return false
  }

  private func tell(_ outcome: LoggingChange.Outcome) -> Int32 {
    let names = types.joined(separator: ", ")
    switch outcome {
    case .verified(let wasNeeded):
      console.out("\(wasNeeded ? "Done" : "EKS says that there is nothing to change"): on are \(names).\n")
      return 0
    case .refused(let what, let remedy):
      console.error(Self.safe("Nothing was changed: \(what)") + "\n\(remedy).\n")
    case .failed(let what):
      console.error(Self.safe("It did not work: \(what)") + "\n")
    case .timedOut(let id):
      let update = id.map { " --update-id \($0)" } ?? ""
      console.error(
        Self.safe(
          "The update is still under way after \(limitSeconds) s and goes on by itself. Look at it with: aws eks "
            + "describe-update --region \(place.region) --name \(cluster)\(update)") + "\n")
    case .unverified(let missing):
      console.error(
        "EKS took the change, and these are off nevertheless: \(missing.joined(separator: ", ")). Look again with: "
          + "kube-audit-exporter posture check --region \(place.region)\n")
    }
    return 1
  }

  /// What to do where the cluster cannot be asked.
  private static func remedy(_ failure: CallFailure) -> String {
    if failure.code.hasPrefix("credentials_") { return "Mend these credentials." }
    if failure.code == "ResourceNotFoundException" { return "Correct the name or the region." }
    if failure.outcome == .denied {
      return "Allow eks:DescribeCluster, eks:UpdateClusterConfig and eks:DescribeUpdate, as in docs/posture.md."
    }
    return "Try again."
  }

  /// A random word: one change, however often it is asked for.
  private static func token() -> String {
    var random = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(random.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func safe(_ text: String) -> String { SafeText.escaped(text, limitBytes: 1000) }
}
