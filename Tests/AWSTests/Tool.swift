import Glibc
import TestSupport

/// Scripts of Tests/Tools, run by the tests' own Python, which has botocore and moto.
enum Tool {
  struct Failed: Error, CustomStringConvertible { let description: String }

  /// What `scripts/install-deps.sh test` prepares; else a Python on PATH that has botocore.
  static let python: String = {
    let own = Files.beside("../../.build-tools/venv/bin/python3")
    return unsafe access(own, X_OK) == 0 ? own : "python3"
  }()

  static func path(_ script: String) -> String { Files.beside("../Tools/" + script) }

  /// What a script prints.
  static func python(_ script: String, _ arguments: [String] = [], input: String = "") throws -> String {
    let outcome = try Process.run([python, path(script)] + arguments, input: Array(input.utf8), secondsLimit: 300)
    guard outcome.status == 0 else {
      throw Failed(
        description: "\(script): \(outcome.errorText)\nIs botocore there? scripts/install-deps.sh test installs it.")
    }
    return outcome.outputText
  }
}
