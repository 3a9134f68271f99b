import Glibc

/// What stood behind a user's name when it was last read: the rest of the user's object and the annotations, byte by byte,
/// because the same user's events repeat them and comparing is far cheaper than reading again.
///
/// A hit means that the very same bytes were read and found right before, so the answer is the same. A wrong guess costs a
/// comparison; nothing else depends on the table, so nobody gains by aiming at its places.
/// - Shape: `places` entries of two parts, each of a bounded length; longer parts are not kept. About 1.5 KB
///   for each user in use, 6 MB at most.
@safe final class RepeatMemo {
  private static let places = 4096
  /// `uid`, `groups` and `extra` of a service account take about 600 bytes.
  private static let userLimit = 1024
  private static let annotationsLimit = 512
  private static let entryBytes = userLimit + annotationsLimit

  // SAFETY: `places * entryBytes` bytes from `init` to `deinit`; of each part the first `count` bytes are initialised, and
  // no more are compared.
  private let bytes: UnsafeMutablePointer<UInt8>
  private let entries: UnsafeMutablePointer<Entry>

  private struct Entry {
    var userCount = 0
    var annotationsCount = 0
    var decision = Decision.absent
  }

  init() {
    unsafe bytes = .allocate(capacity: Self.places * Self.entryBytes)
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
    let count = unsafe entries[at].userCount
    // SAFETY: `count` bytes of the entry are initialised, and as many are before `end`.
    guard count > 0, count <= end - place, unsafe memcmp(place.raw, bytes + (at &* Self.entryBytes), count) == 0 else {
      return false
    }
    place += count
    return true
  }

  /// Keeps what was just read.
  func keepUser(_ at: Int, from start: BytePointer, to end: BytePointer) {
    let count = end - start
    guard count <= Self.userLimit else { return }
    // SAFETY: the part has room for `userLimit` bytes.
    unsafe memcpy(bytes + at * Self.entryBytes, start.raw, count)
    unsafe entries[at].userCount = count
  }

  /// Moves over the annotations if they are those that stood there last, and answers their decision.
  @inline(__always)
  func passAnnotations(_ at: Int, _ place: inout BytePointer, end: BytePointer) -> Decision? {
    let count = unsafe entries[at].annotationsCount
    guard count > 0, count <= end - place else { return nil }
    // SAFETY: `count` bytes of the entry are initialised, and as many are before `end`.
    guard unsafe memcmp(place.raw, bytes + (at &* Self.entryBytes &+ Self.userLimit), count) == 0 else { return nil }
    place += count
    return unsafe entries[at].decision
  }

  /// Keeps what was just read.
  func keepAnnotations(_ at: Int, from start: BytePointer, to end: BytePointer, _ decision: Decision) {
    let count = end - start
    guard count <= Self.annotationsLimit else { return }
    // SAFETY: the part has room for `annotationsLimit` bytes.
    unsafe memcpy(bytes + at * Self.entryBytes + Self.userLimit, start.raw, count)
    unsafe entries[at].annotationsCount = count
    unsafe entries[at].decision = decision
  }
}
