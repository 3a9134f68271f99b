import Concurrency
import Diagnostics
import TestSupport
import Testing
import Transport

@testable import AWS

/// The operations against moto, the AWS double that others test with. It pages, and its bounds include both ends.
@Suite(.serialized) struct CloudWatchLogsTests {
  @Test func groupsAndEventsOfMoto() throws {
    let moto = try RunningProcess([Tool.python, Tool.path("moto_logs.py")])
    let line = try moto.wait(for: "moto", secondsLimit: 120) { moto.outputText.split(separator: "\n").first }
    let numbers = line.split(separator: " ").compactMap { Int64($0) }
    let environment = ProcessEnvironment(["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://127.0.0.1:\(numbers[0])"]) {
      (_) throws(Concurrency.SystemError) in throw Concurrency.SystemError(code: 2)
    }
    let policy = CallPolicy()
    let session = try AWSSession(environment, Caller(try HTTPClient(stop: StopSignal()), policy: policy))
    let keys = CredentialSource.keys(Credentials(accessKeyID: "a", secretKey: "b"), link: .environment)
    let logs = CloudWatchLogs(
      session, region: "eu-west-1", source: keys, account: "1", rate: Throttle.Rate(perSecond: 1000, burst: 1000))

    // Fifty a page.
    let groups = try logs.groups(prefix: "/aws/eks/")
    #expect(groups.map(\.name) == (0..<60).map { "/aws/eks/cluster-\($0 < 10 ? "0" : "")\($0)/cluster" })
    #expect(groups[7].retentionDays == 30 && groups[8].retentionDays == nil)

    // Ten thousand a page.
    let first = numbers[1] - 25_000
    func events(_ times: ClosedRange<Int64>) throws -> [LogPage.Event] {
      var found: [LogPage.Event] = []
      var token: String?
      repeat {
        let page = try logs.events(
          of: groups[7].name, streamPrefix: "kube-apiserver-audit-", times: times, token: token)
        found += page.events
        token = page.nextToken
      } while token != nil
      return found
    }
    let all = try events(0...(numbers[1] + 60_000))
    #expect(all.count == 10_025 && Set(all.map(\.id)).count == 10_025)
    #expect(all.map(\.timestamp) == (0..<10_025).map { first + $0 })
    #expect(try events(first + 3...first + 5).map(\.timestamp) == [first + 3, first + 4, first + 5])
    #expect(try events(first + 3...first + 3).count == 1)

    do throws(CallFailure) {
      _ = try logs.events(of: "/nowhere", streamPrefix: "", times: 0...1, token: nil)
      Issue.record("a group that is not there has events")
    } catch {
      #expect(error.code == "ResourceNotFoundException" && error.outcome == .refused)
    }
    let answers = policy.counts.all.filter { $0.key.outcome == .success }.map { "\($0.key.name.operation) \($0.value)" }
    #expect(answers.sorted() == ["DescribeLogGroups 2", "FilterLogEvents 4"])
  }
}
