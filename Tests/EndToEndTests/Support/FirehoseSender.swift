import TestSupport

/// Tests/Tools/firehose_sender.py, delivering to an exporter.
final class FirehoseSender {
  static let key = "an-access-key-of-the-tests"
  let process: RunningProcess
  private var lines = 0

  init(port: UInt16, authority: String, _ options: String) throws {
    process = try RunningProcess(
      [CloudWatchServer.python, Files.beside("../../Tools/firehose_sender.py"), "\(port)", authority, options],
      input: .pipe)
  }

  /// The next line that it prints, once it has delivered what it was told to.
  func told(secondsLimit: Double = 120) throws -> [String: JSON] {
    let line = try process.wait(for: "what was delivered", secondsLimit: secondsLimit) {
      process.outputText.split(separator: "\n").dropFirst(lines).first.map { String($0) }
    }
    lines += 1
    return try JSON.parse(line).object ?? [:]
  }

  /// Everything once more: how many were answered 200.
  func again() throws -> Int {
    try process.send(Array("again\n".utf8))
    return try told()["accepted"]?.int ?? 0
  }
}

/// What tools that make records say must be counted, and the same of a page.
enum RecordCounts {
  private static let ends = ["counted", "not_a_request", "ignored", "rejected", "salvaged"]

  static func expected(_ facts: [String: JSON]) -> [String: Int] {
    let told = facts["expected"]?.object ?? [:]
    var counts: [String: Int] = [:]
    for name in ends { counts["events_\(name)"] = told[name]?.int ?? 0 }
    for (request, count) in told["requests"]?.object ?? [:] { counts[request] = count.int ?? 0 }
    return counts
  }

  static func found(_ page: Page, input: String) -> [String: Int] {
    var counts = page.sums("kube_audit_requests_total", by: ["k8s_cluster", "verb", "code"])
    for name in ends { counts["events_\(name)"] = page.sum("kube_audit_events_\(name)_total", ["input": input]) }
    return counts
  }

  /// How many were lost, and how many doubled, by the requests; what differs, in words.
  static func compare(_ found: [String: Int], _ wanted: [String: Int]) -> (lost: Int, doubled: Int, wrong: [String]) {
    let names = Set(found.keys).union(wanted.keys).filter { found[$0, default: 0] != wanted[$0, default: 0] }.sorted()
    let differences = names.filter { !$0.hasPrefix("events_") }.map { found[$0, default: 0] - wanted[$0, default: 0] }
    return (
      -differences.filter { $0 < 0 }.reduce(0, +), differences.filter { $0 > 0 }.reduce(0, +),
      names.map { "\($0): \(found[$0] ?? 0), not \(wanted[$0] ?? 0)" }
    )
  }
}
