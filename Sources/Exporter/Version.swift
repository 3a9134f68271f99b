/// What was built. A release build writes branch, revision, user and date into this file before it compiles.
enum Version {
  static let program = "kube-audit-exporter"
  static let version = "0.1.0"
  static let branch = "unknown"
  static let revision = "unknown"
  static let buildUser = "unknown"
  static let buildDate = "unknown"

  /// Where documentation and runbooks are; the rules' `runbook_url` begins with it.
  static let projectURL = "https://github.com/kube-audit-exporter/kube-audit-exporter"

  /// The compiler's version.
  static var swift: String {
    #if compiler(>=6.4)
      "6.4 or newer"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }

  /// Operating system and architecture in the words that build information uses.
  static let operatingSystem = "linux"
  static var architecture: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #else
      "unknown"
    #endif
  }

  /// What `--version` prints: the lines of Prometheus' programs.
  static var text: String {
    """
    \(program), version \(version) (branch: \(branch), revision: \(revision))
      build user:       \(buildUser)
      build date:       \(buildDate)
      swift version:    \(swift)
      platform:         \(operatingSystem)/\(architecture)
    """
  }
}
