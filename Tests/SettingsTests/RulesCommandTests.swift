import TestSupport
import Testing

@testable import Exporter

/// `rules list|check|test|explain`: data on standard output, talk on standard error, and the exit codes.
@Suite struct RulesCommandTests {
  private static let rules = """
    - macro: reads
      condition: ka.verb in (get, list)
    - rule: Secrets are read
      desc: Somebody reads a secret.
      condition: reads and not ka.user.name startswith "system:" and ka.target.resource = secrets
      output: read (user=%ka.user.name)
      priority: WARNING
      source: k8s_audit
      tags: [k8s, secrets]
    - rule: Off
      desc: d
      condition: ka.verb exists
      output: o
      priority: DEBUG
      source: k8s_audit
      enabled: false
    """

  private static func event(_ user: String, _ resource: String) -> String {
    #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","#
      + #""requestURI":"/api/v1/\#(resource)","verb":"get","user":{"username":"\#(user)"},"#
      + #""objectRef":{"resource":"\#(resource)"},"stageTimestamp":"2026-01-05T08:00:00.100000Z"}"# + "\n"
  }

  /// Runs `rules` with `RULES`, `EVENTS` and `BAD` standing for files.
  private func run(_ arguments: [String]) throws -> (code: Int32, out: String, error: String) {
    try Files.withTemporaryFolder { folder in
      let files = [
        "RULES": Self.rules, "EVENTS": Self.event("alice", "secrets") + Self.event("system:admin", "secrets"),
        "BAD": "{\"kind\": \"Event\", \"auditID\": 12\n",
        "WRONG": Self.rules.replacing("ka.verb in", with: "ka.verb im"),
      ]
      for (name, text) in files { try Files.write(Array(text.utf8), to: "\(folder)/\(name)") }
      let (code, recorder) = record(["rules"] + arguments.map { files[$0] == nil ? $0 : "\(folder)/\($0)" })
      return (code, recorder.out.replacing(folder, with: ""), recorder.error.replacing(folder, with: ""))
    }
  }

  @Test func listTellsWhatThereIs() throws {
    let table = try run(["list", "RULES"])
    #expect(table.code == 0)
    let (on, off) = (
      "yes      Metadata         k8s secrets  /RULES:3", "no       Metadata                      /RULES:10"
    )
    #expect(table.out.contains("warning   Secrets are read  \(on)\n"), "\(table.out)")
    #expect(table.out.contains("debug     Off               \(off)\n"), "\(table.out)")
    let json = try JSON.parse(try run(["list", "--format", "json", "RULES"]).out)
    let first = try #require(json["rules"]?.array?.first)
    #expect(first["name"]?.string == "Secrets are read" && first["line"]?.int == 3)
    #expect(first["output"]?.string == "read (user=%ka.user.name)")
  }

  @Test func checkSaysWhetherFilesLoad() throws {
    let good = try run(["check", "RULES"])
    #expect(good.code == 0 && good.out == "SUCCESS: 1 rules, 1 switched off\n" && good.error.isEmpty)
    let wrong = try run(["check", "WRONG"])
    #expect(wrong.code == 1 && wrong.out.isEmpty)
    #expect(wrong.error.contains("/WRONG, line 2, column "), "\(wrong.error)")
    let missing = try run(["check", "RULES", "/nowhere"])
    #expect(missing.code == 1 && missing.error.contains("/nowhere: it cannot be opened"))
  }

  @Test func testPrintsMatchesAndHoldsExpectations() throws {
    let found = try run(["test", "RULES", "--events", "EVENTS"])
    #expect(found.code == 0 && found.error.isEmpty)
    #expect(found.out.contains("2026-01-05T08:00:00.100Z  warning   Secrets are read  read (user=alice)\n"))
    #expect(!found.out.contains("system:admin"))
    let lines = try run(["test", "RULES", "--events", "EVENTS", "--format", "json"]).out
    let match = try JSON.parse(lines)
    #expect(match["rule"]?.string == "Secrets are read" && match["output"]?.string == "read (user=alice)")
    for (expectation, code) in [("Secrets are read=1", 0), ("Secrets are read=2", 1), ("Off=0", 0), ("Nothing=0", 1)] {
      let held = try run(["test", "RULES", "--events", "EVENTS", "--expect", expectation])
      #expect(held.code == code && held.error.isEmpty == (code == 0), "\(expectation): \(held.error)")
    }
  }

  @Test func whatCannotBeReadFails() throws {
    for command in ["test", "explain"] {
      let bad = try run([command, "RULES", "--events", "BAD", "--events", "EVENTS"])
      #expect(bad.code == 1 && bad.out.contains("Secrets are read") && bad.error.contains("/BAD: "), "\(bad)")
      #expect(try run([command, "WRONG", "--events", "EVENTS"]).code == 1)
      #expect(try run([command, "RULES"]).code == 2)
    }
  }

  @Test func explainGoesThroughEachClause() throws {
    let found = try run(["explain", "RULES", "--events", "EVENTS", "--rule", "Secrets are read"])
    #expect(found.code == 0 && found.error.isEmpty)
    #expect(
      found.out == """
        event 1: ResponseComplete get secrets by alice
          rule Secrets are read (warning): matches
            yes  all of
              yes  ka.verb in (get, list) -> get
              yes  ka.target.resource = secrets -> secrets
              yes  not
                no   ka.user.name startswith system: -> alice
        event 2: ResponseComplete get secrets by system:admin
          rule Secrets are read (warning): does not match
            no   all of
              yes  ka.verb in (get, list) -> get
              yes  ka.target.resource = secrets -> secrets
              no   not
                yes  ka.user.name startswith system: -> system:admin

        """, "\(found.out)")
    let matching = try run(["explain", "RULES", "--events", "EVENTS"]).out
    #expect(matching.contains("alice\n  rule Secrets are read (warning): matches\n"))
    #expect(matching.contains("system:admin\n  no rule matches; --rule NAME says why\n"))
    #expect(try run(["explain", "RULES", "--events", "EVENTS", "--rule", "Nothing"]).code == 1)
  }
}
