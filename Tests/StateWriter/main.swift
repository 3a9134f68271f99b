// Commits one change after another and says so, until it is killed: for tests of crashes. Each change gives everything the
// number of the commit, so that a part of one would be seen.
internal import Counting
internal import Diagnostics
import Glibc
internal import State

/// Written at once: what was said counts.
func say(_ text: String, to descriptor: Int32) { _ = unsafe write(descriptor, text + "\n", text.utf8.count + 1) }

do throws(Failure) {
  let store = try StateStore(.directory(CommandLine.arguments[1]))
  let saved = try store.load()
  var number = saved.accounts.first?.value ?? 0
  // A change that outlives no kill is no good test: it takes some pages.
  let seriesCount: UInt32 = 200
  while true {
    number += 1
    var change = StateChange()
    for place in 0..<seriesCount {
      let labels: [UInt8]? = number == 1 ? Array("series=\"\(place)\"".utf8) : nil
      let data = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 300)
      change.counting.series.append(SeriesRow(family: 1, place: place, labels: labels, count: number, data: data))
    }
    let key = PositionKey(input: "file", stream: "log")
    change.positions = [StreamPosition(key: key, offset: number, mark: [])]
    change.accounts = [AccountRow(input: "file", kind: "received", reason: "", value: number)]
    change.digests = [DigestBlob(kind: .pushedBody, arrival: Int64(number), data: [1])]
    change.forgotten = [.pushedBody: Int64(number) - 10]
    try store.commit(change)
    say("\(number)", to: STDOUT_FILENO)
  }
} catch {
  say("\(error)", to: STDERR_FILENO)
  exit(1)
}
