import TestSupport

/// Tests/Tools/eks_server.py, running, and what a program must be told to ask it.
final class EKSServer {
  let process: RunningProcess
  let url: String
  private let authority: String?

  /// - Parameters:
  ///   - folder: where certificates are made; nil for plain HTTP.
  ///   - options: a JSON object, see the script.
  init(folder: String?, _ options: String) throws {
    var arguments = ["-", "-"]
    if let folder {
      let certificates = Certificates(folder: folder)
      try certificates.authority("aws-eks")
      try certificates.issue("eks", by: "aws-eks", purpose: "serverAuth", names: "DNS:localhost,IP:127.0.0.1")
      arguments = [certificates.certificate("eks"), certificates.key("eks")]
      authority = certificates.certificate("aws-eks")
    } else {
      authority = nil
    }
    let process = try RunningProcess(
      [CloudWatchServer.python, Files.beside("../../Tools/eks_server.py")] + arguments + [options])
    let port = try process.wait(for: "EKS") { process.outputText.split(separator: "\n").first }
    (self.process, url) = (process, "\(folder == nil ? "http" : "https")://127.0.0.1:\(port)")
  }

  /// What a program that is to ask this server finds in its environment.
  var environment: [String: String] {
    var variables = ["AWS_ENDPOINT_URL": url, "AWS_REGION": ""]
    if let authority { variables["AWS_CA_BUNDLE"] = authority }
    return CloudWatchServer.environment(variables)
  }

  private var trust: [String] { authority.map { ["--cacert", $0] } ?? [] }

  /// What was asked.
  func facts() throws -> [String: JSON] {
    let answer = try curl(url + "/facts", trust)
    guard answer.status == 200, let facts = try JSON.parse(answer.body).object else {
      throw Program.MissingTool(description: "no facts: \(answer.status) \(process.errorText.suffix(2000))")
    }
    return facts
  }

  /// What was called, `eks:ListClusters`.
  func actions() throws -> Set<String> { Set((try facts()["actions"]?.array ?? []).compactMap(\.string)) }

  /// How often.
  func calls(_ action: String) throws -> Int { try facts()["calls"]?[action]?.number.map { Int($0) } ?? 0 }

  /// Changes what is told from now on.
  func set(_ options: String) throws {
    _ = try curl(url + "/set", trust + ["-X", "POST", "--data-binary", "@-"], input: Array(options.utf8))
  }

  /// Runs `posture` against it, to the end.
  func posture(_ arguments: [String], _ more: [String: String] = [:]) throws -> Process.Outcome {
    try Process.run(
      [Program.path, "posture"] + arguments, environment: environment.merging(more) { $1 }, secondsLimit: 120)
  }
}
