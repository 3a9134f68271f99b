internal import Concurrency
internal import Diagnostics
internal import Engine

/// How far a file was counted, as it is kept over restarts: which file it is, and enough of its content to be sure.
///
/// - Shape: the stream's name is the file's key. The mark is text, so that a person can read it: version, offset and
///   content bytes at the batch's end, size seen, hashes and counts of tail and head, flags, and the path that it was
///   written under.
struct SavedPosition {
  private static let version = "1"

  let key: FileKey
  /// As of the batch's end, but that its content begins again at `contentBytes` of the position.
  let record: FileRecord
  /// The path that it was written under.
  let base: String

  init(key: FileKey, record: FileRecord, base: String) {
    self.key = key
    self.record = record
    self.base = base
  }

  /// What the engine gave back after a restart; nil when it cannot be read.
  init?(_ position: InputPosition) {
    let names = position.stream.split(separator: ":")
    guard names.count == 3, let device = UInt64(names[0]), let inode = UInt64(names[1]), let birth = Int64(names[2])
    else { return nil }
    let fields = String(decoding: position.mark, as: UTF8.self).split(separator: " ", maxSplits: 9)
    guard fields.count == 10, fields[0] == Self.version else { return nil }
    let numbers = fields[1...8].compactMap { UInt64($0) }
    guard numbers.count == 8, numbers[..<3].allSatisfy({ $0 < UInt64(Int64.max) }), numbers[4] <= UInt16.max,
      numbers[6] <= UInt16.max, position.offset <= numbers[1]
    else { return nil }
    var record = FileRecord()
    record.offset = Int(numbers[0])
    record.contentBytes = Int(numbers[1])
    record.seenSize = Int(numbers[2])
    // Looked at, whatever it looks like.
    record.seenModified = .min
    record.tail = Fingerprint(hash: numbers[3], count: Int(numbers[4]))
    record.head = Fingerprint(hash: numbers[5], count: Int(numbers[6]))
    record.isGzip = numbers[7] & 1 != 0
    record.isSkipping = numbers[7] & 2 != 0
    record.isFragment = numbers[7] & 4 != 0
    record.isIgnored = numbers[7] & 8 != 0
    record.isSaved = true
    record.repeatedBytes = Int(numbers[1] - position.offset)
    guard record.tail.count <= record.offset else { return nil }
    self.init(key: FileKey(device: device, inode: inode, birth: birth), record: record, base: String(fields[9]))
  }

  /// What the engine keeps.
  var position: InputPosition {
    let flags =
      (record.isGzip ? 1 : 0) | (record.isSkipping ? 2 : 0) | (record.isFragment ? 4 : 0)
      | (record.isIgnored ? 8 : 0)
    let numbers: [UInt64] = [
      UInt64(record.offset), UInt64(record.contentBytes), UInt64(record.seenSize), record.tail.hash,
      UInt64(record.tail.count), record.head.hash, UInt64(record.head.count), UInt64(flags),
    ]
    let mark = ([Self.version] + numbers.map(String.init) + [base]).joined(separator: " ")
    return InputPosition(
      stream: Self.stream(of: key), offset: UInt64(record.contentBytes), mark: Array(mark.utf8))
  }

  static func stream(of key: FileKey) -> String { "\(key.device):\(key.inode):\(key.birth)" }
}

/// What a follower knows of earlier runs.
struct SavedPositions {
  /// Birth times come from a clock that ticks every few milliseconds.
  private static let tick: Int64 = 10_000_000
  /// The name under which the time of the first run is kept.
  private static let firstRun = "first run"

  /// When files were followed for the first time, nanoseconds since the epoch; nil when that is now.
  private(set) var since: Int64?
  /// The same; the time of this run's beginning when it is the first.
  private var begun: Int64?
  /// Files by inode and birth alone: a disk may come back as another device.
  private var byInode: [FileKey: FileKey] = [:]

  mutating func add(_ saved: SavedPosition) {
    if saved.key.birth != 0 { byInode[Self.anywhere(saved.key)] = saved.key }
  }

  /// Takes over the time of the first run. False when the position is something else.
  mutating func takeFirstRun(_ position: InputPosition) -> Bool {
    guard position.stream == Self.firstRun else { return false }
    since = Int64(String(decoding: position.mark, as: UTF8.self))
    begun = since
    return true
  }

  /// Says that there was no earlier run.
  mutating func beginFirstRun(at time: Microseconds) { begun = time * 1_000 }

  /// What is kept of the first run, which is now.
  static func firstRun(at time: Microseconds) -> InputPosition {
    InputPosition(stream: firstRun, offset: 0, mark: Array(String(time * 1_000 - tick).utf8))
  }

  /// Whether a file that nobody knows came after the first run: it was not there to be passed over.
  func isNew(_ key: FileKey) -> Bool { begun.map { key.birth != 0 && key.birth >= $0 } ?? false }

  /// The former key of a file that lies on another device by now.
  func formerKey(of key: FileKey) -> FileKey? {
    let former = byInode[Self.anywhere(key)]
    return former == key ? nil : former
  }

  private static func anywhere(_ key: FileKey) -> FileKey {
    FileKey(device: 0, inode: key.inode, birth: key.birth)
  }
}
