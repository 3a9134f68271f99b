internal import AuditEvents

/// The values of operands of one event, each read at most once: bytes in one buffer that is kept from event to event.
struct ValueStore {
  /// More than this of one event's values is not kept: the operand has no value then, and `isOverrun` says so.
  static let bytesLimit = 64 << 20
  static let valuesLimit = 1 << 20
  /// Room that stays when an event is done.
  private static let keptBytes = 1 << 20
  private static let keptValues = 1 << 14

  private(set) var bytes: [UInt8] = []
  /// Where each value ends; it begins where the one before ends.
  private var ends: [Int] = []
  /// For each operand, its values: numbers of the first and behind the last; negative when not read yet.
  private var firsts: [Int32]
  private var lasts: [Int32]
  private var filled: [Int32] = []
  private(set) var isOverrun = false

  init(operands: Int) {
    firsts = Array(repeating: -1, count: operands)
    lasts = Array(repeating: -1, count: operands)
  }

  /// Forgets the last event's values.
  mutating func clear() {
    for operand in filled { firsts[Int(operand)] = -1 }
    filled.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytes)
    ends.removeAll(keepingCapacity: ends.capacity <= Self.keptValues)
    isOverrun = false
  }

  /// The values of an operand that was read; nil before.
  func values(of operand: Int32) -> Range<Int>? {
    let first = firsts[Int(operand)]
    return first < 0 ? nil : Int(first)..<Int(lasts[Int(operand)])
  }

  /// The bytes of a value.
  func range(of value: Int) -> Range<Int> { (value == 0 ? 0 : ends[value - 1])..<ends[value] }

  // MARK: - Writing

  /// A point to go back to.
  struct Mark {
    let bytes: Int
    let values: Int
  }
  var mark: Mark { Mark(bytes: bytes.count, values: ends.count) }

  mutating func reset(to mark: Mark) {
    bytes.removeLast(bytes.count - mark.bytes)
    ends.removeLast(ends.count - mark.values)
  }

  /// Ends reading `operand`: what was pushed since `mark` are its values.
  mutating func finish(_ operand: Int32, since mark: Mark) {
    if ends.count > Self.valuesLimit || bytes.count > Self.bytesLimit {
      reset(to: mark)
      isOverrun = true
    }
    firsts[Int(operand)] = Int32(mark.values)
    lasts[Int(operand)] = Int32(ends.count)
    filled.append(operand)
  }

  /// Whether nothing more needs to be read.
  var isFull: Bool { ends.count > Self.valuesLimit || bytes.count > Self.bytesLimit }

  /// Makes a value of what was written since the last one.
  mutating func endValue() {
    if !isFull { ends.append(bytes.count) }
  }

  mutating func write(_ byte: UInt8) { bytes.append(byte) }
  mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }
  mutating func write(_ text: [UInt8]) { bytes.append(contentsOf: text) }
  mutating func write(unescaped text: Text) {
    if !isFull { text.appendUnescaped(to: &bytes) }
  }
  mutating func write(raw text: Text) {
    if !isFull { text.appendRaw(to: &bytes) }
  }
  mutating func write(escaped text: Text) {
    if !isFull { text.appendEscaped(to: &bytes) }
  }
  /// Writes bytes of an earlier value.
  mutating func write(again range: Range<Int>) {
    guard !isFull else { return }
    for at in range { bytes.append(bytes[at]) }
  }

  /// Changes what was written since `start`, byte by byte.
  mutating func map(from start: Int, _ change: (UInt8) -> UInt8) {
    for at in start..<bytes.count { bytes[at] = change(bytes[at]) }
  }
  mutating func move(_ from: Int, to place: Int) { bytes[place] = bytes[from] }
  mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }
}
