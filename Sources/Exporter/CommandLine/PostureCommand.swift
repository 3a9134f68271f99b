internal import ArgumentParser
internal import AWS
internal import Diagnostics
internal import Posture

/// `posture`: what clouds say of the clusters' logging, and turning it on.
struct PostureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "posture", abstract: "Look how every cluster logs; turn logging on.",
    discussion: "docs/posture.md says what must be allowed for it.",
    subcommands: [PostureCheckCommand.self, PostureEnableCommand.self])
}

/// A cloud that can be asked.
enum ProviderName: String, Sendable, CaseIterable, ExpressibleByArgument { case aws }

struct PostureCheckCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Print how every cluster logs, the rule that fails and the remedy.",
    discussion: """
      Looks at the accounts and regions that the configuration names in posture.targets, or else in \
      inputs.cloudwatch.targets; without any, at every region that the credentials found here reach. --region narrows it \
      to these regions.

      Exits 0 when every cluster is enabled, 1 when one is not, 2 when none is known to be bad, but one could not be \
      judged or nothing could be asked.
      """)

  @Option(name: .customLong("provider"), help: "The cloud to ask: aws.")
  var provider = ProviderName.aws
  @Option(
    name: .customLong("region"),
    help: ArgumentHelp("A region to look at; all of them unless given.", valueName: "REGION"))
  var regions: [String] = []
  @Option(name: .customLong("config.file"), help: CommandFlag.configFile.argumentHelp)
  var configFile: String?
  @Option(name: .customLong("format"), help: "What to print: table or json.")
  var format = ListFormat.table

  func validate() throws {
    for region in regions where !AWSPlace.isRegion(region) {
      throw ValidationError("--region \(region): write one, such as eu-west-1.")
    }
  }

  func print(to console: Console) -> Int32 {
    do throws(Failures) {
      let settings = try SettingsReader.load(file: configFile, needsInput: false)
      return PostureCheck(settings, regions: regions, format, console).run()
    } catch {
      console.error(FailureReport.lines(error.all))
      return 2
    }
  }
}

struct PostureEnableCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Turn logs of a cluster on.",
    discussion: """
      Shows what would change and asks, then makes the change, follows it, and looks whether it is so. Logs that are on \
      stay on. CloudWatch charges for what comes in, by the gigabyte.

      Exits 0 when the logs are on, 1 when they are not, 2 when it could not begin: no credentials, or nobody to ask.
      """)

  @Option(name: .customLong("provider"), help: "The cluster's cloud: aws.")
  var provider = ProviderName.aws
  @Option(name: .customLong("cluster"), help: ArgumentHelp("The cluster's name.", valueName: "NAME"))
  var cluster: String
  @Option(name: .customLong("region"), help: ArgumentHelp("Its region.", valueName: "REGION"))
  var region: String
  @Option(
    name: .customLong("types"),
    help: ArgumentHelp("The logs to turn on, with commas between them, or all.", valueName: "TYPE,…"))
  var types = "all"
  @Option(
    name: .customLong("role-arn"), help: ArgumentHelp("A role to assume, in another account say.", valueName: "ARN"))
  var roleARN: String?
  @Option(name: .customLong("external-id"), help: ArgumentHelp("What the role asks for.", valueName: "ID"))
  var externalID: String?
  @Option(name: .customLong("timeout"), help: ArgumentHelp("How long to follow the change.", valueName: "DURATION"))
  var timeout = "20m"
  @Flag(name: .customLong("yes"), help: "Do not ask.")
  var isAgreed = false

  /// The types in the order in which they are shown; nil where one is not known.
  var chosenTypes: [String]? {
    if types == "all" { return EKSLogging.types }
    let given = types.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return given.allSatisfy(EKSLogging.types.contains) ? EKSLogging.types.filter(given.contains) : nil
  }

  private var timeoutSeconds: Int64? {
    do throws(Refusal) {
      let seconds = try DurationText.seconds(timeout)
      return (1...86_400).contains(seconds) ? seconds : nil
    } catch { return nil }
  }

  func validate() throws {
    guard AWSPlace.isRegion(region) else { throw ValidationError("--region \(region): write one, such as eu-west-1.") }
    guard EKSCluster.isName(cluster) else { throw ValidationError("--cluster: that is no cluster's name.") }
    guard chosenTypes != nil else {
      throw ValidationError("--types: write some of \(EKSLogging.types.joined(separator: ",")), or all.")
    }
    guard timeoutSeconds != nil else { throw ValidationError("--timeout: write 1s to 24h.") }
    guard externalID == nil || roleARN != nil else {
      throw ValidationError("--external-id is given without --role-arn.")
    }
  }

  func print(to console: Console) -> Int32 {
    let place = AWSPlace(region: region, roleARN: roleARN, externalID: externalID)
    return PostureEnable(
      cluster: cluster, place: place, types: chosenTypes ?? [], isAgreed: isAgreed, limitSeconds: timeoutSeconds ?? 60,
      console
    ).run()
  }
}
