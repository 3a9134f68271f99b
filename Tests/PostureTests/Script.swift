import Concurrency
import Diagnostics
import TestSupport
import Transport

@testable import AWS

/// EKS as a script tells it: each request is answered by a function; nothing waits.
final class Script {
  /// Method and path of each request, with its query.
  private(set) var asked: [String] = []
  private(set) var bodies: [String] = []
  private let answer: (String, String) -> (Int, String)

  /// - Parameter answer: the method and the path with its query in, the status and the body out.
  init(_ answer: @escaping (_ method: String, _ path: String) -> (Int, String)) { self.answer = answer }

  func eks() throws -> EKS {
    let environment = ProcessEnvironment(["AWS_ENDPOINT_URL": "http://eks"]) {
      (_) throws(Concurrency.SystemError) in throw Concurrency.SystemError(code: 2)
    }
    let timing = CallTiming(monotonic: { 0 }, clock: Clock { 0 }, wait: { stop, _ in stop.isRaised }, random: { 0 })
    let caller = Caller(stop: StopSignal(), policy: CallPolicy(), timing: timing) {
      (request: HTTPRequest) throws(TransferFault) -> HTTPAnswer in
      self.reply(request)
    }
    let keys = CredentialSource.keys(Credentials(accessKeyID: "a", secretKey: "b"), link: .environment)
    return EKS(
      try AWSSession(environment, caller), region: "eu-west-1", source: keys, account: "1",
      rate: Throttle.Rate(perSecond: 1000, burst: 1000))
  }

  private func reply(_ request: HTTPRequest) -> HTTPAnswer {
    let path = String(request.url.dropFirst("http://eks".count))
    asked.append("\(request.method) \(path)")
    bodies.append(String(decoding: request.body, as: UTF8.self))
    let (status, body) = answer(request.method, path)
    return HTTPAnswer(status: status, body: Array(body.utf8))
  }
}
