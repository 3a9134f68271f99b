/// What the rules know of this project, as data: the order of modules, who may import what, and the exceptions.
///
/// An exception says why, and it must stay true: one that nothing needs any more is itself a finding.
enum House {
  /// Left never imports right, and modules of one row do not import each other (docs/architecture.md).
  static let moduleOrder: [[String]] = [
    [
      "CCurl", "CGnuTLS", "CIntrinsics", "CLinux", "CMicroHTTPD", "COpenSSL", "CRE2", "CSQLite", "CXcrypt", "CYAML",
      "CZlib",
    ],
    ["Diagnostics"],
    ["Concurrency", "Compression", "Crypto", "YAML"],
    ["AuditEvents"],
    ["Metrics", "Rules"],
    ["Counting"],
    ["State"],
    ["Engine"],
    ["Transport"],
    ["AWS"],
    ["Inputs", "Posture"],
    ["Exporter"],
    ["kube-audit-exporter"],
  ]

  /// Modules of others that our sources may import, beside the C library.
  static let outsideModules: Set = ["ArgumentParser", "Glibc", "Logging", "Musl"]

  /// A C library, or a large dependency, has one importer: everything else goes through its interface.
  static let soleImporter = [
    "ArgumentParser": "Sources/Exporter/",
    "CCurl": "Sources/Transport/HTTPClient.swift",
    "CGnuTLS": "Sources/Exporter/Access/",
    "CIntrinsics": "Sources/AuditEvents/",
    "CLinux": "Sources/Concurrency/",
    "CMicroHTTPD": "Sources/Exporter/HTTPServer/",
    "CRE2": "Sources/Rules/Regex.swift",
    "COpenSSL": "Sources/Crypto/SHA256.swift",
    "CSQLite": "Sources/State/Database.swift",
    "CXcrypt": "Sources/Exporter/Access/",
    "CYAML": "Sources/YAML/",
    "CZlib": "Sources/Compression/",
  ]

  static let fileLinesLimit = 400
  static let functionLinesLimit = 60
  /// `swift format` holds lines of code to 120; what it leaves alone (comments, C, shell) may end a word later.
  static let lineLimit = 130
  static let mainLinesLimit = 40

  /// Files longer than the limit: path, reason.
  static let longFiles: [String: String] = [
    "Sources/AuditEvents/JSON/ValueScanner.swift": "one state machine over one block of masks"
  ]
  /// Functions longer than the limit: `path:name`, reason.
  static let longFunctions: [String: String] = [:]
  /// Files that may write to standard output: what a command prints is its result.
  static let printers: [String: String] = [:]
  /// Test files that may sleep: they poll with a deadline, or the pause is what is tried.
  static let sleepers: [String: String] = [
    "Tests/TestSupport/": "waits for child processes",
    "Tests/EndToEndTests/": "polls real programs with a deadline",
    "Tests/ExporterTests/HTTPServerTests.swift": "is a client that sends slowly",
  ]
  /// Dotted flags of Prometheus, Alertmanager and amtool that pages name.
  static let flagsOfOthers: Set = [
    "--alertmanager.url", "--cluster.listen-address", "--storage.path", "--storage.tsdb.path",
  ]
  /// Alerts that no test can find quiet.
  static let alwaysFiring: Set = ["KubeAuditWatchdog"]
  /// Test files whose expectations are in a helper beside them.
  static let expectingElsewhere: [String: String] = [
    "Tests/CountingTests/RandomProgramTests.swift": "RandomProgram compares with its model after each step"
  ]
}
