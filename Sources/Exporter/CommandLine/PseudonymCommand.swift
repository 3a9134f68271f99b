internal import ArgumentParser
internal import Counting
internal import Diagnostics

/// `pseudonym`: what a name is shown as, for whoever knows it and holds the key.
struct PseudonymCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "pseudonym", abstract: "Print what users and source IPs are shown as.",
    discussion: """
      A line for each name: the pseudonym, a tab, the name. An IP address is taken for a source IP, everything else for a \
      user; --kind says otherwise. A source IP of IPv6 has a second line for its /64. There is no way back from a \
      pseudonym: try the names that may be meant, all of a log's say:

        jq -r .user.username audit.log | sort -u | kube-audit-exporter pseudonym --pseudonyms.key-file key -
      """)

  @Option(name: .customLong("pseudonyms.key-file"), help: CommandFlag.pseudonymKeyHelp)
  var keyFile: String
  @Option(name: .customLong("kind"), help: CommandFlag.kind.argumentHelp)
  var kind: NameKind?
  @Argument(
    help: ArgumentHelp("Users and source IPs; - reads them from standard input, one a line.", valueName: "NAME"))
  var names: [String]
}

/// What a name is of.
enum NameKind: String, Sendable, CaseIterable, ExpressibleByArgument {
  case user
  case sourceIP = "source-ip"
}

extension PseudonymCommand {
  /// The longest name that is printed whole, bytes.
  private static let shownBytesLimit = 256

  func print(to console: Console) -> Int32 {
    do throws(Failure) {
      let pseudonyms = try PseudonymKey(file: keyFile).pseudonyms
      for name in names {
        if name != "-" {
          console.out(lines(of: name, pseudonyms))
          continue
        }
        while let line = readLine() { if !line.isEmpty { console.out(lines(of: line, pseudonyms)) } }
      }
      return 0
    } catch {
      console.error(FailureReport.lines([error]))
      return 1
    }
  }

  private func lines(of name: String, _ pseudonyms: Pseudonyms) -> String {
    let kind = kind ?? (Pseudonyms.isAddress(name) ? .sourceIP : .user)
    let shown = kind == .user ? [pseudonyms.user(name)] : pseudonyms.sourceIP(name)
    return shown.map { pseudonym in
      let parts = [pseudonym, name].map { SafeText.escaped($0, limitBytes: Self.shownBytesLimit) }
      return parts[0] + "\t" + parts[1] + "\n"
    }.joined()
  }
}
