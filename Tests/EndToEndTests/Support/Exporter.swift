import Glibc
import TestSupport
import Testing

/// A running `serve`, on ports of its own, killed when this value goes.
final class Exporter {
  let process: RunningProcess
  let port: UInt16
  /// Where pushes go; nil without a webhook.
  let pushPort: UInt16?
  private let scheme: String
  private let pushScheme: String
  private let client: [String]

  /// Starts it and waits until it is ready.
  ///
  /// - Parameters:
  ///   - configuration: YAML, written into `folder`.
  ///   - webhook: whether it takes pushes.
  ///   - prefix: what its paths begin with.
  ///   - scheme, pushScheme: what its listeners speak.
  ///   - client: arguments for curl when it scrapes: credentials, certificates.
  ///   - storage: the directory of its state; nil to keep it in memory.
  ///   - environment: variables put over those of this process.
  ///   - wrapper: a program that runs it, with its arguments.
  ///   - ports: an exporter that has ended, and whose ports this one takes over.
  init(
    _ arguments: [String] = [], configuration: String? = nil, folder: String? = nil, webhook: Bool = false,
    input: RunningProcess.Input = .nothing, prefix: String = "", scheme: String = "http", pushScheme: String = "http",
    client: [String] = [], storage: String? = nil, environment: [String: String] = [:], wrapper: [String] = [],
    ports former: Exporter? = nil
  ) throws {
    (self.scheme, self.pushScheme, self.client) = (scheme, pushScheme, client)
    port = try former?.port ?? FreePort.next()
    pushPort = webhook ? try former?.pushPort ?? FreePort.next() : nil
    var command = wrapper + [Program.path, "serve", "--storage.path", storage ?? ""]
    command += ["--web.listen-address", "127.0.0.1:\(port)"]
    if let pushPort { command += ["--input.webhook.listen-address", "127.0.0.1:\(pushPort)"] }
    if let configuration, let folder {
      try Files.write(Array(configuration.utf8), to: folder + "/exporter.yaml")
      command += ["--config.file", folder + "/exporter.yaml"]
    }
    process = try RunningProcess(command + arguments, input: input, environment: environment)
    try process.wait(for: "a ready exporter") {
      try curl("\(url)\(prefix)/-/ready", client).status == 200 ? true : nil
    }
  }

  var url: String { "\(scheme)://127.0.0.1:\(port)" }

  /// The page of metrics now, with all that was answered before.
  func scrape() throws -> Page {
    let (page, waited) = try scrapeOnce()
    // A scrape waits half a second for its commit, then shows the counters of the last one: on a busy machine these may lack
    // what was answered since. Such a page is shared for a second.
    guard waited > 0.45 else { return page }
    usleep(1_100_000)
    return try scrapeOnce().page
  }

  private func scrapeOnce() throws -> (page: Page, waited: Double) {
    let answer = try curl(url + "/metrics", client)
    guard answer.status == 200 else { throw Page.Malformed(description: "\(answer.status): \(answer.text)") }
    return (try Page(answer.text), answer.waited)
  }

  /// What somebody sees who looks at `path`: on a busy machine there may be no reading yet for the first who does.
  func look(at path: String = "/", _ arguments: [String] = []) throws -> Answer {
    try process.wait(for: path) {
      let answer = try curl(url + path, client + arguments)
      return answer.status == 503 ? nil : answer
    }
  }

  /// The first page that `isWanted`.
  @discardableResult
  func page(
    _ what: String, secondsLimit: Double = RunningProcess.patience, where isWanted: (Page) -> Bool
  ) throws -> Page {
    var last: Page?
    do {
      return try process.wait(for: what, secondsLimit: secondsLimit) {
        let page = try scrapeOnce().page
        last = page
        return isWanted(page) ? page : nil
      }
    } catch let error as RunningProcess.Unmet {
      let events = last?.countedLines.joined(separator: "\n") ?? ""
      throw Page.Malformed(description: "\(error)\nThe last page:\n\(events)")
    }
  }

  /// Waits until so many events have been taken over, and no fewer requests, then answers that page.
  @discardableResult
  func page(received count: Int) throws -> Page {
    try page("\(count) events received") { $0.sum("kube_audit_events_received_total") >= count }
  }

  /// Pushes a body to the webhook.
  func push(
    _ body: [UInt8], to path: String = "/webhook", _ arguments: [String] = []
  ) throws -> Answer {
    try curl(
      "\(pushScheme)://127.0.0.1:\(pushPort ?? 0)\(path)",
      ["-X", "POST", "-H", "Content-Type: application/json", "--data-binary", "@-"] + arguments, input: body)
  }
}

/// Accounting: at every scrape, for every input, what was received is exactly what became of it.
func expectBalance(_ page: Page, sourceLocation: SourceLocation = #_sourceLocation) {
  let ends = ["counted", "not_a_request", "duplicate", "ignored", "rejected", "dropped"]
  let inputs = page.samples("kube_audit_events_received_total").compactMap { $0.labels["input"] }
  #expect(!inputs.isEmpty, "no input in the accounts", sourceLocation: sourceLocation)
  for input in inputs {
    let received = page.sum("kube_audit_events_received_total", ["input": input])
    let became = ends.map { page.sum("kube_audit_events_\($0)_total", ["input": input]) }
    #expect(
      received == became.reduce(0, +), "input \(input): \(zip(ends, became).map { "\($0) \($1)" })",
      sourceLocation: sourceLocation)
  }
}

/// The same lines; otherwise a few that differ.
func expectSame(_ found: [String], _ wanted: [String], sourceLocation: SourceLocation = #_sourceLocation) {
  let surplus = Set(found).subtracting(wanted).sorted().prefix(8).map { "+ \($0)" }
  let missing = Set(wanted).subtracting(found).sorted().prefix(8).map { "- \($0)" }
  let isSame = found == wanted
  #expect(isSame, "\((surplus + missing).joined(separator: "\n"))", sourceLocation: sourceLocation)
}

extension Exporter {
  /// The most memory that the process has had resident so far, as the system says.
  func residentPeakBytes() throws -> Int {
    let status = String(decoding: try Files.read("/proc/\(process.processID)/status"), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let kilobytes = line?.split(separator: " ").dropLast().last.flatMap({ Int($0) }) else {
      throw Page.Malformed(description: "no VmHWM in:\n\(status)")
    }
    return kilobytes << 10
  }
}
