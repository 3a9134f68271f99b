import TestSupport

/// A real Prometheus that scrapes one exporter every second.
final class Prometheus {
  private let process: RunningProcess
  private let url: String

  /// - Parameters:
  ///   - job: the name of the scrape job, which the project's rules know the exporter by.
  ///   - rules: contents of rule files, evaluated every second.
  ///   - alertmanager: where to send what fires.
  init(
    scraping port: UInt16, folder: String, job: String = "audit", rules: [String] = [], alertmanager: UInt16? = nil
  ) throws {
    let program = try Program.tool("prometheus", package: "prometheus")
    let own = try FreePort.next()
    url = "http://127.0.0.1:\(own)"
    let configuration = """
      global:
        scrape_interval: 1s
        evaluation_interval: 1s
        external_labels: {k8s_cluster: external}
      rule_files: ["\(folder)/rules*.yml"]
      alerting: {alertmanagers: [{static_configs: [{targets: [\(alertmanager.map { "\"127.0.0.1:\($0)\"" } ?? "")]}]}]}
      scrape_configs:
        - job_name: \(job)
          static_configs:
            - targets: ["127.0.0.1:\(port)"]
              labels: {cluster: scraper}
      """
    try Files.write(Array(configuration.utf8), to: folder + "/prometheus.yml")
    for (number, rules) in rules.enumerated() {
      try Files.write(Array(rules.utf8), to: "\(folder)/rules\(number).yml")
    }
    process = try RunningProcess([
      program, "--config.file=\(folder)/prometheus.yml", "--storage.tsdb.path=\(folder)/data",
      "--web.listen-address=127.0.0.1:\(own)", "--log.level=warn",
      // What fires before it has found its Alertmanager, which takes it five seconds, is sent again after this.
      "--rules.alert.resend-delay=2s",
    ])
    try process.wait(for: "a ready Prometheus") {
      try curl("\(url)/-/ready").status == 200 ? true : nil
    }
  }

  /// What the HTTP API says: the `data` of its answer.
  /// - Throws: `Page.Malformed` with Prometheus' own words when it refuses.
  func data(_ path: String, _ parameters: [(name: String, value: String)]) throws -> JSON {
    let fields = parameters.flatMap { ["--data-urlencode", "\($0.name)=\($0.value)"] }
    let answer = try curl("\(url)/api/v1/\(path)", ["--get"] + fields)
    let document = try JSON.parse(answer.body)
    guard document["status"]?.string == "success" else { throw Page.Malformed(description: answer.text) }
    return document["data"] ?? .null
  }

  /// The values that an instant query finds.
  func query(_ text: String) throws -> [Double] {
    let answer = try curl("\(url)/api/v1/query", ["--data-urlencode", "query@-"], input: Array(text.utf8))
    let document = try JSON.parse(answer.body)
    guard document["status"]?.string == "success" else { throw Page.Malformed(description: answer.text) }
    let found = document["data"]?["result"]?.array ?? []
    return found.compactMap { $0["value"]?[1]?.string.flatMap { Double($0) } }
  }

  func wait(for what: String, _ attempt: () throws -> Bool?) throws {
    try process.wait(for: what, attempt)
  }
}
