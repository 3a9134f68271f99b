import TestSupport

/// A real Alertmanager with the project's routes, and somebody who takes what it sends.
///
/// The routes are `alerts/alertmanager.example.yml`, but that it tells our receiver and gathers for a second, not longer.
final class Alertmanager {
  /// One alert of one notification.
  struct Notice {
    /// The receiver of the routes that it was sent to.
    let receiver: String
    /// Seconds since 1970.
    let arrival: Double
    let isFiring: Bool
    let labels: [String: String]
    let annotations: [String: String]
    var name: String { labels["alertname"] ?? "" }
    var isPage: Bool { labels["severity"] == "page" }
  }

  let port: UInt16
  private let process: RunningProcess
  private let receiver: RunningProcess

  init(folder: String) throws {
    let program = try Program.tool("prometheus-alertmanager", package: "prometheus-alertmanager")
    port = try FreePort.next()
    let receiverPort = try FreePort.next()
    let root = Files.beside("../../..")
    let python = try Program.tool("python3", package: "python3")
    receiver = try RunningProcess([python, root + "/scripts/receive-pages.py", "\(receiverPort)", "--json"])
    let configuration = try Process.run([
      python, root + "/scripts/alertmanager-here.py", "http://127.0.0.1:\(receiverPort)",
    ])
    guard configuration.status == 0 else { throw Program.MissingTool(description: configuration.errorText) }
    try Files.write(configuration.output, to: folder + "/alertmanager.yml")
    process = try RunningProcess([
      program, "--config.file=\(folder)/alertmanager.yml", "--storage.path=\(folder)/alertmanager",
      "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=", "--log.level=warn",
    ])
    try process.wait(for: "a ready Alertmanager") {
      try curl("http://127.0.0.1:\(port)/-/ready").status == 200 ? true : nil
    }
    try receiver.wait(for: "a receiver that listens") {
      try curl("http://127.0.0.1:\(receiverPort)/").status == 200 ? true : nil
    }
  }

  /// Everything that was sent so far, in its order.
  func notices() throws -> [Notice] {
    // The last line may be half written.
    let lines = receiver.outputText.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return try lines.flatMap { line -> [Notice] in
      let sent = try JSON.parse(Array(line.utf8))
      return (sent["body"]?["alerts"]?.array ?? []).map { alert in
        Notice(
          receiver: String((sent["path"]?.string ?? "").dropFirst()), arrival: sent["arrival"]?.number ?? 0,
          isFiring: alert["status"]?.string == "firing",
          labels: (alert["labels"]?.object ?? [:]).compactMapValues(\.string),
          annotations: (alert["annotations"]?.object ?? [:]).compactMapValues(\.string))
      }
    }
  }

  /// The first notice that `isWanted`.
  func notice(_ what: String, secondsLimit: Double, where isWanted: (Notice) -> Bool) throws -> Notice {
    try process.wait(for: what, secondsLimit: secondsLimit) { try notices().first(where: isWanted) }
  }
}
