import Glibc
import TestSupport
import Testing

/// `posture` and the posture of `serve`: against a fake of EKS that fails on purpose, over TLS, and moto for the plain way.
@Suite(.serialized) struct PostureTests {
  private static let every = #"["api", "audit", "authenticator", "controllerManager", "scheduler"]"#

  /// Three regions with what can be found in them.
  private static let fleet = """
    {"regions": ["eu-west-1", "us-east-1", "ap-south-2", "sa-east-1"], "off_regions": ["ap-south-2"],
     "region_faults": {"sa-east-1": "denied"}, "page": 2, "clusters": [
      {"name": "prod", "on": \(every), "retention": 30},
      {"name": "dev", "on": ["api"]},
      {"name": "half", "on": ["audit", "api"], "retention": null},
      {"name": "odd", "logging": {"clusterLogging": [{"types": ["audit"], "enabled": true}, {"enabled": true}]}},
      {"name": "empty", "logging": {}},
      {"name": "hidden", "fault": "denied"},
      {"name": "broken", "fault": "nonsense"},
      {"name": "edge", "connected": true},
      {"name": "young", "region": "us-east-1", "status": "CREATING"},
      {"name": "prod", "region": "us-east-1", "on": \(every), "retention": 365}]}
    """

  private static let statuses = [
    "eu-west-1 prod": "enabled", "eu-west-1 dev": "disabled", "eu-west-1 half": "degraded", "eu-west-1 odd": "unknown",
    "eu-west-1 empty": "unknown", "eu-west-1 hidden": "unknown", "eu-west-1 broken": "unknown",
    "eu-west-1 edge": "not_applicable", "us-east-1 young": "unknown", "us-east-1 prod": "enabled",
  ]

  /// Every cluster of every region, each as it is; what fails costs nothing else; and nothing is called that is not allowed.
  @Test func aFleetIsJudged() throws {
    try Files.withTemporaryFolder { folder in
      let server = try EKSServer(folder: folder, Self.fleet)
      let outcome = try server.posture(["check", "--format", "json"])
      #expect(outcome.status == 1, "\(outcome.errorText)")
      let told = try JSON.parse(outcome.output)
      let clusters = try #require(told["clusters"]?.array)
      let found = clusters.map { cluster in
        ("\(cluster["region"]?.string ?? "") \(cluster["cluster"]?.string ?? "")", cluster["status"]?.string ?? "")
      }
      #expect(Dictionary(found) { first, _ in first } == Self.statuses && found.count == Self.statuses.count)
      #expect(clusters.allSatisfy { $0["provider"]?.string == "aws" && $0["account"]?.string == "123456789012" })
      let reasons = clusters.map { "\($0["cluster"]?.string ?? "") \($0["reason"]?.string ?? "-")" }
      for reason in ["hidden access_denied", "broken unreadable", "young not_ready", "odd not_reported", "prod -"] {
        #expect(reasons.contains(reason), "\(reasons)")
      }
      let regions = (told["regions"]?.array ?? []).map { "\($0["region"]?.string ?? "") \($0["reason"]?.string ?? "")" }
      #expect(regions == ["ap-south-2 region_off", "sa-east-1 access_denied"])
      // Types of which nothing is said are told as neither on nor off.
      let odd = try #require(clusters.first { $0["cluster"]?.string == "odd" })["log_types"]
      #expect(odd?["audit"]?.bool == true && odd?["api"] != nil && odd?["api"]?.bool == nil)

      let table = try server.posture(["check", "--provider", "aws", "--format", "table"])
      for words in [
        "EKS-003: audit, authenticator, controllerManager, scheduler are off", "log-retention, advice",
        "posture enable --cluster dev --region eu-west-1 --types audit,authenticator,controllerManager,scheduler",
        "The clusters of ap-south-2", "2 enabled, 1 degraded, 1 disabled, 5 unknown, 1 not applicable",
      ] {
        #expect(table.outputText.contains(words), "\(words) is not in\n\(table.outputText)")
      }
      let facts = try server.facts()
      #expect(facts["violations"]?.array?.isEmpty == true, "\(String(describing: facts["violations"]))")
      #expect(try server.actions().subtracting(["sts:GetCallerIdentity"]) == Self.documentedActions()[0])
    }
  }

  /// The actions of the policies of docs/posture.md, in their order.
  private static func documentedActions() throws -> [Set<String>] {
    let text = String(decoding: try Files.read(Files.beside("../../docs/posture.md")), as: UTF8.self)
    return try text.split(separator: "```json").dropFirst().map { block in
      let statements =
        try JSON.parse(String(block.split(separator: "```").first ?? "")).object?["Statement"]?.array ?? []
      return Set(statements.flatMap { $0.object?["Action"]?.array ?? [] }.compactMap(\.string))
    }
  }

