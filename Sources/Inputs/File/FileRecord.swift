internal import Concurrency

/// What is remembered of a file that is not open: small, for there may be a million of them.
struct FileRecord: Sendable {
  var offset = 0
  /// `FilePosition.contentBytes`.
  var contentBytes = 0
  /// The file as it was when it was closed: another size or time means that there is something to read.
  var seenSize = 0
  var seenModified: Int64 = 0
  private var tailHash = Fingerprint().hash
  private var headHash = Fingerprint().hash
  private var streamOrNone = UInt64.max
  private var tailCount: UInt16 = 0
  private var headCount: UInt16 = 0
  /// The scan that met it last.
  var scan: UInt32 = 0
  private var flags: Flags = []
  private var repeated: UInt32 = 0

  private struct Flags: OptionSet {
    var rawValue: UInt8
    static let isOpen = Flags(rawValue: 1)
    static let isGzip = Flags(rawValue: 2)
    static let isSkipping = Flags(rawValue: 4)
    static let isIgnored = Flags(rawValue: 8)
    static let isFragment = Flags(rawValue: 16)
    static let isSaved = Flags(rawValue: 32)
  }

  /// How much of the content before the position is to be read once more: an event that was only begun, 4 GiB at most.
  var repeatedBytes: Int {
    get { Int(repeated) }
    set { repeated = UInt32(clamping: newValue) }
  }
  /// The bytes before `offset`.
  var tail: Fingerprint {
    get { Fingerprint(hash: tailHash, count: Int(tailCount)) }
    set { (tailHash, tailCount) = (newValue.hash, UInt16(newValue.count)) }
  }
  /// The beginning of the content.
  var head: Fingerprint {
    get { Fingerprint(hash: headHash, count: Int(headCount)) }
    set { (headHash, headCount) = (newValue.hash, UInt16(newValue.count)) }
  }
  /// The stream that it continues; nil when that has ended.
  var stream: UInt64? {
    get { streamOrNone == .max ? nil : streamOrNone }
    set { streamOrNone = newValue ?? .max }
  }
  var isOpen: Bool {
    get { flags.contains(.isOpen) }
    set { set(.isOpen, newValue) }
  }
  var isGzip: Bool {
    get { flags.contains(.isGzip) }
    set { set(.isGzip, newValue) }
  }
  var isSkipping: Bool {
    get { flags.contains(.isSkipping) }
    set { set(.isSkipping, newValue) }
  }
  /// Passed over on purpose: it was there before us, or its content is known from another file.
  var isIgnored: Bool {
    get { flags.contains(.isIgnored) }
    set { set(.isIgnored, newValue) }
  }
  /// Not one line is complete in it.
  var isFragment: Bool {
    get { flags.contains(.isFragment) }
    set { set(.isFragment, newValue) }
  }

  /// A position of this file is kept for the next start.
  var isSaved: Bool {
    get { flags.contains(.isSaved) }
    set { set(.isSaved, newValue) }
  }

  private mutating func set(_ flag: Flags, _ value: Bool) {
    if value { flags.insert(flag) } else { flags.remove(flag) }
  }

  /// Whether the content of a file begins with all that is remembered of this one's beginning. `content` is its first
  /// bytes; nil when they are too few to tell.
  func isBeginning(of content: [UInt8]) -> Bool? {
    // Less than a line could be the beginning of anything.
    guard headCount > 0, !isFragment else { return false }
    guard content.count >= headCount else { return nil }
    return holdsHead(content)
  }

  /// What is remembered of this one's beginning, if `content` begins with it; half a line is enough.
  func beginning(in content: [UInt8]) -> [UInt8]? {
    guard headCount > 0, content.count >= headCount, holdsHead(content) else { return nil }
    return Array(content.prefix(Int(headCount)))
  }

  private func holdsHead(_ content: [UInt8]) -> Bool { Fingerprint.of(content.prefix(Int(headCount))) == head }
}

/// The records by file. In many small tables, so that growing never holds a second copy of all of them.
struct FileRegistry: Sendable {
  private static let tables = 101

  private var parts = [[FileKey: FileRecord]](repeating: [:], count: tables)

  var count: Int { parts.reduce(0) { $0 + $1.count } }

  subscript(_ key: FileKey) -> FileRecord? {
    _read { yield parts[Self.table(key)][key] }
    _modify { yield &parts[Self.table(key)][key] }
  }

  /// How many records satisfy `condition`.
  func count(where condition: (FileRecord) -> Bool) -> Int {
    parts.reduce(0) { $0 + $1.values.count(where: condition) }
  }

  /// Answers the files of which a position is kept and that are forgotten.
  mutating func keepOnly(where condition: (FileRecord) -> Bool) -> [FileKey] {
    var forgotten: [FileKey] = []
    for at in parts.indices {
      parts[at] = parts[at].filter { key, record in
        if condition(record) { return true }
        if record.isSaved { forgotten.append(key) }
        return false
      }
    }
    return forgotten
  }

  private static func table(_ key: FileKey) -> Int { Int(key.inode % UInt64(tables)) }
}
