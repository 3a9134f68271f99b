import Glibc
import TestSupport

/// Tests/Tools/cloudwatch_server.py, running over TLS, and what an exporter must be told to read from it.
final class CloudWatchServer {
  let process: RunningProcess
  let url: String
  private let authority: String

  /// - Parameters:
  ///   - options: a JSON object, see the script.
  ///   - script: another server of Tests/Tools, that takes the same arguments.
  init(folder: String, _ options: String, script: String = "cloudwatch_server.py") throws {
    let certificates = Certificates(folder: folder)
    try certificates.authority("aws")
    try certificates.issue("logs", by: "aws", purpose: "serverAuth", names: "DNS:localhost,IP:127.0.0.1")
    authority = certificates.certificate("aws")
    let process = try RunningProcess([
      Self.python, Files.beside("../../Tools/" + script), certificates.certificate("logs"),
      certificates.key("logs"), options,
    ])
    let port = try process.wait(for: "CloudWatch") { process.outputText.split(separator: "\n").first }
    (self.process, url) = (process, "https://127.0.0.1:\(port)")
  }

  /// The tests' own Python, which has botocore and moto.
  static let python: String = {
    let own = Files.beside("../../../.build-tools/venv/bin/python3")
    return unsafe access(own, X_OK) == 0 ? own : "python3"
  }()

  /// What an exporter that is to ask this server finds in its environment.
  var environment: [String: String] {
    Self.environment(["AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": authority])
  }

  /// Nothing of the machine's own, and these.
  static func environment(_ more: [String: String]) -> [String: String] {
    [
      "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret/of+test", "AWS_SESSION_TOKEN": "",
      "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
      "AWS_EC2_METADATA_DISABLED": "true", "no_proxy": "*",
    ].merging(more) { $1 }
  }

  /// What was asked, and what must be counted.
  func facts() throws -> [String: JSON] {
    let answer = try curl(url + "/facts", ["--cacert", authority])
    guard answer.status == 200, let facts = try JSON.parse(answer.body).object else {
      throw Program.MissingTool(description: "no facts: \(answer.status) \(process.errorText.suffix(2000))")
    }
    return facts
  }

  /// No more faults.
  func calm() throws { _ = try curl(url + "/calm", ["--cacert", authority, "-X", "POST"]) }

  /// How often each log group was asked to the end.
  func wholeQueries() throws -> [String: Int] {
    try (facts()["calls"]?.object ?? [:]).compactMapValues { $0.number.map { Int($0) } }
  }

  /// Everything that must be counted in the end, by family and labels; sums over clusters for what is told by input.
  func expected() throws -> [String: Int] {
    var told: [String: Int] = [:]
    for (cluster, facts) in try facts()["expected"]?.object ?? [:] {
      let facts = facts.object ?? [:]
      for name in ["received", "counted", "not_a_request", "ignored", "salvaged"] {
        told["events_\(name)", default: 0] += facts[name]?.number.map { Int($0) } ?? 0
      }
      for (request, count) in facts["requests"]?.object ?? [:] {
        told["\(cluster) \(request)"] = count.number.map { Int($0) } ?? 0
      }
    }
    return told
  }

  /// The same of a page.
  static func counted(_ page: Page) -> [String: Int] {
    var found = page.sums("kube_audit_requests_total", by: ["k8s_cluster", "verb", "code"])
    for name in ["received", "counted", "not_a_request", "ignored", "salvaged"] {
      found["events_\(name)"] = page.sum("kube_audit_events_\(name)_total", ["input": "cloudwatch"])
    }
    return found
  }
}
