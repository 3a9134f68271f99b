import AWS
import Diagnostics
import TestSupport
import Testing
import Transport

@testable import Posture

/// A change from its beginning to its end, on a clock that is held.
@Suite struct LoggingChangeTests {
  private struct Run {
    let outcome: LoggingChange.Outcome?
    let failure: CallFailure?
    let told: [String]
    let script: Script
  }

  /// - Parameters:
  ///   - updates: what UpdateClusterConfig and then DescribeUpdate answer, the last one for ever.
  ///   - isOn: whether the cluster exports its audit log in the end.
  private func run(_ updates: [(Int, String)], isOn: Bool = true, limit: Int64 = 60) throws -> Run {
    var rest = updates[...]
    let script = Script { _, path in
      if path.hasPrefix("/clusters/c/update") { return rest.count > 1 ? rest.removeFirst() : rest[rest.startIndex] }
      return (
        200,
        #"{"cluster":{"name":"c","status":"ACTIVE","logging":{"clusterLogging":[{"types":["audit"],"enabled":\#(isOn)}]}}}"#
      )
    }
    var now: Microseconds = 0
    var told: [String] = []
    let timing = LoggingChange.Timing(monotonic: { now }, wait: { now += Int64($0) * 1000 })
    let change = LoggingChange(try script.eks(), cluster: "c", limitSeconds: limit, timing: timing) { status, passed in
      told.append("\(status) \(passed / 1_000_000)")
    }
    do throws(CallFailure) {
      let outcome = try change.run(["audit"], token: "word")
      return Run(outcome: outcome, failure: nil, told: told, script: script)
    } catch { return Run(outcome: nil, failure: error, told: told, script: script) }
  }

  private func update(_ status: String, _ errors: String = "[]") -> (Int, String) {
    (200, #"{"update":{"id":"u/1","status":"\#(status)","type":"LoggingUpdate","errors":\#(errors)}}"#)
  }

  @Test func aChangeIsFollowedAndVerified() throws {
    let run = try run([update("InProgress"), update("InProgress"), update("InProgress"), update("Successful")])
    #expect(run.outcome == .verified(wasNeeded: true))
    #expect(run.told == ["InProgress 0", "InProgress 1", "InProgress 3", "Successful 7"])
    #expect(
      run.script.bodies.first
        == #"{"logging":{"clusterLogging":[{"types":["audit"],"enabled":true}]},"clientRequestToken":"word"}"#)
    #expect(run.script.asked[1] == "GET /clusters/c/updates/u%2F1" && run.script.asked.last == "GET /clusters/c")
  }

  @Test func whatEndsAChange() throws {
    let error = #"[{"errorCode":"AccessDenied","errorMessage":"no group","resourceIds":["x"]}]"#
    #expect(
      try run([update("InProgress"), update("Failed", error)]).outcome
        == .failed("the update has ended as Failed: AccessDenied: no group"))
    #expect(
      try run([update("Cancelled", "null")]).outcome
        == .failed("the update has ended as Cancelled: EKS does not say why"))
    let slow = try run([update("InProgress")], limit: 30)
    #expect(slow.outcome == .timedOut(updateID: "u/1"))
    #expect(slow.told.last == "InProgress 32", "\(slow.told)")
    #expect(try run([update("Successful")], isOn: false).outcome == .unverified(["audit"]))
    // A double that has no updates is asked itself.
    #expect(try run([(200, "{}")]).outcome == .verified(wasNeeded: true))
    #expect(try run([(200, #"{"update":null}"#)]).outcome == .verified(wasNeeded: true))
  }

  @Test func whatEKSRefuses() throws {
    func refusal(_ status: Int, _ code: String, _ text: String = "") -> (Int, String) {
      (status, #"{"__type":"\#(code)","message":"\#(text)"}"#)
    }
    let needless = refusal(400, "InvalidParameterException", "No changes needed for the logging config provided")
    #expect(try run([needless]).outcome == .verified(wasNeeded: false))
    #expect(try run([needless], isOn: false).outcome == .unverified(["audit"]))
    let other = try run([refusal(400, "InvalidParameterException", "bad type")])
    #expect(other.failure?.code == "InvalidParameterException" && other.script.asked.count == 1)
    for (status, code) in [
      (409, "ResourceInUseException"), (403, "AccessDeniedException"), (404, "ResourceNotFoundException"),
    ] {
      guard case .refused(_, let remedy) = try run([refusal(status, code)]).outcome else {
        Issue.record("\(code) is not refused")
        continue
      }
      #expect(!remedy.isEmpty)
    }
    // The service fails for a moment while the change goes on.
    let shaky = try run(
      [update("InProgress")] + [(Int, String)](repeating: (500, ""), count: 7) + [update("Successful")])
    #expect(shaky.outcome == .verified(wasNeeded: true), "\(shaky.told)")
    #expect(shaky.told.contains { $0.hasPrefix("no answer") })
  }
}
