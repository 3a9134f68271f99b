import Glibc
import TestSupport
import Testing

/// The program under test and the tools that it is held against.
enum Program {
  /// `KUBE_AUDIT_EXPORTER`, or what SwiftPM built beside the tests.
  static let path: String = {
    if let given = unsafe getenv("KUBE_AUDIT_EXPORTER") { return unsafe String(cString: given) }
    let resolved = unsafe realpath("/proc/self/exe", nil)
    defer { unsafe free(resolved) }
    let tests = unsafe resolved.map { unsafe String(cString: $0) } ?? ""
    return tests.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/kube-audit-exporter"
  }()

  /// Runs the program to its end.
  static func run(
    _ arguments: [String], input: [UInt8] = [], secondsLimit: Int = 120
  ) throws -> Process.Outcome {
    try Process.run([path] + arguments, input: input, secondsLimit: secondsLimit)
  }

  /// `replay --format openmetrics` of these files.
  static func replay(
    _ files: [String], input: [UInt8] = [], options: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Page {
    let outcome = try run(["replay", "--format", "openmetrics"] + options + files, input: input)
    try #require(outcome.status == 0, "replay \(files): \(outcome.errorText)", sourceLocation: sourceLocation)
    return try Page(outcome.outputText)
  }

  /// A tool on PATH. A missing one is a failure that names its package.
  static func tool(_ name: String, package: String) throws -> String {
    guard let path = Process.find(name) else {
      throw MissingTool(description: "\(name) is missing; install the Debian package \(package)")
    }
    return path
  }

  /// Runs a script of `Tools/`, and answers what it printed.
  static func python(_ script: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
    let python = try tool("python3", package: "python3")
    let outcome = try Process.run(
      [python, Files.beside("../Tools/" + script)] + arguments, input: input, secondsLimit: 120)
    guard outcome.status == 0 else { throw MissingTool(description: "\(script): \(outcome.errorText)") }
    return outcome.output
  }

  struct MissingTool: Error, CustomStringConvertible { let description: String }
}
