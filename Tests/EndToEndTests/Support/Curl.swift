import TestSupport

/// What curl says about one request.
struct Answer {
  /// curl's own exit code; 0 when there was an answer, 7 when nobody listens.
  let exit: Int32
  let status: Int
  /// Names in lower case.
  let headers: [String: String]
  let body: [UInt8]
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// One request by the real curl.
func curl(_ url: String, _ arguments: [String] = [], input: [UInt8] = []) throws -> Answer {
  let program = try Program.tool("curl", package: "curl")
  let outcome = try Process.run(
    [
      program, "-s", "--noproxy", "*", "--max-time", "60", "--path-as-is", "-w", "%{stderr}%{http_code}%{header_json}",
    ] + arguments + [url], input: input, secondsLimit: 70)
  let facts = outcome.errors
  let headers = (try? JSON.parse(facts.dropFirst(3)).object) ?? [:]
  return Answer(
    exit: outcome.status, status: Int(String(decoding: facts.prefix(3), as: UTF8.self)) ?? 0,
    headers: headers.compactMapValues { $0.array?.first?.string }, body: outcome.output)
}
