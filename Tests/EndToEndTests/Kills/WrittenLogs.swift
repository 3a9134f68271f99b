import Concurrency
import Glibc
import TestSupport

/// One log that is written and rotated, and how much of each of its files was counted.
// Unchecked: used by one thread at a time, that of the test, or that of a writer whom the test waits for.
final class WrittenLog: @unchecked Sendable {
  /// Renamed to numbers, renamed to times as the API server does, or one file after another under a pattern.
  enum Habit: CaseIterable { case numbers, stamps, many }

  /// One file from its birth to its end.
  private struct Content {
    let key: FileKey
    var size = 0
    var lines: [(end: Int, deed: Deed)] = []
    /// How many lines the last state that was seen had counted.
    var counted = 0
    var isDeleted = false

    var stream: String { "\(key.device):\(key.inode):\(key.birth)" }
  }

  private static let backupsLimit = 12
  private let folder: String
  private let cluster: String
  private let habit: Habit
  private let times: Deed.Times
  private var random: SplitMix64
  private var contents: [Content] = []
  private var live: (path: String, content: Int)?
  /// The file that was rotated last: its writer may still hold it.
  private var former: (path: String, content: Int)?
  /// The newest first.
  private var backups: [(path: String, content: Int)] = []
  private var pending: (rest: [UInt8], deed: Deed)?
  private var number = 0
  private(set) var rotations = 0

  init(_ habit: Habit, cluster: String, folder: String, _ times: Deed.Times, seed: UInt64) {
    (self.habit, self.cluster, self.folder, self.times) = (habit, cluster, folder, times)
    random = SplitMix64(seed: seed)
  }

  /// What the exporter is told to follow.
  var pattern: String { habit == .many ? "\(folder)/*.log" : "\(folder)/audit.log" }

  // MARK: - Writing

  func step() throws {
    switch random.below(100) {
    case 0..<60: try append(random.pick(1...6))
    case 60..<72: try halfLine()
    case 72..<82: try lateWrite()
    default: try rotate()
    }
  }

  private func line() -> (bytes: [UInt8], deed: Deed) {
    number += 1
    var deed = Deed.random(cluster, users: 0...7, &random)
    // The first event of a file is recent, so that the cluster's edge is where the campaign thinks it is.
    if let live, contents[live.content].lines.isEmpty { deed.age = .recent }
    var json = deed.json(number, times)
    if random.oneIn(150) {
      // Longer than any buffer.
      let long = String(repeating: "long ", count: random.pick(60_000...200_000))
      json = json.replacing(#""userAgent":"test""#, with: "\"userAgent\":\"\(long)\"")
    }
    return (Array((json + "\n").utf8), deed)
  }

  private func append(_ count: Int) throws {
    for _ in 0..<count {
      let target = try begun()
      try finishLine()
      let (bytes, deed) = line()
      try write(bytes, to: target, deed)
    }
  }

  private func halfLine() throws {
    guard pending == nil else { return try finishLine() }
    let target = try begun()
    let (bytes, deed) = line()
    let cut = random.pick(1...(bytes.count - 1))
    try write(Array(bytes[..<cut]), to: target, nil)
    pending = (Array(bytes[cut...]), deed)
  }

  private func finishLine() throws {
    guard let live, let (rest, deed) = pending else { return }
    pending = nil
    try write(rest, to: live, deed)
  }

  private func lateWrite() throws {
    guard let former else { return }
    let (bytes, deed) = line()
    try write(bytes, to: former, deed)
  }

  private func begun() throws -> (path: String, content: Int) {
    if let live { return live }
    number += 1
    let path = habit == .many ? "\(folder)/\(number).log" : "\(folder)/audit.log"
    try Files.write([], to: path)
    contents.append(Content(key: try FileFacts(path: path).key))
    let begun = (path, contents.count - 1)
    live = begun
    return begun
  }

  private func write(_ bytes: [UInt8], to target: (path: String, content: Int), _ deed: Deed?) throws {
    try Files.write(bytes, to: target.path, append: true)
    contents[target.content].size += bytes.count
    if let deed { contents[target.content].lines.append((contents[target.content].size, deed)) }
  }

  // MARK: - Rotating

  func rotate() throws {
    guard let live, backups.count < Self.backupsLimit, !contents[live.content].lines.isEmpty else { return }
    try finishLine()
    rotations += 1
    var path = live.path
    switch habit {
    case .numbers:
      for at in backups.indices.reversed() { try rename(&backups[at].path, to: "\(folder)/audit.log.\(at + 2)") }
      try rename(&path, to: "\(folder)/audit.log.1")
    case .stamps:
      let stamp = String(1_000 + rotations)
      try rename(&path, to: "\(folder)/audit-2026-01-01T00-0\(stamp.first ?? "1")-00.\(stamp.dropFirst()).log")
    case .many: break
    }
    backups.insert((path, live.content), at: 0)
    former = backups.first
    self.live = nil
    if random.oneIn(2) { _ = try begun() }
  }

  private func rename(_ path: inout String, to other: String) throws {
    guard unsafe Glibc.rename(path, other) == 0 else { throw Concurrency.SystemError.last }
    path = other
  }

  /// Everything was seen to be counted: old files go, and now and then the live one is made anew under its name.
  func allWasCounted() throws {
    for at in contents.indices { contents[at].counted = contents[at].lines.count }
    if random.oneIn(3) {
      former = nil
      for backup in backups.dropFirst(1) { try delete(backup) }
      backups.removeLast(max(0, backups.count - 1))
    }
    if random.oneIn(3), let live, pending == nil {
      try delete(live)
      self.live = nil
      if random.oneIn(2) { _ = try begun() }
    }
  }

  private func delete(_ file: (path: String, content: Int)) throws {
    guard unsafe unlink(file.path) == 0 else { throw Concurrency.SystemError.last }
    contents[file.content].isDeleted = true
  }

  // MARK: - The oracle

  /// Ends the line that was begun, and has every line counted in the ledger.
  func completeLedger(_ ledger: inout Ledger) throws {
    try finishLine()
    for at in contents.indices { count(at, upTo: contents[at].lines.count, &ledger) }
  }

  /// Takes over how far a state had come, by its positions; answers what is wrong with them.
  func follow(_ positions: [String: Int], _ ledger: inout Ledger) -> [String] {
    var faults: [String] = []
    for at in contents.indices {
      let content = contents[at]
      guard let offset = positions[content.stream] else {
        if content.counted > 0, !content.isDeleted { faults.append("\(content.stream): its position is gone") }
        continue
      }
      let lines = content.lines.prefix { $0.end <= offset }.count
      let end = lines == 0 ? 0 : content.lines[lines - 1].end
      if end != offset { faults.append("\(content.stream): position \(offset) is inside of a line") }
      if lines < content.counted { faults.append("\(content.stream): \(lines) lines after \(content.counted)") }
      count(at, upTo: lines, &ledger)
    }
    return faults
  }

  private func count(_ at: Int, upTo lines: Int, _ ledger: inout Ledger) {
    guard contents[at].counted < lines else { return }
    for line in contents[at].lines[contents[at].counted..<lines] { ledger.add(line.deed, "file", times: 1) }
    contents[at].counted = lines
  }
}
