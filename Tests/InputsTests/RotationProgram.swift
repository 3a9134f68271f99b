import Compression
import FaultyCalls
import Glibc
import TestSupport

@testable import Inputs

/// One log, one writer that appends, one rotation with habits of its own, and a follower that looks now and then.
final class RotationProgram {
  /// What one file held from when it was begun until it was truncated or left.
  private struct Content {
    var bytes: [UInt8] = []
  }
  private enum Rotation: CaseIterable { case numbers, numbersCompressed, stamps, stampsCompressed, copyTruncate, links }

  private var random: SplitMix64
  private let bench: Bench
  private let rotation: Rotation
  private var contents: [Content] = []
  /// Index into `contents` of what is in the live file; nil while there is none.
  private var live: Int?
  /// The file that was rotated last and is still held open by the writer.
  private var former: (name: String, content: Int)?
  private var backups: [String] = []
  private var stamp = 10
  private var nextLine = 0
  private var pending: [UInt8] = []
  private var squeezed = 0
  /// Whether everything that was written was also read.
  private var isQuiescent = true
  private(set) var trail: [String] = []
  private let kills: Bool
  private let faults: Bool
  private(set) var failedCalls = 0
  /// What went wrong meanwhile.
  private var complaint: String?
  /// What the engine had committed last.
  private var committed: Basin.State

  init(seed: UInt64, kills: Bool, faults: Bool = false) {
    (self.kills, self.faults) = (kills, faults)
    random = SplitMix64(seed: seed)
    rotation = Rotation.allCases.randomElement(using: &random) ?? .numbers
    let pattern = [["a.log"], ["a.log*"], ["a*"], ["*.log"]].randomElement(using: &random) ?? []
    let chunk = [5, 64, 700, 4096, 256 << 10].randomElement(using: &random) ?? 64
    bench = Bench(pattern, budget: 10_000) { $0.chunkBytes = chunk }
    committed = bench.basin.now
    trail.append("\(bench.shop.path) \(rotation) \(pattern) chunk \(chunk)")
  }

  /// Nil when all is well.
  func run() -> String? {
    if Bool.random(using: &random) { begin() }
    poll(0)  // what was rotated away before is none of its business
    secure()
    for _ in 0..<Int.random(in: 5...60, using: &random) { step() }
    // The end: everything leaves, everything is read.
    releaseSqueeze()
    poll(1)
    finishLine()
    poll(1)
    if live != nil { rename() }
    bench.settle()
    return complaint ?? difference()
  }