  /// 0, 1 and 2, each for what it stands for.
  @Test func exitsSayHowItIs() throws {
    func fleet(_ clusters: String, _ more: String = "") -> String { "{\"clusters\": [\(clusters)]\(more)}" }
    let good = #"{"name": "a", "on": \#(Self.every), "retention": null}"#
    let server = try EKSServer(folder: nil, fleet(good))
    let rows: [(String, [String], Int32, String)] = [
      (fleet(good), [], 0, "1 cluster in 1 region: 1 enabled"),
      (fleet(""), [], 0, "0 clusters in 1 region"),
      (fleet(good + #", {"name": "b", "on": ["audit"]}"#), [], 1, "1 degraded"),
      (fleet(good + #", {"name": "b", "fault": "throttled"}"#), [], 2, "too many requests"),
      // What is bad is bad, whatever else could not be judged.
      (fleet(#"{"name": "a", "on": []}, {"name": "b", "fault": "failed"}"#), [], 1, "1 disabled, 1 unknown"),
      (fleet(good, #", "region_faults": {"eu-west-1": "failed"}"#), [], 2, "the service failed"),
      (fleet(good, #", "faults": {"DescribeRegions": "denied"}, "region_faults": {}"#), [], 2, "The regions"),
      (fleet(good), ["--region", "eu-west-1"], 0, "1 enabled"),
    ]
    for (options, arguments, status, words) in rows {
      try server.set(options)
      let outcome = try server.posture(["check"] + arguments)
      #expect(outcome.status == status && outcome.outputText.contains(words), "\(options)\n\(outcome.outputText)")
    }
    let without = try server.posture(["check"], ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""])
    #expect(without.status == 2 && without.errorText.contains("no credentials are configured"))
    #expect(try server.posture(["check", "--region", "nowhere"]).status == 2)
    let unreachable = try server.posture(
      ["check", "--region", "eu-west-1"], ["AWS_ENDPOINT_URL_EKS": "http://127.0.0.1:1"])
    #expect(unreachable.status == 2 && unreachable.outputText.contains("the service cannot be reached"))
  }

  /// Accounts and regions as the configuration has them, through a role; calls that are throttled are tried again.
  @Test func configuredTargetsAreLookedAt() throws {
    try Files.withTemporaryFolder { folder in
      let clusters = (0..<7).map { #"{"name": "c\#($0)", "on": \#(Self.every)}"# }.joined(separator: ",")
      let server = try EKSServer(folder: nil, #"{"page": 2, "throttled": 5, "clusters": [\#(clusters)]}"#)
      let role = "role_arn: \"arn:aws:iam::123456789012:role/audit-reader\", external_id: shared-word"
      for configuration in [
        "posture: {targets: [{region: all, \(role)}]}",
        "inputs: {cloudwatch: {targets: [{region: eu-west-1, \(role)}]}}",
      ] {
        try Files.write(Array(configuration.utf8), to: folder + "/c.yaml")
        let outcome = try server.posture(["check", "--config.file", folder + "/c.yaml"])
        #expect(
          outcome.status == 0 && outcome.outputText.contains("7 enabled"), "\(outcome.outputText)\(outcome.errorText)")
      }
      #expect(try server.actions().contains("sts:AssumeRole"))
      // Somebody else's cluster is turned on by the role that found it off.
      try server.set(#"{"clusters": [{"name": "c0", "on": []}]}"#)
      let off = try server.posture(["check", "--config.file", folder + "/c.yaml"])
      #expect(off.status == 1 && off.outputText.contains("--role-arn arn:aws:iam::123456789012:role/audit-reader"))
      try Files.write(Array("posture: {targets: [nowhere]}".utf8), to: folder + "/c.yaml")
      #expect(try server.posture(["check", "--config.file", folder + "/c.yaml"]).status == 2)
    }
  }

  /// The change is shown, made once, followed and verified; and nothing is called that is not allowed.
  @Test func loggingIsTurnedOn() throws {
    try Files.withTemporaryFolder { folder in
      let server = try EKSServer(
        folder: folder,
        #"{"clusters": [{"name": "dev", "on": ["api"]}], "update": ["InProgress", "InProgress", "Successful"], "throttled": 3}"#
      )
      let enable = ["enable", "--cluster", "dev", "--region", "eu-west-1"]
      // Nobody to ask, nobody who agreed.
      let asked = try server.posture(enable)
      #expect(asked.status == 2 && asked.errorText.contains("--yes"))
      for words in ["audit              off -> on", "api                on\n"] {
        #expect(asked.outputText.contains(words))
      }
      #expect(try server.calls("eks:UpdateClusterConfig") == 0)

      let audit = try server.posture(enable + ["--yes", "--types", "audit"])
      #expect(audit.status == 0 && audit.outputText.contains("Done: on are audit."), "\(audit.errorText)")
      #expect(audit.errorText.contains("InProgress") && audit.errorText.contains("Successful"))
      let all = try server.posture(enable + ["--yes"])
      #expect(all.status == 0, "\(all.errorText)")
      #expect(try server.posture(["check"]).status == 0)
      let again = try server.posture(enable + ["--yes"])
      #expect(again.status == 0 && again.outputText.contains("Nothing to change"))
      let tokens = Set((try server.facts()["tokens"]?.array ?? []).compactMap(\.string))
      #expect(tokens.count == 2 && tokens.allSatisfy { $0.count == 32 })
      let used = try server.actions().subtracting(["sts:GetCallerIdentity"])
      #expect(
        used.subtracting(try Self.documentedActions()[0])
          == (try Self.documentedActions()[1]).subtracting(["eks:DescribeCluster"]))
      #expect(try Self.documentedActions()[1].isSubset(of: used))
    }
  }

  /// What can go wrong with a change, each with its sentence.
  @Test func changesThatFailSayWhy() throws {
    let server = try EKSServer(folder: nil, "{}")
    let rows: [(String, [String], Int32, String)] = [
      (#""update": ["InProgress", "Failed"]"#, [], 1, #"AccessDenied: no log \u{1b}[31m group"#),
      (#""update": ["Cancelled"]"#, [], 1, "Cancelled"),
      (#""update": ["InProgress"]"#, ["--timeout", "2s"], 1, "--update-id update-"),
      (#""update_fault": "in_use""#, [], 1, "Another update of this cluster is under way"),
      (#""update_fault": "denied""#, [], 1, "eks:UpdateClusterConfig"),
      // Somebody else was quicker.
      (#""update_fault": "nothing""#, [], 1, "off nevertheless: audit"),
      (#""update": ["Successful"], "faults": {"DescribeUpdate": "failed"}"#, [], 0, ""),
    ]
    for (options, arguments, status, words) in rows {
      try server.set(#"{"clusters": [{"name": "dev"}], "update_fault": null, "faults": {}, \#(options)}"#)
      let outcome = try server.posture(
        ["enable", "--cluster", "dev", "--region", "eu-west-1", "--types", "audit", "--yes"] + arguments)
      #expect(outcome.status == status && outcome.errorText.contains(words), "\(options): \(outcome.errorText)")
      #expect(!outcome.errorText.contains("\u{1b}"))
    }
    let nobody = try server.posture(["enable", "--cluster", "nobody", "--region", "eu-west-1", "--yes"])
    #expect(nobody.status == 1 && nobody.errorText.contains("Correct the name or the region"))
    for wrong in [["--types", "audits"], ["--region", "x"], ["--timeout", "0s"], ["--external-id", "x"]] {
      #expect(try server.posture(["enable", "--cluster", "dev", "--region", "eu-west-1"] + wrong).status == 2)
    }
  }

  /// As a person at a terminal: `script` gives the program one.
  @Test func aPersonIsAsked() throws {
    let server = try EKSServer(folder: nil, #"{"clusters": [{"name": "dev", "on": []}]}"#)
    let script = try Program.tool("script", package: "bsdutils")
    let command = "'\(Program.path)' posture enable --cluster dev --region eu-west-1 --types audit"
    for (answer, status) in [("n", Int32(1)), ("", 1), ("y", 0)] {
      let outcome = try Process.run(
        [script, "-qec", command, "/dev/null"], input: Array("\(answer)\n".utf8), environment: server.environment,
        secondsLimit: 60)
      #expect(outcome.status == status && outcome.outputText.contains("[y/N]"), "\(answer): \(outcome.outputText)")
      #expect(try server.calls("eks:UpdateClusterConfig") == (status == 0 ? 1 : 0))
    }
  }

  /// moto, which others test with: it changes at once, and knows no updates.
  @Test func clustersOfMoto() throws {
    let moto = try RunningProcess([CloudWatchServer.python, Files.beside("../Tools/moto_eks_clusters.py")])
    let port = try moto.wait(for: "moto", secondsLimit: 120) { moto.outputText.split(separator: "\n").first }
    let environment = CloudWatchServer.environment(["AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)"])
    func posture(_ arguments: [String]) throws -> Process.Outcome {
      try Process.run([Program.path, "posture"] + arguments, environment: environment, secondsLimit: 120)
    }
    let before = try posture(["check"])
    #expect(before.status == 1, "\(before.errorText)")
    #expect(
      before.outputText.contains("2 enabled, 1 disabled") && before.outputText.contains("EKS-003"),
      "\(before.outputText)")
    let changed = try posture(["enable", "--cluster", "none", "--region", "eu-west-1", "--yes"])
    #expect(changed.status == 0, "\(changed.errorText)")
    let after = try posture(["check", "--region", "eu-west-1"])
    #expect(after.status == 0 && after.outputText.contains("2 enabled"), "\(after.outputText)")
  }
}
