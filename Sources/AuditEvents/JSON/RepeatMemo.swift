import Glibc

/// What stood behind a user's name when it was last read: the rest of the user's object and the annotations, byte by byte,
/// because the same user's events repeat them and comparing is far cheaper than reading again.
///
/// A hit means that the very same bytes were read and found right before, so the answer is the same. A wrong guess costs a
/// comparison; nothing else depends on the table, so nobody gains by aiming at its places.
/// - Shape: a place for each name's hash, whoever comes last has it; the bytes one behind the other in one block, so that
///   the users of the hour lie close together and stay in the processor's caches. When the block is full, all is forgotten.
@safe final class RepeatMemo {
  private static let places = 4096
  private static let blockBytes = 1 << 20
  /// Longer parts are not kept; `uid`, `groups` and `extra` of a service account take about 600 bytes.
  private static let partLimit = 1024
  /// Room comes in multiples of this, a cache line: what is replaced mostly fits where it stood.
  private static let granule = 64

  /// Bytes that were read and found right.
  private struct Part {
    var start: UInt32 = 0
    /// 0 marks a part that is not kept.
    var count: UInt16 = 0
    var room: UInt16 = 0
  }

  private struct Entry {
    var user = Part()
    var annotations = Part()
    var decision = Decision.absent
  }

  // SAFETY: `blockBytes` bytes and `places` entries from `init` to `deinit`. Each part's `room` bytes lie in the block and
  // belong to it alone; its first `count` bytes are initialised, and no more are compared.
  private let bytes: UnsafeMutablePointer<UInt8>
  private let entries: UnsafeMutablePointer<Entry>
  /// How much of the block belongs to parts.
  private var used = 0

  init() {
    unsafe bytes = .allocate(capacity: Self.blockBytes)
    unsafe entries = .allocate(capacity: Self.places)
    unsafe entries.initialize(repeating: Entry(), count: Self.places)
  }

  deinit {
    unsafe bytes.deallocate()
    unsafe entries.deallocate()
  }

  /// The place of a user's name. At least 64 bytes are readable behind every text.
  @inline(__always)
  static func place(of user: Text) -> Int {
    let start = user.start
    // Names share their beginnings ("system:serviceaccount:"), so the end decides.
    let end = start + max(0, user.count &- 8)
    let mixed = (end.word ^ UInt64(truncatingIfNeeded: user.count)) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: (mixed ^ (start + user.count / 2).word &* 0xff51_afd7_ed55_8ccd) &>> 52)
  }

  /// Moves over the rest of the user's object if it is the one that stood there last.
  @inline(__always)
  func passUser(_ at: Int, _ place: inout BytePointer, end: BytePointer) -> Bool {
    pass(unsafe entries[at].user, &place, end: end)
  }

  /// Moves over the annotations if they are those that stood there last, and answers their decision.
  @inline(__always)
  func passAnnotations(_ at: Int, _ place: inout BytePointer, end: BytePointer) -> Decision? {
    pass(unsafe entries[at].annotations, &place, end: end) ? unsafe entries[at].decision : nil
  }

  /// Keeps what was just read.
  @inline(never)
  func keepUser(_ at: Int, from start: BytePointer, to end: BytePointer) {
    guard let part = kept(from: start, to: end, insteadOf: unsafe entries[at].user) else { return }
    unsafe entries[at].user = part
  }

  /// Keeps what was just read.
  @inline(never)
  func keepAnnotations(_ at: Int, from start: BytePointer, to end: BytePointer, _ decision: Decision) {
    guard let part = kept(from: start, to: end, insteadOf: unsafe entries[at].annotations) else { return }
    unsafe entries[at].annotations = part
    unsafe entries[at].decision = decision
  }

  /// A copy in the block, where `old` stood if it fits; nil when it is too long to be kept.
  private func kept(from start: BytePointer, to end: BytePointer, insteadOf old: Part) -> Part? {
    let count = end - start
    guard count <= Self.partLimit else { return nil }
    var part = old
    if count > part.room {
      let room = (count + Self.granule - 1) / Self.granule * Self.granule
      if used + room > Self.blockBytes { forgetAll() }
      part = Part(start: UInt32(used), room: UInt16(room))
      used += room
    }
    part.count = UInt16(count)
    // SAFETY: the part's room holds `count` bytes.
    unsafe memcpy(bytes + Int(part.start), start.raw, count)
    return part
  }

  private func forgetAll() {
    unsafe entries.update(repeating: Entry(), count: Self.places)
    used = 0
  }

  @inline(__always)
  private func pass(_ part: Part, _ place: inout BytePointer, end: BytePointer) -> Bool {
    let count = Int(part.count)
    // SAFETY: `count` bytes of the part are initialised, and as many are before `end`.
    guard count > 0, count <= end - place, unsafe memcmp(place.raw, bytes + Int(part.start), count) == 0 else {
      return false
    }
    place += count
    return true
  }
}