  private func step() {
    if kills, Int.random(in: 0..<12, using: &random) == 0 { kill() }
    if Int.random(in: 0..<5, using: &random) == 0 { committed = bench.basin.now }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<38: append()
    case 38..<44: halfLine()
    case 44..<50: lateWrite()
    case 50..<66: rotate()
    case 66..<69: truncate()
    case 69..<73: recreate()
    case 73..<76: squeeze()
    case 76..<78: settle()
    case _ where faults: faultyPoll(Int64.random(in: 0...3, using: &random))
    default: poll(Int64.random(in: 0...3, using: &random))
    }
  }

  // MARK: - The writer

  private func begin() {
    trail.append("begin")
    bench.shop.write("a.log", "")
    contents.append(Content())
    live = contents.count - 1
  }

  private func line() -> [UInt8] {
    nextLine += 1
    let long = Int.random(in: 0..<12, using: &random) == 0
    let padding = Int.random(in: 0...(long ? 3000 : 40), using: &random)
    return Array(
      "{\"kind\":\"Event\",\"auditID\":\"\(nextLine)\",\"x\":\"\(String(repeating: "y", count: padding))\"}\n".utf8)
  }

  private func append() {
    if live == nil { begin() }
    var bytes = pending
    pending = []
    for _ in 0..<Int.random(in: 1...4, using: &random) { bytes += line() }
    write(bytes, "a.log", live)
  }

  private func halfLine() {
    guard pending.isEmpty else { return finishLine() }
    if live == nil { begin() }
    let whole = line()
    let cut = Int.random(in: 1..<whole.count, using: &random)
    pending = Array(whole[cut...])
    write(Array(whole[..<cut]), "a.log", live)
  }

  private func finishLine() {
    guard !pending.isEmpty, live != nil else { return }
    write(pending, "a.log", live)
    pending = []
  }

  /// The writer has not noticed the rotation yet.
  private func lateWrite() {
    guard let former, bench.shop.exists(former.name) else { return }
    write(line(), former.name, former.content)
  }

  private func write(_ bytes: [UInt8], _ name: String, _ content: Int?) {
    guard let content else { return }
    trail.append(
      "write \(name) \(bytes.count) at \(contents[content].bytes.count): "
        + String(decoding: bytes.prefix(40), as: UTF8.self)
    )
    bench.shop.append(name, String(decoding: bytes, as: UTF8.self))
    contents[content].bytes += bytes
    isQuiescent = false
  }

  // MARK: - The rotation

  private func rotate() {
    guard live != nil else { return }
    switch rotation {
    case .copyTruncate: copyTruncate()
    case .links: switchLink()
    default: rename()
    }
  }

  private func rename() {
    finishLine()
    switch rotation {
    case .numbers, .copyTruncate, .links: shift(compressing: false)
    case .numbersCompressed: shift(compressing: true)
    case .stamps, .stampsCompressed: moveToStamp()
    }
    if Bool.random(using: &random) { begin() }
  }

  private func shift(compressing: Bool) {
    prune()
    for at in backups.indices.reversed() {
      let old = backups[at]
      let isPacked = old.hasSuffix(".gz")
      let name = "a.log.\(at + 2)" + (isPacked ? ".gz" : "")
      bench.shop.rename(old, name)
      backups[at] = name
      if compressing, at == 0, !isPacked {
        secure()
        bench.shop.gzip(name)
        backups[at] = name + ".gz"
      }
    }
    moveLive(to: "a.log.1")
    backups.insert("a.log.1", at: 0)
  }

  private func moveToStamp() {
    prune()
    stamp += 1
    let name = "a-2026-01-01T00-00-\(stamp).000.log"
    moveLive(to: name)
    backups.insert(name, at: 0)
    guard rotation == .stampsCompressed, Bool.random(using: &random) else { return }
    secure()
    trail.append("gzip \(name)")
    bench.shop.gzip(name)
    backups[0] = name + ".gz"
    former = nil
  }

  private func moveLive(to name: String) {
    trail.append("rename to \(name)")
    bench.shop.rename("a.log", name)
    former = live.map { (name, $0) }
    live = nil
  }

  /// The oldest backups go, once they were read.
  private func prune() {
    guard isQuiescent, backups.count > 4, let oldest = backups.popLast() else { return }
    secure()
    trail.append("prune \(oldest)")
    bench.shop.delete(oldest)
  }

  private func copyTruncate() {
    finishLine()
    prune()
    former = nil
    for at in backups.indices.reversed() {
      bench.shop.rename(backups[at], "a.log.\(at + 2)")
      backups[at] = "a.log.\(at + 2)"
    }
    trail.append("copytruncate")
    backups.insert("a.log.1", at: 0)
    let whole = bench.shop.read("a.log")
    if !isDown, Bool.random(using: &random) {
      bench.shop.write("a.log.1", Array(whole.prefix(Int.random(in: 0...whole.count, using: &random))))
      poll(1)
    }
    bench.shop.append("a.log.1", String(decoding: whole.dropFirst(bench.shop.read("a.log.1").count), as: UTF8.self))
    if !isDown, Bool.random(using: &random) { poll(1) }
    bench.shop.truncate("a.log")
    contents.append(Content())
    live = contents.count - 1
  }

  /// The name leads to another file now. The former one has no name that anybody follows, so it is open by then.
  private func switchLink() {
    finishLine()
    releaseSqueeze()
    poll(0)
    secure()
    former = nil
    stamp += 1
    trail.append("link to target-\(stamp)")
    bench.shop.write("target-\(stamp)", "")
    bench.shop.link("a.log", to: "target-\(stamp)")
    contents.append(Content())
    live = contents.count - 1
  }

  private func truncate() {
    releaseSqueeze()
    poll(1)
    guard live != nil else { return }
    finishLine()
    poll(1)
    secure()
    trail.append("truncate")
    bench.shop.truncate("a.log")
    contents.append(Content())
    live = contents.count - 1
  }

  private func recreate() {
    guard live != nil else { return }
    finishLine()
    poll(0)  // it is open by now, so what is unread stays readable
    secure()
    trail.append("delete")
    bench.shop.delete("a.log")
    live = nil
    former = nil
    if Bool.random(using: &random) { begin() }
  }

  // MARK: - The follower

  private func poll(_ seconds: Int64) {
    trail.append("poll after \(seconds)")
    bench.basin.keepState(after: kills ? random.pick(1...6) : 0)
    if bench.poll(after: seconds) == .idle { isQuiescent = true }
    // What is committed last falls somewhere between two batches.
    if kills, let kept = bench.basin.takeKept() {
      trail.append("committed \(kept.lines.count) lines of \(bench.basin.lines.count)")
      committed = kept
    }
  }

  /// Looks while system calls fail.
  private func faultyPoll(_ seconds: Int64) {
    let error = [EIO, EMFILE, EINTR, ENOMEM, EACCES, 0].randomElement(using: &random) ?? EIO
    let mode = [CALLS_ONCE, CALLS_THRICE, CALLS_FROM_THEN_ON].randomElement(using: &random) ?? CALLS_ONCE
    let first = random.pick(1...(1 << random.pick(0...8)))
    trail.append("poll after \(seconds), call \(first) fails in mode \(mode.rawValue) with \(error)")
    // A call that is interrupted for ever is none that can be made.
    faulty_calls_arm(first, error == EINTR ? CALLS_THRICE : mode, error)
    let outcome = bench.poll(after: seconds, stepsLimit: 20_000)
    faulty_calls_disarm()
    failedCalls += faulty_calls_failed()
    isQuiescent = false
    if outcome == .busy { complaint = complaint ?? "it turns in circles" }
  }

  private func settle() {
    releaseSqueeze()
    // A late writer would be later than the grace period allows.
    former = nil
    finishLine()
    trail.append("settle")
    bench.settle()
    isQuiescent = true
  }

  /// Somebody else takes the queue's budget, or gives it back.
  private func squeeze() {
    guard squeezed == 0 else { return releaseSqueeze() }
    trail.append("squeeze")
    if bench.basin.reserve(10_000) { squeezed = 10_000 }
  }

  private func releaseSqueeze() {
    if squeezed > 0 { trail.append("release") }
    bench.basin.release(squeezed)
    squeezed = 0
  }

  /// Where a kill is possible: what cannot be read again afterwards is read and committed first.
  private func secure() {
    guard kills, !isDown else { return }
    releaseSqueeze()
    poll(0)
    committed = bench.basin.now
  }

  private var isDown = false

  private func kill() {
    releaseSqueeze()
    trail.append("kill")
    isDown = true
    isQuiescent = false
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      switch Int.random(in: 0...3, using: &random) {
      case 0: append()
      case 1: halfLine()
      case 2: lateWrite()
      default: if [.numbers, .stamps, .copyTruncate].contains(rotation) { rotate() }
      }
    }
    isDown = false
    trail.append("start")
    bench.restart(from: committed)
    if faults { faultyPoll(0) }
    poll(0)
  }

  // MARK: - The oracle

  private func difference() -> String? {
    var expected: [String: Int] = [:]
    for content in contents {
      for line in content.bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
        expected[String(decoding: line, as: UTF8.self), default: 0] += 1
      }
    }
    for line in bench.basin.lines { expected[line, default: 0] -= 1 }
    let wrong = expected.filter { $0.value != 0 }.map {
      "\($0.value > 0 ? "missing" : "doubled"): \($0.key.prefix(40))"
    }
    if !wrong.isEmpty { return wrong.sorted().joined(separator: "; ") }
    let state = bench.basin.now
    if !state.fragments.isEmpty { return "fragments: \(state.fragments.map { $0.prefix(40) })" }
    if !state.faults.isEmpty { return "faults: \(state.faults)" }
    if state.reserved != 0 { return "\(state.reserved) bytes stay reserved" }
    let leaving = bench.follower.open.filter { $0.phase != .live }
    if !leaving.isEmpty {
      return "files stay open: \(leaving.map { ($0.path, $0.phase, $0.isAtEnd, $0.isFaulty, $0.seenSize) })"
    }
    if bench.basin.now.gapBytes != 0 {
      return "a gap of \(bench.basin.now.gapBytes) bytes where nothing was lost"
    }
    return nil
  }
}
