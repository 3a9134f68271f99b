import TestSupport

/// What curl says about one request.
struct Answer {
  /// curl's own exit code; 0 when there was an answer, 7 when nobody listens.
  let exit: Int32
  let status: Int
  /// Names in lower case.
  let headers: [String: String]
  let body: [UInt8]
  /// Seconds from the request to the first byte of its answer.
  let waited: Double
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// One request by the real curl.
func curl(_ url: String, _ arguments: [String] = [], input: [UInt8] = []) throws -> Answer {
  let program = try Program.tool("curl", package: "curl")
  let outcome = try Process.run(
    [
      program, "-s", "--noproxy", "*", "--max-time", "60", "--path-as-is", "-w",
      "%{stderr}%{http_code} %{time_pretransfer} %{time_starttransfer} %{header_json}",
    ] + arguments + [url], input: input, secondsLimit: 70)
  let facts = outcome.errors.split(separator: 0x20, maxSplits: 3)
  let numbers = facts.prefix(3).map { Double(String(decoding: $0, as: UTF8.self)) ?? 0 }
  let headers = facts.count == 4 ? try? JSON.parse(facts[3]).object : nil
  return Answer(
    exit: outcome.status, status: numbers.first.map { Int($0) } ?? 0,
    headers: (headers ?? [:]).compactMapValues { $0.array?.first?.string }, body: outcome.output,
    waited: numbers.count == 3 ? numbers[2] - numbers[1] : 0)
}
