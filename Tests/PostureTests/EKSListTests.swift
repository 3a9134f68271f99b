import AWS
import TestSupport
import Testing
import Transport

@testable import Posture

/// Lists of clusters, whole or not, and answers that are none.
@Suite struct EKSListTests {
  private func list(_ answer: @escaping (String) -> String) throws -> (names: [String], isWhole: Bool, asked: Int) {
    let script = Script { _, path in (200, answer(path)) }
    let found = try script.eks().clusters()
    return (found.names, found.isWhole, script.asked.count)
  }

  @Test func pagesFollowOneAnother() throws {
    let script = Script { _, path in
      path.contains("nextToken")
        ? (200, #"{"nextToken":null,"clusters":["c"]}"#) : (200, #"{"clusters":["a","b_2"],"nextToken":"x/y=="}"#)
    }
    let found = try script.eks().clusters()
    #expect(found.names == ["a", "b_2", "c"] && found.isWhole)
    #expect(script.asked.last == "GET /clusters?include=all&maxResults=100&nextToken=x%2Fy%3D%3D")
  }

  @Test func listsThatAreNotWholeSaySo() throws {
    // A page that names itself, and one list after another without an end.
    let turning = try list { _ in #"{"clusters":["a"],"nextToken":"same"}"# }
    #expect(turning.names == ["a", "a"] && !turning.isWhole && turning.asked == 2)
    var number = 0
    let endless = try list { _ in
      number += 1
      return
        "{\"clusters\":[\((0..<100).map { "\"c\(number)-\($0)\"" }.joined(separator: ","))],\"nextToken\":\"\(number)\"}"
    }
    #expect(endless.names.count == EKS.clustersLimit && !endless.isWhole && endless.asked == 10)
    let odd = try list { _ in #"{"clusters":["a","b\"c","","d/../e"]}"# }
    #expect(odd.names == ["a"] && !odd.isWhole)
    let empty = try list { _ in #"{"clusters":[],"nextToken":""}"# }
    #expect(empty.names == [] && empty.isWhole)
  }

  /// None of these is an account without clusters, or a cluster without logs.
  @Test(arguments: ["", "{}", "[]", #"{"clusters":null}"#, #"{"clusters":[1]}"#, #"{"clusters":["a"]"#, "<html>"])
  func nonsenseIsAFailure(_ body: String) throws {
    let eks = try Script { _, _ in (200, body) }.eks()
    #expect(throws: CallFailure.self) { try eks.clusters() }
    #expect(throws: CallFailure.self) { try eks.cluster("a") }
  }

  /// Answers with bytes that are wrong, missing or doubled: read or refused, and never more than what they say.
  @Test(arguments: 0..<4) func damagedAnswersAreReadOrRefused(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let whole = Array(
      #"{"cluster":{"name":"a","arn":"arn:aws:eks:eu-west-1:123456789012:cluster/a","status":"ACTIVE","logging":{"clusterLogging":[{"types":["api","audit"],"enabled":true},{"types":["scheduler"],"enabled":false}]}}}"#
        .utf8)
    var body = whole
    let script = Script { _, _ in (200, String(decoding: body, as: UTF8.self)) }
    let eks = try script.eks()
    var read = 0
    for _ in 0..<500 {
      body = whole
      for _ in 0...random.pick(0...3) {
        let at = random.pick(0...body.count - 1)
        switch random.pick(0...2) {
        case 0: body[at] = UInt8(random.pick(0...127))
        case 1: body.remove(at: at)
        default: body.insert(body[at], at: at)
        }
      }
      do throws(CallFailure) {
        var facts = ClusterFacts(provider: .aws, account: "", region: "eu-west-1", name: "a", label: "a")
        EKSLogging.fill(&facts, from: try eks.cluster("a"))
        read += 1
        // Three types are never named as on.
        #expect(LoggingStatus(facts) != .enabled)
      } catch { #expect(error.outcome == .unreadable) }
    }
    #expect(read > 20 && read < 480, "\(read)")
  }

  @Test func clustersAreRead() throws {
    let rows: [(String, EKSCluster)] = [
      (
        #"{"name":"a","arn":"arn:aws:eks:eu-west-1:123456789012:cluster/a","status":"ACTIVE","createdAt":1.5e9,"x":[{}],"logging":{"clusterLogging":[{"types":["audit"],"enabled":true},{"enabled":false},{"types":null,"enabled":null}]}}"#,
        EKSCluster(
          name: "a", arn: "arn:aws:eks:eu-west-1:123456789012:cluster/a", status: "ACTIVE",
          logging: [
            .init(types: ["audit"], isEnabled: true), .init(types: nil, isEnabled: false),
            .init(types: nil, isEnabled: nil),
          ])
      ),
      (
        #"{"name":"b","logging":null,"connectorConfig":{"id":"x"}}"#,
        EKSCluster(name: "b", status: "", isConnected: true)
      ),
      (#"{"name":"c","logging":{"clusterLogging":null},"connectorConfig":null}"#, EKSCluster(name: "c", status: "")),
    ]
    for (body, wanted) in rows {
      let script = Script { _, _ in (200, "{\"cluster\":\(body)}") }
      #expect(try script.eks().cluster("a b") == wanted)
      #expect(script.asked == ["GET /clusters/a%20b"])
    }
    #expect(rows[0].1.account == "123456789012")
  }
}
