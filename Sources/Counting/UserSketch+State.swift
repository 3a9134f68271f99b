/// The entries of one source IP in one chunk.
///
/// - Shape: the precision at which it was written, the latest second, then for each entry its register within the chunk and
///   its rank in one number, and how many seconds it is before the latest: about three bytes an entry.
/// - Staleness: entries that were dropped, or joined by a lower precision, stay in a chunk until it is written again. Reading
///   drops and joins them in the same way, so nothing is rewritten for that.
struct SketchChunk {
  static let version: UInt8 = 1

  struct Entry {
    /// Rank in the lower six bits, above it the register's bits behind the first eight.
    var code: UInt16
    var second: UInt32
  }

  static func bytes(_ entries: ArraySlice<Entry>, precision: Int) -> [UInt8] {
    guard let latest = entries.map(\.second).max() else { return [] }
    var writer = StateWriter(version: version, capacity: 16 + 4 * entries.count)
    writer.write(byte: UInt8(truncatingIfNeeded: precision))
    writer.write(latest)
    for entry in entries {
      writer.write(UInt32(entry.code))
      writer.write(latest - entry.second)
    }
    return writer.bytes
  }

  /// The chunk of a register of this precision.
  static func chunk(_ register: Int, precision: Int) -> Int {
    precision >= 8 ? register >> (precision - 8) : register << (8 - precision)
  }

  static func code(_ register: Int, _ rank: Int, precision: Int) -> UInt16 {
    let low = precision > 8 ? register & (1 << (precision - 8) - 1) : 0
    return UInt16(truncatingIfNeeded: low << 6 | rank)
  }
}

extension UserSketch {
  /// The entries of chosen chunks, grouped by slot.
  ///
  /// - Parameter slot: the group of an owner's chunk, below `slots`; nil when it is not wanted.
  /// - Complexity: two passes over the table, at most 262,144 places.
  func entries(slots: Int, slot: (_ owner: Int, _ chunk: Int) -> Int?) -> (starts: [Int], all: [SketchChunk.Entry]) {
    var starts = [Int](repeating: 0, count: slots + 1)
    forEachEntry { owner, register, _, _ in
      if let slot = slot(owner, SketchChunk.chunk(register, precision: precision)) { starts[slot + 1] += 1 }
    }
    for i in 0..<slots { starts[i + 1] += starts[i] }
    var all = [SketchChunk.Entry](repeating: SketchChunk.Entry(code: 0, second: 0), count: starts[slots])
    var next = starts
    forEachEntry { owner, register, rank, second in
      guard let slot = slot(owner, SketchChunk.chunk(register, precision: precision)) else { return }
      all[next[slot]] = SketchChunk.Entry(
        code: SketchChunk.code(register, rank, precision: precision), second: second)
      next[slot] += 1
    }
    return (starts, all)
  }

  private func forEachEntry(_ body: (_ owner: Int, _ register: Int, _ rank: Int, _ second: UInt32) -> Void) {
    guard count > 0 else { return }
    for i in keys.indices where keys[i] != 0 {
      let key = keys[i] - 1
      body(Self.owner(key), Int(key >> 8 & 0xffff), Int(key & 0xff), seconds[i])
    }
  }

  /// Takes over what `SketchChunk.bytes` wrote of a chunk.
  ///
  /// - Parameters:
  ///   - first: entries of an earlier second were dropped.
  ///   - last: no entry is later.
  mutating func restore(
    owner: Int, chunk: Int, _ bytes: [UInt8], from first: UInt32, through last: UInt32
  ) throws(StateDamage) {
    var reader = try StateReader(bytes, version: SketchChunk.version)
    let written = Int(try reader.readByte())
    guard (Self.leastPrecision...Self.fullPrecision).contains(written) else {
      throw StateDamage("its precision is none")
    }
    guard written >= 8 || chunk & (1 << (8 - written) - 1) == 0 else { throw StateDamage("its chunk is none") }
    let latest = try reader.readUInt32(upTo: last)
    let lowBits = max(0, written - 8)
    while !reader.isAtEnd {
      let code = try reader.readInt(upTo: 1 << (lowBits + 6) - 1)
      let second = latest - (try reader.readUInt32(upTo: latest))
      var rank = code & 63
      guard rank >= 1, rank <= 65 - written else { throw StateDamage("a rank is none") }
      guard second >= max(1, first) else { continue }
      guard written >= precision else { throw StateDamage("its precision is none") }
      var register = written >= 8 ? chunk << lowBits | code >> 6 : chunk >> (8 - written)
      for _ in precision..<written {
        rank = register & 1 == 1 ? 1 : rank + 1
        register >>= 1
      }
      enter(Self.key(owner, UInt64(register), rank), second)
      guard count * 4 <= keys.count * 3 else { throw StateDamage("it holds more than the sketch does") }
    }
  }
}
