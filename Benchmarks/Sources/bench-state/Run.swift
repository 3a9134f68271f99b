import Glibc
internal import Counting
internal import Diagnostics
internal import State

let seriesCount = 26_000
/// Three windows of 30 panes, a third of them filled, and what else counting keeps of a series.
let dataBytes = 150

func fatalExit(_ code: Int32) -> Never { exit(code) }

func run(folder: String, changed: Int, digests: Int, commits: Int) throws(Failure) {
  let store = try StateStore(.directory(folder))
  _ = try store.load()
  var all = StateChange()
  all.counting.series = (0..<seriesCount).map { row($0, 1, isNew: true) }
  let first = try took(store, all)
  print("all \(seriesCount) at once: \(first) ms, \(store.sizeBytes ?? 0) bytes")
  var times: [Double] = []
  for commit in 1...commits {
    var change = StateChange()
    let step = max(1, seriesCount / changed)
    change.counting.series = (0..<changed).map { row(($0 * step + commit) % seriesCount, UInt64(commit), isNew: false) }
    let data = [UInt8](repeating: UInt8(commit % 256), count: 16 * digests)
    change.digests = [DigestBlob(kind: .repeatedEvent, arrival: Int64(commit), data: data)]
    change.forgotten = [.repeatedEvent: Int64(commit) - 60]
    times.append(try took(store, change))
  }
  times.sort()
  let mean = times.reduce(0, +) / Double(commits)
  print("\(changed) changed, \(digests) digests, \(commits) commits, ms:")
  print("p50 \(times[commits / 2])  p99 \(times[commits * 99 / 100])  max \(times[commits - 1])  mean \(mean)")
  let size = store.sizeBytes ?? 0
  store.close()
  let start = Clock.monotonic
  let again = try StateStore(.directory(folder))
  let saved = try again.load()
  print(
    "\(size) bytes; opened, checked and read in \(Double(Clock.monotonic - start) / 1e3) ms: "
      + "\(saved.counting.series.count) series, \(saved.digests.count) blobs of digests")
}

private func took(_ store: StateStore, _ change: StateChange) throws(Failure) -> Double {
  let start = Clock.monotonic
  try store.commit(change)
  return Double(Clock.monotonic - start) / 1e3
}

private func row(_ place: Int, _ count: UInt64, isNew: Bool) -> SeriesRow {
  let labels =
    #"k8s_cluster="c\#(place % 6)",code="403",reason="authorization",user="user\#(place)@corp.example",source_ip="10.0.0.1""#
  return SeriesRow(
    family: 2, place: UInt32(place), labels: isNew ? Array(labels.utf8) : nil, count: count,
    data: [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: dataBytes))
}
